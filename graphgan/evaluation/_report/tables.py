"""The tables of a report: every metric of every system, and of groups of probes."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from graphgan.data import read_table
from graphgan.evaluation._evaluate import Evaluation
from graphgan.evaluation._measurements import Measurement, Measurements
from graphgan.evaluation._report.figures import figures


class Published(NamedTuple):
    """A published figure, printed next to the measured ones and marked as such.

    Args:
        system: name of the system.
        metric: its name in our tables.
        value: a share of 1 if ours is in percent.
        deviation: standard deviation over folds, or None.
        source: where it was published.
    """

    system: str
    metric: str
    value: float
    deviation: float | None
    source: str


def read_published(path: Path) -> list[Published]:
    """Read a CSV file with the columns system, metric, value, deviation (may be empty) and source.

    Raises:
        ValueError: another kind of file; the message gives file and line.
    """
    lines = read_table(path)
    if next(lines, (1, []))[1] != list(Published._fields):
        raise ValueError(f"{path}: expected the columns {','.join(Published._fields)}")
    rows = []
    for number, row in lines:
        try:
            system, metric, value, deviation, source = row
            spread = float(deviation) if deviation else None
            rows.append(Published(system, metric, float(value), spread, source))
            if not math.isfinite(rows[-1].value + (spread or 0)):
                raise ValueError
        except ValueError:
            raise ValueError(f"{path}: line {number}: expected a number, got {row}") from None
    return rows


class _Table(NamedTuple):
    """Metrics that stand together: those whose names end as these regular expressions say."""

    title: str
    explanation: str
    endings: tuple[str, ...]
    percent: bool = True


_TABLES = (
    _Table(
        "Detection, % of the probes",
        "Higher is better. In place: the box overlaps enough with that of the source's landmarks.",
        ("detected by .*", "detected in place by .*", "detected where the original is"),
    ),
    _Table(
        "Pose",
        "Lower is better; over detected faces. Mean absolute difference of landmark coordinates, "
        "divided by the distance of the outer eye corners: to the given landmarks (the floor is "
        "the detector's own error, row `original`), and to those detected in the original (the "
        "floor is 0). As published: to the detected ones, divided by the mean absolute coordinate "
        "difference of the corners; compare it only with papers that define it in this way.",
        ("pose error", "pose error to detected", "pose error as published"),
        percent=False,
    ),
    _Table(
        "Expression, gaze and head pose: correlation with the original",
        "Higher is better; over faces found in both images. Even a face pasted from another image "
        "agrees in yaw and roll, since the rest of the head stays.",
        (": correlation",),
        percent=False,
    ),
    _Table(
        "The same: mean difference from the original",
        "Lower is better; in units of `graphgan.metrics.Expression`.",
        (": difference", ": difference, degrees"),
        percent=False,
    ),
    _Table(
        "Appearance",
        "Seam: strength of edges across the outline of the face, divided by that in the original; "
        "1 if no seam is visible. Sharpness: fine structure, divided by that of the original, and "
        "by that of the surroundings. Skin tone: distance (CIE76) of the face's color to that of "
        "the skin beside it.",
        ("seam", "sharpness", "sharpness, against the surroundings", "skin tone.*"),
        percent=False,
    ),
    _Table(
        "Recognized in a gallery of other images, %",
        "Lower is better. Rank-1: the nearest face in the gallery is the person's. Verified: the "
        "distance to the person's image is within the recognizer's threshold, or within the "
        "distance that accepts the given share of pairs of original faces of different people "
        "(FAR, the false-accept rate). *pipeline*: the attacker finds and aligns faces with the "
        "detector and the landmarker; *pose known*: the attacker aligns faces by the true "
        "landmarks.",
        (": rank-1", ": verified", ": verified at FAR .* %"),
    ),
    _Table(
        "Taken for somebody else, %",
        "Share of the gallery images that are within the recognizer's threshold of a result, among "
        "those that show neither the person nor the person of the condition image. In the row "
        "`original` it is the false-accept rate.",
        (": accepted as others",),
    ),
    _Table(
        "Pairs of an anonymized and an untouched image, of one person or of two",
        "Lower is better. AUC: area under the ROC curve; 0.5 if distances reveal nothing, 1 if "
        "they reveal everything. F1: at the best threshold for the attacker; 0.667 if all of "
        "equally many pairs are accepted. The images of one person come from two videos.",
        (": pairs AUC", ": pairs F1"),
        percent=False,
    ),
    _Table(
        "Recognized by a parrot, rank-1 in %",
        "Lower is better. A *parrot* is an attacker who has the parrot images, anonymized images "
        "of people in the gallery, and trains a linear head on their descriptors. A fixed "
        "condition image for each person reveals the answer.",
        ("parrot, conditions drawn", "parrot, one condition a person"),
    ),
    _Table(
        "Two anonymized images linked, area under the ROC curve",
        "Lower is better, 0.5 is chance. Pairs of anonymized images of one person, from two "
        "videos, against pairs of two people. A fixed condition image for each person links the "
        "images by design.",
        (": linked, conditions drawn", ": linked, one condition a person"),
        percent=False,
    ),
    _Table(
        "Told from real images, %",
        "Lower is better, 50 is chance. A logistic regression on features of images is trained on "
        "half of the people and tested on the other half.",
        ("told from real.*",),
    ),
    _Table(
        "Recognized if the attacker has the original of the same image, %",
        "Lower is better. Same class: FaceNet predicts the same one of its training people for the "
        "result and for the source.",
        (": rank-1, same image", ": verified, same image", ": same class as the source"),
    ),
    _Table(
        "Naturalness",
        "Lower is better. Distances between the results and real images that are not their "
        "sources. The row `original` is the floor: the distance between two halves of the "
        "originals at this number of images.",
        ("FD-.*", "KID-.*", "FID", "KID"),
        percent=False,
    ),
    _Table(
        "Likeness to the condition, %",
        "Higher is better: does the result look like the person of the condition image?",
        (": nearer to the condition", ": verified as the condition"),
    ),
    _Table(
        "Pairs in folds, %",
        "At the recognizer's threshold; accuracy at the threshold that is best in the other "
        "folds. Same class: FaceNet predicts the same one of its training people for the "
        "anonymized image and its source. The notes give mean and standard deviation over the "
        "folds.",
        (
            ": same person verified",
            ": different people verified",
            "folds: accuracy",
            "folds: same class",
        ),
    ),
)

_OTHERS = _Table("Other metrics", "The names say what they measure.", (), percent=False)


def tables(evaluation: Evaluation, published: Sequence[Published] = ()) -> Iterator[str]:
    """The tables of report.md, each as Markdown with a title."""
    known: set[str] = set()
    for table in _TABLES:
        metrics = _metrics(evaluation.rows.values(), table)
        known.update(metrics)
        if metrics:
            yield "\n".join(_table(table, metrics, evaluation.rows, published))
    others = dict.fromkeys(n for row in evaluation.rows.values() for n in row if n not in known)
    if others:
        yield "\n".join(_table(_OTHERS, list(others), evaluation.rows, published))
    yield from _group_tables(evaluation)


def _group_tables(evaluation: Evaluation) -> Iterator[str]:
    """The figures of the first page for each kind of groups, a table a system."""
    for system, groups in evaluation.groups.items():
        for kind in dict.fromkeys(name.partition(": ")[0] for name in groups):
            own = {n: cells for n, cells in groups.items() if n.partition(": ")[0] == kind}
            columns = " | ".join(name.partition(": ")[2] for name in own)
            lines = [f"### {system}, by {kind}\n", f"| | {columns} |", f"|---|{'---|' * len(own)}"]
            for row, found in figures({system: evaluation.rows[system]}):
                cells = [group.get(found[system].metric, Measurement()) for group in own.values()]
                if any(cell.value is not None for cell in cells):
                    unit = ", %" if row.percent else ""
                    texts = " | ".join(cell.text(percent=row.percent) for cell in cells)
                    lines.append(f"| {found[system].metric}{unit} | {texts} |")
            yield "\n".join([*lines, ""])


def _metrics(rows: Iterable[Measurements], table: _Table) -> list[str]:
    """Names of a table's metrics, in the order of their kinds."""
    names = dict.fromkeys(name for row in rows for name in row)
    found: list[str] = []
    for ending in table.endings:
        found += [n for n in names if re.search(rf"(?:{ending})$", n) and n not in found]
    return sorted(found, key=list(names).index)


