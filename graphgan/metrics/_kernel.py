"""Kernel distance between two sets of features, which works from two rows on.

Source: Binkowski et al., "Demystifying MMD GANs", ICLR 2018, section 4 (the unbiased estimate of
the squared maximum mean discrepancy, and the cubic kernel).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from graphgan._checks import check_positive
from graphgan.metrics._frechet import checked_sets

_USUAL_SIZE = 1000


class KernelDistance(NamedTuple):
    """Mean and standard deviation over the subsets; the deviation is 0 for whole sets."""

    mean: float
    std: float


def kernel_distance(
    real: Float[Tensor, "n d"],
    other: Float[Tensor, "m d"],
    *,
    subsets: int = 100,
    subset_size: int | None = None,
    seed: int = 0,
) -> KernelDistance:
    """Squared maximum mean discrepancy of features x, y under ``k(x, y) = (x . y / d + 1)^3``.

    ``mean k(x, x') + mean k(y, y') - 2 mean k(x, y)`` over pairs of different rows, the mean of
    random subsets of both sets; in double precision. Its expectation does not depend on the number
    of rows: 0 between equal sources, so a result may be a little below 0. The deviation is that of
    the subsets (their number in the denominator), not of another set of rows.

    Args:
        real: features of one set.
        other: features of the other set.
        subsets: number of subsets drawn from each set, without repeated rows.
        subset_size: rows in each subset. Default: the usual 1000, or the whole smaller set if it
            has fewer; two whole sets give one number, without a deviation.
        seed: random seed of the subsets.
    Raises:
        ValueError: fewer rows in a set than ``subset_size`` or than two, ``subset_size`` below two,
            no subset; rows that are not finite, sets of two widths.

    Example:
        >>> distance = kernel_distance(torch.randn(50, 8), 2 + torch.randn(40, 8), subset_size=20)
        >>> distance.mean > 3 * distance.std
        True
    """
    check_positive(subsets=subsets)
    size = min(_USUAL_SIZE, len(real), len(other)) if subset_size is None else subset_size
    if size < 2:
        raise ValueError(f"expected subset_size of at least 2, got {size}")
    sets = checked_sets(real, other, size)
    if size == len(real) == len(other):
        return KernelDistance(_discrepancy(*sets), 0.0)
    generator = torch.Generator().manual_seed(seed)
    found = [_discrepancy(*(_drawn(s, size, generator) for s in sets)) for _ in range(subsets)]
    distances = torch.tensor(found, dtype=torch.float64)
    return KernelDistance(float(distances.mean()), float(distances.std(correction=0)))


def _discrepancy(x: Float64[Tensor, "n d"], y: Float64[Tensor, "n d"]) -> float:
    """The unbiased estimate for two sets of as many rows."""
    count = len(x)
    within = _kernel(x, x).fill_diagonal_(0).sum() + _kernel(y, y).fill_diagonal_(0).sum()
    return float(within / (count * (count - 1)) - 2 * _kernel(x, y).mean())


def _kernel(x: Float64[Tensor, "n d"], y: Float64[Tensor, "m d"]) -> Float64[Tensor, "n m"]:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _drawn(
    features: Float64[Tensor, "n d"], size: int, generator: torch.Generator
) -> Float64[Tensor, "s d"]:
    return features[torch.randperm(len(features), generator=generator)[:size]]
