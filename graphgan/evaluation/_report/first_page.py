"""The first page of a report: figures with plain names, strengths, weaknesses, and gaps between
groups."""

from collections.abc import Iterator, Mapping

from graphgan.evaluation._evaluate import Evaluation
from graphgan.evaluation._measurements import Measurement
from graphgan.evaluation._report.facts import CHECKER
from graphgan.evaluation._report.figures import Figure, Row, Verdict, figures, limit_of, verdict
from graphgan.evaluation._systems import Original

_TERMS = {
    "false accepts": "*at 1 % false accepts*: at the distance that accepts 1 % of pairs of "
    "different real people as one person.",
    "worst judge": "*worst judge*: the highest figure over all recognizers and attackers; if some "
    "intervals are above chance, the highest of these.",
    "untouched": "*untouched*: the same figure for the images before anonymization.",
    "parrot": "*parrot*: an attacker who has learned from anonymized images of the same people.",
    "linked": "*linked*: 0.5 is chance, 1 is certain.",
    "realism": "*realism distance*: between results and real images, by a network (lite2: "
    "EfficientNet-lite2) that sees close-ups of the faces; untouched is the distance between two "
    "halves of the originals.",
    "pose error": "*pose error*: mean distance of landmarks, divided by the eye distance.",
    "pipeline": "*pipeline*: an attacker who finds and aligns faces as recognition usually does.",
    "pose known": "*pose known*: an attacker who aligns faces by the landmarks of the untouched "
    "image, which a result that keeps the pose reveals.",
}
"""Explained below the table where it has the word."""

_Rows = list[tuple[Row, dict[str, Figure]]]


_LEAST_SHARE = 0.2


def first_page(evaluation: Evaluation) -> Iterator[str]:
    """The table, the strengths and the weaknesses, as Markdown."""
    found = list(figures(evaluation.rows))
    shown = _shown(found)
    yield f"| | target | {' | '.join(evaluation.rows)} |"
    yield f"|---|---|{'---|' * len(evaluation.rows)}"
    lines = [_line(row, own, evaluation) for row, own in shown]
    yield from lines
    yield ""
    if missing := _not_measured(found, shown):
        yield f"Not measured: {'; '.join(missing)}.\n"
    yield (
        "- In brackets [ ]: 95 % intervals, bootstrapped over people; for 0 and 100 %, the exact "
        "bound for this number of people."
    )
    terms = [text for word, text in _TERMS.items() if any(word in line for line in lines)]
    yield from (f"- {text}" for text in terms)
    if any(CHECKER in line for line in lines):
        yield f"- \\* graphgan-anonymize itself checks its results with {CHECKER}."
    yield ""
    yield from _judged("Strengths", shown, "good")
    yield from _judged("Weaknesses", shown, "bad")
    if undecided := list(_judged("Not decided", shown, "undecided")):
        yield from undecided


def _shown(found: _Rows) -> _Rows:
    """Rows with a number; of those that are called alike the first one."""
    rows: dict[str, tuple[Row, dict[str, Figure]]] = {}
    for row, own in found:
        if any(figure.cell.value is not None for figure in own.values()):
            rows.setdefault(row.words, (row, own))
    return list(rows.values())


def _not_measured(found: _Rows, shown: _Rows) -> list[str]:
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
    limit = Measurement(limits.pop()).text(percent=row.percent)
    basis = {
        "fixed": "",
        "chance": " (chance)",
        "untouched": f" ({row.limit.number:g} x untouched)",
    }[row.limit.kind]
    return f"at {'least' if row.better == 'higher' else 'most'} {limit}{basis}"


def _judged(title: str, found: _Rows, wanted: Verdict) -> Iterator[str]:
    """A line for each figure of this verdict, under the name of its system."""
    systems = [name for name in next(iter(found), (None, {}))[1] if name != Original.name]
    lines = {
        system: [
            _sentence(row, own[system], wanted)
            for row, own in found
            if verdict(row, own[system].cell) == wanted and _is_of_enough(own, system)
        ]
        for system in systems
    }
    if not any(lines.values()):
        yield from () if wanted == "undecided" else (f"## {title}\n", "None.\n")
        return
    yield f"## {title}\n"
    for system, texts in lines.items():
        if texts:
            yield f"**{system}**\n"
            yield from (f"- {text}" for text in texts)
            yield ""


def _is_of_enough(own: Mapping[str, Figure], system: str) -> bool:
    """Whether a figure is of a fifth of what others' are of: a pose of one face is no pose."""
    most = max((figure.cell.count or 0 for figure in own.values()), default=0)
    return (own[system].cell.count or most) >= _LEAST_SHARE * most


def _sentence(row: Row, figure: Figure, wanted: Verdict) -> str:
    cell, unit = figure.cell, " %" if row.percent else ""
    shown = f"{cell.text(percent=row.percent)}{unit}"
    if wanted == "undecided":
        chance = Measurement(limit_of(row, cell)).text(percent=row.percent)
        words = row.words.format(people="all", metric=figure.metric)
        return f"{words}: {shown}; the interval includes chance, {chance}: more people are needed."
    basis = f"target: {_wanted(row, {'': figure})}".replace(" (", ", ").rstrip(")")
    return f"{row.good if wanted == 'good' else row.bad}: {shown} ({basis})."


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


def _gap(row: Row, cells: Mapping[str, Measurement]) -> str:
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
