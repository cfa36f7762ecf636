"""Compare several systems on the same samples: means, intervals and paired margins."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from graphgan.metrics._intervals import Interval, mean_over_people


@dataclass(frozen=True)
class Comparison:
    """Result of `compare`; as text, a table and a list of margins.

    Args:
        rows: maps systems to measures to intervals.
        margins: by system, without the first one.
        by: measure of the margins.
    """

    rows: Mapping[str, Mapping[str, Interval]]
    margins: Mapping[str, Interval]
    by: str

    def __str__(self) -> str:
        ours, *others = self.rows
        lines = [_line("", *self.rows[ours])]
        lines += [_line(name, *row.values()) for name, row in self.rows.items()]
        lines.append(f"{self.by}: how much better {ours} is, question by question")
        return "\n".join([*lines, *(_line(name, self.margins[name]) for name in others)])


def _line(name: str, *cells: object) -> str:
    return f"  {name:<24}" + "".join(f"{cell!s:>26}" for cell in cells)


def compare(
    answers: Mapping[str, Mapping[str, Float[Tensor, "n"]]],
    people: Int[Tensor, "n"],
    *,
    by: str,
    lower_is_better: bool = False,
) -> Comparison:
    """Means of every measure, and how much better the first system is than each of the others.

    Margins are means of paired differences, so that samples that are hard for all systems do not
    widen their intervals.

    Args:
        answers: by system and measure, one value per sample; the same measures for all, NaN where
            missing.
        people: the person each sample shows; intervals are computed over people.
        by: measure of the margins.
        lower_is_better: whether lower values of that measure are better.
    Raises:
        ValueError: no systems, or one without the measure ``by``; see `mean_over_people`.

    Example:
        >>> import torch
        >>> values = {"ours": {"error": torch.ones(4)}, "other": {"error": 2 * torch.ones(4)}}
        >>> people = torch.tensor([0, 0, 1, 1])
        >>> compare(values, people, by="error", lower_is_better=True).margins["other"].mean
        1.0
    """
    if not answers or any(by not in measures for measures in answers.values()):
        raise ValueError(f"expected answers with the measure {by!r}, got {_names(answers)}")
    rows = {
        name: {measure: mean_over_people(values, people) for measure, values in measures.items()}
        for name, measures in answers.items()
    }
    ours, *others = answers
    sign = -1 if lower_is_better else 1
    margins = {
        name: mean_over_people(sign * (answers[ours][by] - answers[name][by]), people)
        for name in others
    }
    return Comparison(rows, margins, by)


def _names(answers: Mapping[str, Mapping[str, Tensor]]) -> dict[str, list[str]]:
    return {name: list(measures) for name, measures in answers.items()}
