"""The first page of a report: ten figures in plain words, what is good, and what is not.

Rows are picked up by the names of metrics: a new metric takes one line in `ROWS`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from graphgan.evaluation.cells import Cell, Cells
from graphgan.evaluation.evaluate import Evaluation
from graphgan.evaluation.facts import CHECKER
from graphgan.evaluation.systems import Original

_TERMS = {
    "chance": "Where chance is wanted, an interval that includes it is enough. *untouched*: the "
    "same figure of the pictures before they were anonymised.",
    "parrot": "*parrot*: an attacker who has learned from anonymised pictures of the same people.",
    "linked": "*linked*: 0.5 is chance, 1 certain.",
    "realism": "*realism distance*: between the results and real pictures, by a network that looks "
    "at whole pictures; untouched is the distance between two halves of the originals.",
    "pose error": "*pose error*: mean distance of landmarks, in distances of the eyes.",
    "pipeline": "*pipeline*: an attacker who finds and aligns faces as recognition usually does.",
    "pose known": "*pose known*: one who aligns them by the landmarks of the untouched picture, "
    "which a result that keeps the pose gives away.",
}
"""Explained below the table where it has the word."""

Better = Literal["higher", "lower"]


class Limit(NamedTuple):
    """From where on a figure is good.

    Args:
        kind: "fixed", or of what the number is a multiple: "chance" (the interval, too, may reach
            down to it), "untouched" (the floor, or what untouched pictures have).
        number: at most for what should be low, at least for what should be high.
    """

    kind: Literal["fixed", "chance", "untouched"]
    number: float = 1.0


class Row(NamedTuple):
    """A figure of the first page.

    Args:
        words: what it is; ``{people}`` stands for the number of people in the gallery.
        patterns: regular expressions of whole names of metrics; the first of them of which any
            metric was measured counts, and of its metrics the worst one for each system. A group
            ``judge`` in it is who measured.
        better: which direction is better.
        good, bad: what is said of a figure within the limit, and beyond.
        limit: None leaves the figure without a judgement.
        percent: shares of 1 are shown in per cent.
    """

    words: str
    patterns: tuple[str, ...]
    better: Better
    good: str = ""
    bad: str = ""
    limit: Limit | None = None
    percent: bool = True


ROWS = (
    Row(
        "faces found again",
        ("detected where the original is",),
        "higher",
        "Faces are found again",
        "Faces are lost",
        Limit("fixed", 0.95),
    ),
    Row(
        "taken for the same person at 1 % false accepts",
        (r"(?P<judge>.*): verified at FAR 1 %",),
        "lower",
        "People are not recognised one to one",
        "People are recognised one to one",
        Limit("chance"),
    ),
    Row(
        "nearest of {people} people is the right one",
        (r"(?P<judge>.*): rank-1",),
        "lower",
        "People are not found among others",
        "People are found among others",
        Limit("chance"),
    ),
    Row(
        "named by a *parrot*",
        (r"(?P<judge>.*), parrot, conditions drawn",),
        "lower",
        "An attacker who has learned from anonymised pictures does not name people",
        "An attacker who has learned from anonymised pictures names people",
        Limit("chance"),
    ),
    Row(
        "two anonymised pictures linked to one person, area under the curve",
        (r"(?P<judge>.*): linked, conditions drawn",),
        "lower",
        "Pictures of one person cannot be linked",
        "Pictures of one person can be linked",
        Limit("chance"),
        percent=False,
    ),
    Row(
        "can be told from real",
        (r"told from real by (?P<judge>.*)", "told from real"),
        "lower",
        "Pictures cannot be told from real ones",
        "Pictures can be told from real ones",
        Limit("chance"),
    ),
    Row(
        "realism distance {metric}",
        (r"FD-lite\d", r"FID"),
        "lower",
        "As a set the pictures are close to real ones",
        "As a set the pictures are far from real ones",
        Limit("untouched", 2),
        percent=False,
    ),
    Row(
        "realism distance {metric}",
        (r"KD-lite\d", r"KID"),
        "lower",
        percent=False,
    ),
    Row(
        "pose error, in distances of the eyes",
        ("pose error",),
        "lower",
        "The pose is kept",
        "The pose is lost",
        Limit("untouched", 2),
        percent=False,
    ),
    Row(
        "mouth opening: correlation with the original",
        (r"mouth opening: correlation",),
        "higher",
        "The mouth opens as in the original",
        "The mouth does not open as in the original",
        Limit("fixed", 0.8),
        percent=False,
    ),
    Row(
        "gaze: correlation with the original",
        (r"gaze.*: correlation",),
        "higher",
        "Eyes look where they looked",
        "Eyes do not look where they looked",
        Limit("fixed", 0.8),
        percent=False,
    ),
    Row(
        "visible seam around the face",
        (r"seam",),
        "lower",
        "No seam is seen around the face",
        "A seam is seen around the face",
        Limit("fixed", 1.3),
        percent=False,
    ),
    Row(
        "sharpness, against the original",
        (r"sharpness",),
        "higher",
        "Faces are as sharp as the picture",
        "Faces are blurred",
        Limit("fixed", 0.7),
        percent=False,
    ),
    Row(
        "difference of skin tone",
        (r"skin tone.*",),
        "lower",
        "The skin tone fits",
        "The skin tone does not fit",
        Limit("untouched", 1.5),
        percent=False,
    ),
)
"""In the order of the table."""


class Figure(NamedTuple):
    """What a row shows of one system.

    Args:
        metric: whose cell it is, "" without any.
        judge: who measured it, "" where the row does not say.
    """

    metric: str = ""
    cell: Cell = Cell()
    judge: str = ""


def figures(rows: Mapping[str, Cells]) -> Iterator[tuple[Row, dict[str, Figure]]]:
    """Each row of the first page that any system has a metric for, by system."""
    for row in ROWS:
        named = {
            pattern: [name for own in rows.values() for name in own if re.fullmatch(pattern, name)]
            for pattern in row.patterns
        }
        there = [pattern for pattern in row.patterns if named[pattern]]
        measured = [p for p in there if any(_measured(own, p) for own in rows.values())]
        if there:
            pattern = (measured or there)[0]
            yield row, {system: _worst(row, pattern, own) for system, own in rows.items()}


def _measured(cells: Cells, pattern: str) -> dict[str, Cell]:
    return {
        name: cell
        for name, cell in cells.items()
        if re.fullmatch(pattern, name) and cell.value is not None
    }


def _worst(row: Row, pattern: str, cells: Cells) -> Figure:
    """The worst that was measured, or why nothing was."""
    if measured := _measured(cells, pattern):
        sign = 1 if row.better == "lower" else -1
        name = max(measured, key=lambda name: sign * (measured[name].value or 0.0))
        match = re.fullmatch(pattern, name)
        judge = match.groupdict().get("judge", "") if match else ""
        return Figure(name, measured[name], judge.replace(CHECKER, f"{CHECKER}\\*"))
    others = [name for name in cells if re.fullmatch(pattern, name)]
    return Figure(others[0], cells[others[0]]) if others else Figure()


def first_page(evaluation: Evaluation) -> Iterator[str]:
    """The table, what is good and what is not, as Markdown."""
    found = list(figures(evaluation.rows))
    shown = [
        (row, own) for row, own in found if any(f.cell.value is not None for f in own.values())
    ]
    yield f"| | wanted | {' | '.join(evaluation.rows)} |"
    yield f"|---|---|{'---|' * len(evaluation.rows)}"
    lines = [_line(row, own, evaluation) for row, own in shown]
    yield from lines
    yield ""
    if missing := _not_measured(found, shown):
        yield f"Not measured: {'; '.join(missing)}.\n"
    yield "- In brackets [ ]: 95 % intervals, bootstrapped over people."
    terms = [text for word, text in _TERMS.items() if any(word in line for line in lines)]
    yield from (f"- {text}" for text in terms)
    if any(CHECKER in line for line in lines):
        yield f"- \\* The anonymiser itself checks its results with {CHECKER}."
    yield ""
    yield from _judged("What is good", shown, good=True)
    yield from _judged("What is not", shown, good=False)


Found = list[tuple[Row, dict[str, Figure]]]


def _not_measured(found: Found, shown: Found) -> list[str]:
    """Rows without any number, and why; a row that another one of its words stands for is left."""
    words = {row.words for row, _ in shown}
    reasons: dict[str, str] = {}
    for row, own in found:
        if row.words not in words:
            figure = next(iter(own.values()))
            why = figure.cell.note.removeprefix("not measured ").strip("()")
            reasons.setdefault(row.words.format(people="all", metric="").strip(), why)
    return [f"{words} ({why})" for words, why in reasons.items()]


def _line(row: Row, own: Mapping[str, Figure], evaluation: Evaluation) -> str:
    judges = {figure.judge for figure in own.values() if figure.judge}
    common = judges.pop() if len(judges) == 1 else ""
    texts = [figure.cell.text(percent=row.percent) for figure in own.values()]
    if judges and not common:
        texts = [
            f"{text} ({f.judge})" if f.judge else text
            for text, f in zip(texts, own.values(), strict=True)
        ]
    metric = next((figure.metric for figure in own.values() if figure.metric), "")
    words = row.words.format(people=evaluation.facts.get("people in the gallery", 0), metric=metric)
    by = f" (by {common})" if common else " (worst judge)" if judges else ""
    unit = ", %" if row.percent else ""
    return f"| {words}{unit}{by} | {_wanted(row, own)} | {' | '.join(texts)} |"


def _wanted(row: Row, own: Mapping[str, Figure]) -> str:
    """``at most 5.0 (chance)``, or only the direction."""
    limits = {limit_of(row, figure.cell) for figure in own.values()} - {None}
    if len(limits) != 1 or row.limit is None:
        return row.better
    limit = Cell(limits.pop()).text(percent=row.percent)
    basis = {
        "fixed": "",
        "chance": " (chance)",
        "untouched": f" ({row.limit.number:g} x untouched)",
    }[row.limit.kind]
    return f"at {'least' if row.better == 'higher' else 'most'} {limit}{basis}"


def _judged(title: str, found: list[tuple[Row, dict[str, Figure]]], *, good: bool) -> Iterator[str]:
    """A line for each figure within its limit, or beyond, under the name of its system."""
    yield f"## {title}\n"
    systems = [name for name in next(iter(found), (None, {}))[1] if name != Original.name]
    lines = 0
    for system in systems:
        texts = [
            _sentence(row, own[system], good=good)
            for row, own in found
            if is_good(row, own[system].cell) is good
        ]
        lines += len(texts)
        if texts:
            yield f"**{system}**\n"
            yield from (f"- {text}" for text in texts)
            yield ""
    if not lines:
        yield "Nothing that has a limit.\n"


def is_good(row: Row, cell: Cell) -> bool | None:
    """Whether a figure is within the limit of its row; None where that cannot be said."""
    limit = limit_of(row, cell)
    if limit is None or cell.value is None:
        return None
    if row.better == "higher":
        return cell.value >= limit
    is_chance = row.limit is not None and row.limit.kind == "chance"
    reached = cell.low if is_chance and cell.low is not None else cell.value
    return reached <= limit


def limit_of(row: Row, cell: Cell) -> float | None:
    """The limit in the unit of the figure; None without one."""
    if row.limit is None or (row.limit.kind != "fixed" and cell.reference is None):
        return None
    return row.limit.number * (1.0 if row.limit.kind == "fixed" else cell.reference or 0.0)


def _sentence(row: Row, figure: Figure, *, good: bool) -> str:
    cell, unit = figure.cell, " %" if row.percent else ""
    basis = f"wanted: {_wanted(row, {'': figure})}".replace(" (", ", ").rstrip(")")
    limit, reached = limit_of(row, cell), cell.value
    beyond = limit is not None and reached is not None and reached > limit
    if good and beyond and row.better == "lower":
        chance = Cell(limit).text(percent=row.percent)
        basis = f"the interval includes chance, {chance}; with more people it may not"
    return f"{row.good if good else row.bad}: {cell.text(percent=row.percent)}{unit} ({basis})."


def gaps(evaluation: Evaluation) -> Iterator[str]:
    """A sentence for each figure whose intervals of two groups of one kind do not overlap."""
    for system, groups in evaluation.groups.items():
        kinds = dict.fromkeys(name.partition(": ")[0] for name in groups)
        for kind in kinds:
            own = {name: c for name, c in groups.items() if name.partition(": ")[0] == kind}
            for row, found in figures({system: evaluation.rows[system]}):
                cells = {
                    name.partition(": ")[2]: cells[metric]
                    for name, cells in own.items()
                    if (metric := found[system].metric) in cells
                }
                if sentence := _gap(row, cells):
                    yield f"{system}, by {kind}: {sentence}"


def _gap(row: Row, cells: Mapping[str, Cell]) -> str:
    """The lowest against the highest."""
    there = {name: c for name, c in cells.items() if c.low is not None and c.high is not None}
    if len(there) < 2:
        return ""
    low = min(there, key=lambda name: there[name].value or 0.0)
    high = max(there, key=lambda name: there[name].value or 0.0)
    below, above = there[low].high, there[high].low
    if below is None or above is None or below >= above:
        return ""
    words = row.words.format(people="all", metric="").strip()
    unit = ", %" if row.percent else ""
    one, other = (f"{n} {there[n].text(percent=row.percent)}" for n in (low, high))
    return f"{words}{unit}: {one}, {other}; the intervals do not overlap."
