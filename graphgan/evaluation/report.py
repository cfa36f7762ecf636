"""An evaluation as files: report.md, report.csv, report.json, plots and a contact sheet."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from graphgan.data.tables import read_table
from graphgan.evaluation.cells import Cell, Cells
from graphgan.evaluation.evaluate import Evaluation
from graphgan.evaluation.plots import draw_privacy_against_utility, draw_roc
from graphgan.files import replacing
from graphgan.training.sheets import write_sheet

PRIVACY_PLOT, ROC_PLOT, SHEET = "privacy-utility.png", "roc.png", "sheet.png"
_OF_GROUPS = (
    "detected where the original is",
    "pose error",
    "pose error to detected",
    "pipeline: rank-1",
    "pipeline: verified",
    "pose known: verified",
    "verified as the condition",
)
"""Endings of the metrics that are shown group by group; report.json has all."""
_CSV_COLUMNS = ("system", "metric", "value", "low", "high", "count", "note")


class Published(NamedTuple):
    """A figure that somebody else published, to be printed beside ours and marked as theirs.

    Args:
        system: whose.
        metric: as it is named in our tables.
        value: a share of 1 where ours are in per cent.
        source: where it stands.
    """

    system: str
    metric: str
    value: float
    source: str


class _Table(NamedTuple):
    """Metrics that stand together: those whose names end so, or all that are left."""

    title: str
    explanation: str
    endings: tuple[str, ...]
    percent: bool = True


_TABLES = (
    _Table(
        "Detection, % of the probes",
        "Higher is better. In place: the box overlaps that of the source's landmarks enough.",
        ("detected by", "detected in place by", "detected where the original is"),
    ),
    _Table(
        "Pose and expression",
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
        "Recognised in a gallery of other pictures, %",
        "Lower is better. Rank-1: the nearest face of the gallery is the person's. Verified: "
        "within the recogniser's threshold of the person's image, or within the distance at which "
        "the false-accept rate of original faces is as wanted. `pipeline` finds and aligns faces "
        "itself; `pose known` aligns by the true landmarks.",
        (": rank-1", ": verified", ": verified at FAR"),
    ),
    _Table(
        "Taken for somebody else, %",
        "Of all images in the gallery that show neither the person nor the condition's: how many "
        "are within the recogniser's threshold of a result. In the row `original` it is the "
        "false-accept rate.",
        (": accepted as others",),
    ),
    _Table(
        "Recognised by a parrot, rank-1 in %",
        "Lower is better. It holds anonymised pictures of the gallery's people and trains a linear "
        "head on their descriptors. One condition for each person hands it the answer.",
        ("parrot, conditions drawn", "parrot, one condition a person"),
    ),
    _Table(
        "Recognised beside the very picture that was anonymised, %",
        "Lower is better.",
        (": rank-1, same picture", ": verified, same picture", ": same class as the source"),
    ),
    _Table(
        "Naturalness",
        "Lower is better. Distances to real pictures that are not among the probes; the row "
        "`original` is the floor at this number of pictures.",
        ("FD-", "FID", "KID"),
        percent=False,
    ),
    _Table(
        "Likeness to the condition, %",
        "Higher is better: whose face is it that one sees?",
        (": nearer to the condition", ": verified as the condition"),
    ),
    _Table(
        "Pairs in folds, %",
        "At the recogniser's threshold; accuracy at the threshold that is best in the other "
        "folds. Mean and standard deviation over the folds are in the notes.",
        (": same person verified", ": different people verified", "folds: accuracy"),
    ),
)


def read_published(path: Path) -> list[Published]:
    """A CSV file with the columns system, metric, value and source.

    Raises:
        ValueError: another kind of file; file and line are named.
    """
    lines = read_table(path)
    if next(lines, (1, []))[1] != list(Published._fields):
        raise ValueError(f"{path}: expected the columns {','.join(Published._fields)}")
    rows = []
    for number, row in lines:
        try:
            system, metric, value, source = row
            rows.append(Published(system, metric, float(value), source))
            if not math.isfinite(rows[-1].value):
                raise ValueError
        except ValueError:
            raise ValueError(f"{path}: line {number}: expected a number, got {row}") from None
    return rows


def write_report(
    evaluation: Evaluation, out: Path, *, published: Sequence[Published] = (), command: str = ""
) -> None:
    """Write ``report.md``, ``report.csv``, ``report.json``, the plots and ``sheet.png``.

    Args:
        evaluation: what was found.
        out: folder, made when needed; files of an earlier report are replaced.
        published: figures of others, printed beside and marked.
        command: that made the report.
    """
    out.mkdir(parents=True, exist_ok=True)
    # First, so that a folder in which writing was cut short is known for that of a report.
    content = json.dumps(_json(evaluation, published, command), indent=2) + "\n"
    _write(out / "report.json", content)
    _write(out / "report.csv", _csv(evaluation))
    drawn = {
        SHEET: _draw_sheet(evaluation, out / SHEET),
        PRIVACY_PLOT: draw_privacy_against_utility(evaluation, out / PRIVACY_PLOT),
        ROC_PLOT: draw_roc(evaluation, out / ROC_PLOT),
    }
    for name in drawn:
        if not drawn[name]:
            (out / name).unlink(missing_ok=True)  # of an earlier report
    pictures = [name for name in drawn if drawn[name]]
    markdown = _markdown(evaluation, published, command, pictures)
    _write(out / "report.md", "\n".join(markdown) + "\n")


def _draw_sheet(evaluation: Evaluation, path: Path) -> bool:
    if evaluation.sheet:
        write_sheet(path, evaluation.sheet)
    return bool(evaluation.sheet)


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def tables(evaluation: Evaluation, published: Sequence[Published] = ()) -> Iterator[str]:
    """The tables of report.md, each as Markdown under its title."""
    for table in _TABLES:
        if metrics := _metrics(evaluation.rows.values(), table):
            rows = {name: row for name, row in evaluation.rows.items()}
            yield "\n".join(_table(table, metrics, rows, published))
    if evaluation.groups:
        yield "\n".join(_group_tables(evaluation.groups))


def _group_tables(groups: Mapping[str, Mapping[str, Cells]]) -> Iterator[str]:
    yield "## By group\n"
    yield "Halves of the probes, at the medians; rates in %.\n"
    for system, own in groups.items():
        names = dict.fromkeys(name for cells in own.values() for name in cells)
        metrics = [n for ending in _OF_GROUPS for n in names if n == ending or n.endswith(ending)]
        metrics = list(dict.fromkeys(metrics))
        yield f"| {system} | {' | '.join(metrics)} |"
        yield f"|---|{'---|' * len(metrics)}"
        for group, cells in own.items():
            texts = [cells[m].text(percent="error" not in m) if m in cells else "" for m in metrics]
            yield f"| {group} | {' | '.join(texts)} |"
        yield ""


def _metrics(rows: Iterable[Cells], table: _Table) -> list[str]:
    """Names of a table's metrics, in the order of their kinds."""
    names = dict.fromkeys(name for row in rows for name in row)
    found: list[str] = []
    for ending in table.endings:
        found += [n for n in names if _is_of(n, ending) and n not in found]
    return sorted(found, key=list(names).index)