def _table(
    table: _Table,
    metrics: list[str],
    rows: Mapping[str, Measurements],
    published: Sequence[Published],
) -> Iterator[str]:
    """A line a metric, a column a system; what others published of these metrics stands below."""
    yield f"### {table.title}\n"
    yield f"{table.explanation}\n"
    yield f"| | {' | '.join(rows)} |"
    yield f"|---|{'---|' * len(rows)}"
    notes: dict[str, int] = {}
    for metric in metrics:
        cells = [_marked(row.get(metric, Measurement()), table, notes) for row in rows.values()]
        yield f"| {metric} | {' | '.join(cells)} |"
    if notes:
        yield ""
        yield "; ".join(f"({number}) {note}" for note, number in notes.items())
    yield ""
    yield from _published_table([f for f in published if f.metric in metrics], table.percent)


def _published_table(published: Sequence[Published], percent: bool) -> Iterator[str]:
    """A line a system of others, a column a metric: ``1.28 ± 0.32`` with a deviation over folds."""
    if not published:
        return
    metrics = list(dict.fromkeys(figure.metric for figure in published))
    yield "*As papers have it, not measured here:*\n"
    yield f"| | {' | '.join(metrics)} |"
    yield f"|---|{'---|' * len(metrics)}"
    for system, source in dict.fromkeys((f.system, f.source) for f in published):
        own = {f.metric: f for f in published if (f.system, f.source) == (system, source)}
        cells = [_theirs(own.get(metric), percent) for metric in metrics]
        yield f"| *{system}* ({source}) | {' | '.join(cells)} |"
    yield ""


def _marked(cell: Measurement, table: _Table, notes: dict[str, int]) -> str:
    text = cell.text(percent=table.percent)
    if cell.value is None or not cell.note:
        return text
    return f"{text} ({notes.setdefault(cell.note, len(notes) + 1)})"


def _theirs(figure: Published | None, percent: bool) -> str:
    if figure is None:
        return ""
    numbers = [x for x in (figure.value, figure.deviation) if x is not None]
    return f"*{' ± '.join(f'{x * (100 if percent else 1):.4g}' for x in numbers)}*"
