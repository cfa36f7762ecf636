"""Table cells: a number with its interval, or the reason why there is none; never NaN."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from graphgan.metrics import Interval, mean_over_people, rate_over_people


@dataclass(frozen=True)
class Measurement:
    """One entry of a table.

    Args:
        value: None if nothing could be measured; ``note`` then says why.
        low, high: 95 % interval over people, if available.
        count: number of samples.
        note: a remark for the reader.
        reference: the value by chance, or of untouched images, if known.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    count: int | None = None
    note: str = ""
    reference: float | None = None

    def __post_init__(self) -> None:
        numbers = [x for x in (self.value, self.low, self.high, self.reference) if x is not None]
        if not all(math.isfinite(x) for x in numbers):
            raise ValueError(f"expected finite numbers, got {numbers}")

    def text(self, *, percent: bool = False) -> str:
        """Text for tables: ``81.8 [76.3, 86.9]`` in percent, or ``0.0445 [0.041, 0.048]``."""
        if self.value is None:
            return self.note or "-"
        parts = [x for x in (self.low, self.high) if x is not None]
        shown = _number(self.value, percent)
        interval = ", ".join(_number(x, percent) for x in parts)
        return f"{shown} [{interval}]" if parts else shown

    def as_json(self) -> dict[str, Any]:
        """A dictionary without empty fields."""
        return {name: value for name, value in vars(self).items() if value not in (None, "")}


Measurements = dict[str, Measurement]
"""By the key of the column."""


def not_measured(why: str) -> Measurement:
    """An entry that says why it is empty."""
    return Measurement(note=f"not measured ({why})")


def mean_measurement(
    values: Float[Tensor, "n"],
    people: Int[Tensor, "n"],
    *,
    empty: str = "no faces",
    note: str = "",
    reference: float | None = None,
    interval_of: Callable[[Tensor, Tensor], Interval] = mean_over_people,
) -> Measurement:
    """The mean over images with its interval over people; NaN values are left out.

    Args:
        values: one per image.
        people: person of each image.
        empty: reason to give if all values are NaN.
        note, reference: of the measurement.
        interval_of: gives the mean and its interval.
    """
    there = torch.isfinite(values)
    if not there.any():
        return not_measured(empty)
    interval, count = interval_of(values, people), int(there.sum())
    cell = Measurement(interval.mean, count=count, note=note, reference=reference)
    # An interval over one person, or of equal values, would be empty.
    if len(set(people[there].tolist())) < 2 or interval.low == interval.high:
        return cell
    return replace(cell, low=interval.low, high=interval.high)


rate_measurement = partial(mean_measurement, interval_of=rate_over_people)
"""`mean_measurement` of values that are 0 or 1, with an interval also where all are alike."""


def _number(value: float, percent: bool) -> str:
    return f"{100 * value:.1f}" if percent else f"{value:.3g}"