def _is_of(name: str, ending: str) -> bool:
    whole = name == ending or name.endswith(ending)
    return whole or (ending in ("detected by", "detected in place by", "FD-")
                     and name.startswith(ending))  # fmt: skip


def _table(
    table: _Table,
    metrics: list[str],
    rows: Mapping[str, Cells],
    published: Sequence[Published],
) -> Iterator[str]:
    yield f"## {table.title}\n"
    yield f"{table.explanation}\n"
    yield f"| | {' | '.join(metrics)} |"
    yield f"|---|{'---|' * len(metrics)}"
    notes: dict[str, int] = {}
    for system, row in rows.items():
        cells = [_marked(row.get(metric, Cell()), table, notes) for metric in metrics]
        yield f"| {system} | {' | '.join(cells)} |"
    for system in dict.fromkeys(figure.system for figure in published):
        figures = {f.metric: f for f in published if f.system == system and f.metric in metrics}
        if figures:
            cells = [_theirs(figures.get(metric), table) for metric in metrics]
            yield f"| *{system} (paper, not measured here)* | {' | '.join(cells)} |"
    if notes:
        yield ""
        yield "; ".join(f"({number}) {note}" for note, number in notes.items())
    yield ""


def _marked(cell: Cell, table: _Table, notes: dict[str, int]) -> str:
    text = cell.text(percent=table.percent)
    if cell.value is None or not cell.note:
        return text
    return f"{text} ({notes.setdefault(cell.note, len(notes) + 1)})"


def _theirs(figure: Published | None, table: _Table) -> str:
    if figure is None:
        return ""
    return f"*{Cell(figure.value).text(percent=table.percent)}* ({figure.source})"


def _markdown(
    evaluation: Evaluation, published: Sequence[Published], command: str, pictures: list[str]
) -> Iterator[str]:
    yield "# Evaluation\n"
    if command:
        yield f"    {command}\n"
    yield "Intervals are of 95 %, bootstrapped over people.\n"
    yield from (f"- {name}: {_fact(value)}" for name, value in evaluation.facts.items())
    yield ""
    if evaluation.warnings:
        yield from (f"**Note**: {warning}.\n" for warning in evaluation.warnings)
    yield from tables(evaluation, published)
    yield from (f"![{name.removesuffix('.png')}]({name})\n" for name in pictures)


def _fact(value: Any) -> str:
    if isinstance(value, dict) and "value" in value:
        return Cell(**value).text(percent=True) + " %"
    if isinstance(value, float):
        return f"{value:.3g}"
    return " x ".join(map(str, value)) if _is_size(value) else _listed(value)


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(x, int) for x in value)


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _csv(evaluation: Evaluation) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    for system, row in evaluation.rows.items():
        for metric, cell in row.items():
            numbers = (cell.value, cell.low, cell.high, cell.count)
            writer.writerow([system, metric, *("" if x is None else x for x in numbers), cell.note])
    return text.getvalue()


def _json(evaluation: Evaluation, published: Sequence[Published], command: str) -> dict[str, Any]:
    return {
        "command": command,
        "facts": evaluation.facts,
        "warnings": evaluation.warnings,
        "systems": {
            system: {metric: cell.as_json() for metric, cell in row.items()}
            for system, row in evaluation.rows.items()
        },
        "groups": {
            system: {
                group: {metric: cell.as_json() for metric, cell in cells.items()}
                for group, cells in own.items()
            }
            for system, own in evaluation.groups.items()
        },
        "published": [figure._asdict() for figure in published],
    }
