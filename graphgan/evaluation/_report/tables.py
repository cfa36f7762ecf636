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
        "Higher is better. In place: the box overlaps that of the source's landmarks enough.",
        ("detected by .*", "detected in place by .*", "detected where the original is"),
    ),
    _Table(
        "Pose",
        "Lower is better; over faces that are detected. Mean absolute difference of landmark "
        "coordinates over the distance of the outer corners of the eyes: to the given landmarks, "
        "whose floor is the detector's own error (row `original`), and to those detected in the "
        "original, whose floor is 0. As published: to the detected ones, over the mean absolute "
        "coordinate difference of the corners; only figures of papers that measured so stand "
        "beside it.",
        ("pose error", "pose error to detected", "pose error as published"),
        percent=False,
    ),
    _Table(
        "Expression, gaze and the direction of the head: correlation with the original",
        "Higher is better; over faces found in both. A face pasted from another image "
        "agrees in yaw and roll, too, since the rest of the head stays.",
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
        "Seam: how much stronger steps across the outline of the face are than in the original, 1 "
        "where none is to be seen. Sharpness: fine structure against the original's, and against "
        "what is around the face. Skin tone: distance (CIE76) of the face's color to that of the "
        "skin beside it.",
        ("seam", "sharpness", "sharpness, against the surroundings", "skin tone.*"),
        percent=False,
    ),
    _Table(
        "Recognized in a gallery of other images, %",
        "Lower is better. Rank-1: the nearest face of the gallery is the person's. Verified: "
        "within the recognizer's threshold of the person's image, or within the distance at which "
        "so many pairs of original faces of different people are accepted (FAR, the false-accept "
        "rate). *pipeline*: the attacker finds and aligns faces by the detector and the "
        "landmarker; *pose known*: aligns them by the true landmarks.",
        (": rank-1", ": verified", ": verified at FAR .* %"),
    ),
    _Table(
        "Taken for somebody else, %",
        "Of all images in the gallery that show neither the person nor the condition's: how many "
        "are within the recognizer's threshold of a result. In the row `original` it is the "
        "false-accept rate.",
        (": accepted as others",),
    ),
    _Table(
        "Pairs of an anonymized and an untouched image, of one person and of two",
        "Lower is better. AUC: area under the ROC curve, 0.5 where distances tell nothing, 1 where "
        "they tell everything. F1: at the threshold that is best for the attacker; 0.667 where all "
        "of equally many pairs are accepted. Images of one person are of two videos.",
        (": pairs AUC", ": pairs F1"),
        percent=False,
    ),
    _Table(
        "Recognized by a parrot, rank-1 in %",
        "Lower is better. A *parrot* holds the parrot images, anonymized pictures of the gallery's "
        "people, and trains a linear head on their descriptors. One condition for each person "
        "hands it the answer.",
        ("parrot, conditions drawn", "parrot, one condition a person"),
    ),
    _Table(
        "Two anonymized images linked, area under the curve",
        "Lower is better, 0.5 is chance. Pairs of anonymized images of one person, of two "
        "videos, against pairs of two people. One condition for each person links its images by "
        "design.",
        (": linked, conditions drawn", ": linked, one condition a person"),
        percent=False,
    ),
    _Table(
        "Told from real images, %",
        "Lower is better, 50 is chance. Logistic regression on features of images is "
        "trained on half of the people and judges the other half.",
        ("told from real.*",),
    ),
    _Table(
        "Recognized beside the very image that was anonymized, %",
        "Lower is better. What a leaked original would tell. Same class: FaceNet names the same "
        "one of its people for the result and for the source.",
        (": rank-1, same image", ": verified, same image", ": same class as the source"),
    ),
    _Table(
        "Naturalness",
        "Lower is better. Distances of the results to real images of which none is their source. "
        "The row `original` is the floor, the distance between two halves of the originals at this "
        "number of images.",
        ("FD-.*", "KID-.*", "FID", "KID"),
        percent=False,
    ),
    _Table(
        "Likeness to the condition, %",
        "Higher is better: whose face is it that one sees?",
        (": nearer to the condition", ": verified as the condition"),
    ),
    _Table(
        "Pairs in folds, %",
        "At the recognizer's threshold; accuracy at the threshold that is best in the other "
        "folds. Same class: FaceNet names the same one of its people for the anonymized image "
        "and its source. Mean and standard deviation over the folds are in the notes.",
        (
            ": same person verified",
            ": different people verified",
            "folds: accuracy",
            "folds: same class",
        ),
    ),
)

_OTHERS = _Table("Others", "As their names say.", (), percent=False)


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
