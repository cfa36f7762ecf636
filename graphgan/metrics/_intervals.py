"""Bootstrap confidence intervals of means."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

_DRAWS = 2000  # bootstrap samples
_LEAST_SAMPLES = 3  # two always correlate fully


class Interval(NamedTuple):
    """A mean with its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}]"


def bootstrap_mean(
    values: Sequence[float] | np.ndarray,
    groups: Sequence[int] | np.ndarray | None = None,
    *,
    draws: int = _DRAWS,
    seed: int = 0,
) -> Interval:
    """Mean with a 95 % percentile bootstrap interval, resampled over groups of values.

    Args:
        values: one per sample.
        groups: values that are drawn together, such as those of one person; each value by itself by
            default.
        draws: number of bootstrap samples.
        seed: random seed.
    Raises:
        ValueError: no value, values that are not finite, groups of another length.

    Example:
        >>> bootstrap_mean([1.0, 1.0, 1.0])
        Interval(mean=1.0, low=1.0, high=1.0)
    """
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"expected finite values, got {array.size} of them, some not finite")
    names = np.arange(array.size) if groups is None else np.asarray(groups)
    if names.shape != array.shape:
        raise ValueError(f"expected a group for each of {array.size} values, got {names.size}")
    _, group = np.unique(names, return_inverse=True)
    sums, sizes = np.bincount(group, weights=array), np.bincount(group)
    drawn = np.random.default_rng(seed).integers(len(sums), size=(draws, len(sums)))
    means = sums[drawn].sum(1) / sizes[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(array.mean()), float(low), float(high))


def mean_over_people(values: Float[Tensor, "n"], people: Int[Tensor, "n"]) -> Interval:
    """`bootstrap_mean` over people; NaN values, such as for faces not found, are ignored.

    Args:
        values: one a sample.
        people: the number of each sample's person.
    Raises:
        ValueError: no value, or infinite ones; other people than values.

    Example:
        >>> values = torch.tensor([0.5, torch.nan, 0.5])
        >>> mean_over_people(values, torch.tensor([0, 0, 1]))
        Interval(mean=0.5, low=0.5, high=0.5)
    """
    if values.shape != people.shape:
        raise ValueError(f"expected a person for each of {len(values)} values, got {len(people)}")
    there = ~values.isnan()
    return bootstrap_mean(values[there].cpu().numpy(), people.to(there.device)[there].cpu().numpy())


def rate_over_people(values: Float[Tensor, "n"], people: Int[Tensor, "n"]) -> Interval:
    """`mean_over_people` for values of 0 or 1, also if all are equal.

    There a bootstrap, which knows only what was seen, would claim certainty. With n people of whom
    none (or all) are hit, the bound on the other side is the exact one of n independent draws:
    ``1 - 0.025^(1 / n)`` away.

    Source: Clopper and Pearson, "The Use of Confidence or Fiducial Limits Illustrated in the Case
    of the Binomial", Biometrika 1934.

    Args:
        values: 0 or 1, one a sample; NaN ones are left out.
        people: the number of each sample's person.
    Raises:
        ValueError: no value, or other ones; other people than values.

    Example:
        >>> interval = rate_over_people(torch.zeros(40), torch.arange(20).repeat(2))
        >>> interval.mean, round(interval.high, 3)
        (0.0, 0.168)
    """
    there = ~values.isnan()
    if not ((values[there] == 0) | (values[there] == 1)).all():
        raise ValueError("expected values of 0 or 1")
    interval = mean_over_people(values, people)
    reach = 1 - 0.025 ** (1 / len(set(people[there].tolist())))
    if interval.mean == 0:
        return interval._replace(high=reach)
    return interval._replace(low=1 - reach) if interval.mean == 1 else interval


def correlation_over_people(
    x: Float[Tensor, "n"], y: Float[Tensor, "n"], people: Int[Tensor, "n"]
) -> Interval:
    """Pearson's correlation with a percentile-bootstrap interval of 95 %, drawn over people.

    Args:
        x, y: one a sample each; samples with a NaN in either are left out.
        people: the number of each sample's person.
    Raises:
        ValueError: fewer than 3 samples, or values that are all equal.

    Example:
        >>> x = torch.tensor([0.0, 1.0, 2.0, 3.0])
        >>> correlation_over_people(x, 2 * x + 1, torch.arange(4)).mean
        1.0
    """
    there = (x.isfinite() & y.isfinite()).cpu()
    a, b = x.cpu()[there].double().numpy(), y.cpu()[there].double().numpy()
    if len(a) < _LEAST_SAMPLES or a.min() == a.max() or b.min() == b.max():
        raise ValueError(f"expected 3 samples that differ, got {len(a)}")
    _, person = np.unique(people.cpu()[there].numpy(), return_inverse=True)
    a, b = a - a.mean(), b - b.mean()
    moments = [np.bincount(person, weights=m) for m in (a * 0 + 1, a, b, a * a, b * b, a * b)]
    drawn = np.random.default_rng(0).integers(len(moments[0]), size=(_DRAWS, len(moments[0])))
    count, sa, sb, saa, sbb, sab = (m[drawn].sum(1) for m in moments)
    spread = np.maximum((saa - sa**2 / count) * (sbb - sb**2 / count), 1e-24)
    low, high = np.percentile((sab - sa * sb / count) / np.sqrt(spread), [2.5, 97.5])
    return Interval(float(np.corrcoef(a, b)[0, 1]), float(low), float(high))
