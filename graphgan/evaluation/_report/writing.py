"""Write an evaluation as report.md, report.csv, report.json, plots and a contact sheet."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from graphgan.evaluation._evaluate import Evaluation
from graphgan.evaluation._measurements import Measurement
from graphgan.evaluation._report.facts import counted
from graphgan.evaluation._report.first_page import first_page, gaps
from graphgan.evaluation._report.plots import draw_privacy_against_utility, draw_roc
from graphgan.evaluation._report.tables import Published, tables
from graphgan.evaluation._systems import Original
from graphgan.files import replacing
from graphgan.training import write_sheet

_PRIVACY_PLOT, _ROC_PLOT, _SHEET = "privacy-utility.png", "roc.png", "sheet.png"
_CSV_COLUMNS = ("system", "metric", "value", "low", "high", "count", "note", "reference")


def write_report(
    evaluation: Evaluation, out: Path, *, published: Sequence[Published] = (), command: str = ""
) -> None:
    """Write ``report.md``, ``report.csv``, ``report.json``, the plots and ``sheet.png``.

    Args:
        evaluation: results of the evaluation.
        out: folder, created if needed; files of an earlier report are replaced.
        published: published figures, printed alongside and marked.
        command: command that created the report.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.md").unlink(missing_ok=True)  # so that no two reports are mixed
    # Written first, so that an interrupted report's folder is recognized.
    content = json.dumps(_json(evaluation, published, command), indent=2) + "\n"
    _write(out / "report.json", content)
    _write(out / "report.csv", _csv(evaluation))
    drawn = {
        _SHEET: _draw_sheet(evaluation, out / _SHEET),
        _PRIVACY_PLOT: draw_privacy_against_utility(evaluation, out / _PRIVACY_PLOT),
        _ROC_PLOT: draw_roc(evaluation, out / _ROC_PLOT),
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


def _markdown(
    evaluation: Evaluation, published: Sequence[Published], command: str, pictures: list[str]
) -> Iterator[str]:
    yield from _opening(evaluation)
    if _SHEET in pictures:
        yield f"![sources and results]({_SHEET})\n"
    yield from first_page(evaluation)
    unequal = [f"- {sentence}" for sentence in gaps(evaluation)]
    if unequal:
        yield from ("## Gaps between groups\n", *unequal, "")
    if evaluation.warnings:
        yield from ("## Warnings\n", *(f"- {text}." for text in evaluation.warnings), "")
    yield "## Details\n"
    if command:
        yield f"    {command}\n"
    yield from (f"- {name}: {_fact(value)}" for name, value in evaluation.facts.items())
    yield ""
    yield from tables(evaluation, published)
    yield from (f"![{name.removesuffix('.png')}]({name})\n" for name in pictures if name != _SHEET)


def _opening(evaluation: Evaluation) -> Iterator[str]:
    """The title, what limits everything, and on what it was measured; terms are defined here."""
    facts = evaluation.facts
    names = [name for name in evaluation.rows if name != Original.name] or list(evaluation.rows)
    yield f"# Evaluation of {_and(names)}\n"
    yield from (f"**Note**: {caution}.\n" for caution in evaluation.cautions)
    pictures, people = facts.get("probes", 0), facts.get("people", 0)
    yield (
        f"Measured on {counted(pictures, 'image')} of {counted(people, 'person', 'people')} "
        f"(folder {facts.get('folder', '-')}). Each is a *probe*: the systems anonymized it, and "
        "detectors, recognizers and other judges measured the results."
    )
    if known := facts.get("people in the gallery", 0):
        yield (
            f"Recognition compares probes with the *gallery*: one untouched image of each of "
            f"{known} people, from another video; it uses {facts.get('recognition probes', 0)} "
            f"probes. *Parrot images* are {facts.get('parrot images', 0)} images of people in the "
            "gallery; an attacker learns from their anonymized versions."
        )
    yield ""


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _fact(value: Any) -> str:
    if isinstance(value, dict) and "value" in value:
        return Measurement(**value).text(percent=True) + " %"
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
            texts = ["" if x is None else x for x in (*numbers, cell.note, cell.reference)]
            writer.writerow([system, metric, *texts])
    return text.getvalue()


def _json(evaluation: Evaluation, published: Sequence[Published], command: str) -> dict[str, Any]:
    return {
        "command": command,
        "facts": evaluation.facts,
        "cautions": evaluation.cautions,
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
