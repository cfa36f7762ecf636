"""The first page of a report: figures in plain words, what is good, and what is not."""

from collections.abc import Iterator, Mapping

from graphgan.evaluation.cells import Cell
from graphgan.evaluation.evaluate import Evaluation
from graphgan.evaluation.facts import CHECKER
from graphgan.evaluation.figures import Figure, Row, figures, is_good, limit_of
from graphgan.evaluation.systems import Original

_TERMS = {
    "chance": "Where chance is wanted, an interval that includes it is enough. *untouched*: the "
    "same figure of the pictures before they were anonymised.",
    "parrot": "*parrot*: an attacker who has learned from anonymised pictures of the same people.",
    "linked": "*linked*: 0.5 is chance, 1 certain.",
    "realism": "*realism distance*: between the results and real pictures, by a network that looks "
    "at close-ups of the faces; untouched is the distance between two halves of the originals.",
    "pose error": "*pose error*: mean distance of landmarks, in distances of the eyes.",
    "pipeline": "*pipeline*: an attacker who finds and aligns faces as recognition usually does.",
    "pose known": "*pose known*: one who aligns them by the landmarks of the untouched picture, "
    "which a result that keeps the pose gives away.",
}
"""Explained below the table where it has the word."""

Found = list[tuple[Row, dict[str, Figure]]]


_LEAST_SHARE = 0.2


def first_page(evaluation: Evaluation) -> Iterator[str]:
    """The table, what is good and what is not, as Markdown."""
    found = list(figures(evaluation.rows))
    shown = _shown(found)
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


def _shown(found: Found) -> Found:
    """Rows with a number; of those that are called alike the first one."""
    rows: dict[str, tuple[Row, dict[str, Figure]]] = {}
    for row, own in found:
        if any(figure.cell.value is not None for figure in own.values()):
            rows.setdefault(row.words, (row, own))
    return list(rows.values())


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
            if is_good(row, own[system].cell) is good and _is_of_enough(own, system)
        ]
        lines += len(texts)
        if texts:
            yield f"**{system}**\n"
            yield from (f"- {text}" for text in texts)
            yield ""
    if not lines:
        yield "Nothing that has a limit.\n"


def _is_of_enough(own: Mapping[str, Figure], system: str) -> bool:
    """Whether a figure is of a fifth of what others' are of: a pose of one face is no pose."""
    most = max((figure.cell.count or 0 for figure in own.values()), default=0)
    return (own[system].cell.count or most) >= _LEAST_SHARE * most


def _sentence(row: Row, figure: Figure, *, good: bool) -> str:
    cell, unit = figure.cell, " %" if row.percent else ""
    basis = f"wanted: {_wanted(row, {'': figure})}".replace(" (", ", ").rstrip(")")
    limit, reached = limit_of(row, cell), cell.value
    beyond = limit is not None and reached is not None and reached > limit
    if good and beyond and row.better == "lower":
        chance = Cell(limit).text(percent=row.percent)
        basis = f"the interval includes chance, {chance}; with more people it may not"
    return f"{row.good if good else row.bad}: {cell.text(percent=row.percent)}{unit} ({basis})."
