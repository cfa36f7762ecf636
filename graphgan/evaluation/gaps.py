"""Describe gaps between groups of probes in sentences."""

from collections.abc import Iterator, Mapping

from graphgan.evaluation.cells import Cell
from graphgan.evaluation.evaluate import Evaluation
from graphgan.evaluation.figures import Row, figures


def gaps(evaluation: Evaluation) -> Iterator[str]:
    """One sentence for each figure whose intervals do not overlap between two groups of a kind."""
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
