"""The figures on a report's first page: their metrics and the limits of good values.

Figures are selected by metric names; to add one, add an entry to `ROWS`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from graphgan.evaluation._measurements import Measurement, Measurements
from graphgan.evaluation._report.facts import CHECKER

Better = Literal["higher", "lower"]
Verdict = Literal["good", "bad", "undecided"]


class Limit(NamedTuple):
    """The limit of a good value.

    Args:
        kind: "fixed", or the value that the number multiplies: "chance" (it is enough if the
            interval includes it), or "untouched" (the floor, or the value of untouched images).
        number: upper limit if lower is better, otherwise lower limit.
    """

    kind: Literal["fixed", "chance", "untouched"]
    number: float = 1.0


class Row(NamedTuple):
    """A figure on the first page.

    Args:
        words: description; ``{people}`` stands for the number of people in the gallery.
        patterns: regular expressions for whole names of metrics. The first one with any measured
            metric is used, and for each system the worst of its metrics. A group ``judge`` in it
            names the tool that measured.
        better: which direction is better.
        good, bad: sentences for a figure within the limit, and beyond it.
        limit: None if the figure is not judged.
        percent: show shares as percentages.
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
        "People are not recognized one to one",
        "People are recognized one to one",
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
        "An attacker who has learned from anonymized images does not name people",
        "An attacker who has learned from anonymized images names people",
        Limit("chance"),
    ),
    Row(
        "two anonymized images linked to one person, area under the ROC curve",
        (r"(?P<judge>.*): linked, conditions drawn",),
        "lower",
        "Images of one person cannot be linked",
        "Images of one person can be linked",
        Limit("chance"),
        percent=False,
    ),
    Row(
        "can be told from real",
        (r"told from real by (?P<judge>.*)", "told from real"),
        "lower",
        "Images cannot be told from real ones",
        "Images can be told from real ones",
        Limit("chance"),
    ),
    Row(
        "realism distance {metric}",
        (r"FD-lite\d", r"FID"),
        "lower",
        "As a set the images are close to real ones",
        "As a set the images are far from real ones",
        Limit("untouched", 2),
        percent=False,
    ),
    Row(
        "realism distance {metric}",
        (r"KID-lite\d", r"KID"),
        "lower",
        percent=False,
    ),
    Row(
        "pose error, divided by the eye distance",
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
        "The gaze is kept",
        "The gaze is lost",
        Limit("fixed", 0.8),
        percent=False,
    ),
    Row(
        "edges along the outline of the face, 1 as in the original",
        (r"seam.*",),
        "lower",
        "No hard edge is visible around the face",
        "A hard edge is visible around the face",
        Limit("fixed", 1.3),
        percent=False,
    ),
    Row(
        "sharpness of the face, 1 as in the original",
        (r"sharpness(: to original)?",),
        "higher",
        "Faces are as sharp as the image",
        "Faces are blurred",
        Limit("fixed", 0.7),
        percent=False,
    ),
    Row(
        "skin tone difference",
        (r"skin tone.*",),
        "lower",
        "The skin tone fits",
        "The skin tone does not fit",
        Limit("untouched", 2),
        percent=False,
    ),
)
"""In the order of the table."""


class Figure(NamedTuple):
    """What a row shows for one system.

    Args:
        metric: name of the cell's metric, "" if there is none.
        judge: which tool measured it, "" if the row does not say.
    """

    metric: str = ""
    cell: Measurement = Measurement()
    judge: str = ""


def figures(rows: Mapping[str, Measurements]) -> Iterator[tuple[Row, dict[str, Figure]]]:
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


def _measured(cells: Measurements, pattern: str) -> dict[str, Measurement]:
    return {
        name: cell
        for name, cell in cells.items()
        if re.fullmatch(pattern, name) and cell.value is not None
    }


def _worst(row: Row, pattern: str, cells: Measurements) -> Figure:
    """The worst that was measured, of those beyond the limit if there are any; or why none was."""
    if measured := _measured(cells, pattern):
        beyond = {name: cell for name, cell in measured.items() if verdict(row, cell) == "bad"}
        measured = beyond or measured
        sign = 1 if row.better == "lower" else -1
        name = max(measured, key=lambda name: sign * (measured[name].value or 0.0))
        match = re.fullmatch(pattern, name)
        judge = match.groupdict().get("judge", "") if match else ""
        return Figure(name, measured[name], judge.replace(CHECKER, f"{CHECKER}\\*"))
    others = [name for name in cells if re.fullmatch(pattern, name)]
    return Figure(others[0], cells[others[0]]) if others else Figure()


def verdict(row: Row, cell: Measurement) -> Verdict | None:
    """Whether a figure is within the limit of its row; None without a figure or a limit.

    It is undecided if the figure is beyond chance but its interval includes chance.
    """
    limit = limit_of(row, cell)
    if limit is None or cell.value is None:
        return None
    if cell.value >= limit if row.better == "higher" else cell.value <= limit:
        return "good"
    may_be_chance = row.limit is not None and row.limit.kind == "chance" and cell.low is not None
    return "undecided" if may_be_chance and (cell.low or 0.0) <= limit else "bad"


def limit_of(row: Row, cell: Measurement) -> float | None:
    """The limit in the unit of the figure; None without one."""
    if row.limit is None or (row.limit.kind != "fixed" and cell.reference is None):
        return None
    return row.limit.number * (1.0 if row.limit.kind == "fixed" else cell.reference or 0.0)
