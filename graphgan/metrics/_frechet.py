"""Frechet distance between two sets of descriptors.

Source: Dowson and Landau, "The Frechet Distance between Multivariate Normal Distributions", Journal
of Multivariate Analysis 1982; Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge
to a Local Nash Equilibrium", NIPS 2017. `frechet_inception_distance` is the same of images.
The version on principal directions, for fewer rows than columns, is ours.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor

MOST_DIRECTIONS = 32
"""Principal directions where rows are no matter: more bring more chance than difference."""

_ROWS_A_DIRECTION = 4


def frechet_distance(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> float:
    """``|m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2))``, means and unbiased covariances.

    0 for equal sets, without upper bound; in double precision. It decreases with the number of
    rows, even between equal sources, so compare only at equal counts.

    Raises:
        ValueError: d rows or fewer in a set, rows that are not finite, sets of different widths.

    Example:
        >>> a = torch.randn(50, 3)
        >>> round(frechet_distance(a, a + torch.tensor([2.0, 0.0, 0.0])), 4)
        4.0
    """
    one, other = checked_sets(a, b)
    width = one.shape[1]
    for features, name in ((one, "first"), (other, "second")):
        if len(features) <= width:
            raise ValueError(
                f"expected more than d = {width} rows in the {name} set, got {len(features)}: with "
                "fewer, the covariances are rank-deficient"
            )
    apart = (one.mean(0) - other.mean(0)).square().sum()
    return float(apart) + _spreads_apart(one, other)


class PrincipalDistance(NamedTuple):
    """A distance and the number of principal directions used."""

    distance: float
    directions: int


def principal_frechet_distance(
    real: Float[Tensor, "n d"], other: Float[Tensor, "m d"], *, directions: int | None = None
) -> PrincipalDistance:
    """`frechet_distance` with covariances restricted to the leading directions of the real set.

    ``|m_r - m_o|^2 + tr(A + B - 2 (A B)^(1/2))`` with ``A = V^T S_r V``, ``B = V^T S_o V`` and k
    orthogonal columns of V, along which the real rows vary most. Means need few rows and are
    compared in all d directions. With d directions it equals `frechet_distance`. It is not
    symmetric.

    Compare only at equal counts and equal k.

    Args:
        real: features of real images.
        other: features of the images to judge.
        directions: k. Default: 32, or a quarter of the rows if a set has fewer than 128; at most
            the rank of the centered real rows.
    Raises:
        ValueError: directions above that rank, or not fewer than the rows of a set; fewer than 4
            rows in a set, identical real rows, rows that are not finite, sets of different widths.

    Example:
        >>> real = torch.randn(40, 100)
        >>> principal_frechet_distance(real, real).directions
        10
    """
    one, two = checked_sets(real, other)
    least = min(len(one), len(two))
    if least < _ROWS_A_DIRECTION:
        raise ValueError(f"expected at least {_ROWS_A_DIRECTION} rows in each set, got {least}")
    principal = _principal_directions(one)
    if directions is None:
        directions = min(MOST_DIRECTIONS, least // _ROWS_A_DIRECTION, len(principal))
    elif not 1 <= directions <= min(least - 1, len(principal)):
        raise ValueError(
            f"expected directions from 1 to {min(least - 1, len(principal))}, got {directions}"
        )
    axes = principal[:directions].T
    apart = (one.mean(0) - two.mean(0)).square().sum()
    return PrincipalDistance(float(apart) + _spreads_apart(one @ axes, two @ axes), directions)


def _spreads_apart(a: Float64[Tensor, "n d"], b: Float64[Tensor, "m d"]) -> float:
    """``tr(S_a + S_b - 2 (S_a S_b)^(1/2))``."""
    width = a.shape[1]
    one, other = (features.T.cov().reshape(width, width) for features in (a, b))  # of one, a scalar
    # S_a S_b has the eigenvalues of R S_b R with R^2 = S_a, which is symmetric.
    values, vectors = torch.linalg.eigh(one)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    both = torch.linalg.eigvalsh(root @ other @ root).clamp(min=0).sqrt().sum()
    apart = one.trace() + other.trace() - 2 * both
    return max(0.0, float(apart))  # rounding makes equal sets slightly negative


def _principal_directions(features: Float64[Tensor, "n d"]) -> Float64[Tensor, "r d"]:
    """Those along which the rows vary, of unit length, the one with the most variance first."""
    rows = features - features.mean(0)
    _, sizes, directions = torch.linalg.svd(rows, full_matrices=False)
    rounding = max(rows.shape) * torch.finfo(rows.dtype).eps * float(features.abs().max())
    if not (rank := int((sizes > rounding * len(rows) ** 0.5).sum())):
        raise ValueError("expected real rows that differ, got equal ones")
    leading: Tensor = directions[:rank]
    return leading


def checked_sets(
    a: Float[Tensor, "n d"], b: Float[Tensor, "m d"], least: int = 0
) -> tuple[Float64[Tensor, "n d"], Float64[Tensor, "m d"]]:
    """Both sets in double precision on the CPU.

    Raises:
        ValueError: another shape, fewer than ``least`` rows, rows that are not finite, or two
            widths.
    """
    for features, name in ((a, "the first set"), (b, "the second set")):
        if features.ndim != 2:
            raise ValueError(f"expected {name} of shape (n, d), got {tuple(features.shape)}")
        if len(features) < least:
            raise ValueError(f"expected at least {least} rows in {name}, got {len(features)}")
        if not features.isfinite().all():
            bad = int((~features.isfinite()).any(1).sum())
            raise ValueError(
                f"expected finite rows in {name}, got {bad} that are not; leave them out"
            )
    if len(widths := {features.shape[1] for features in (a, b)}) > 1:
        raise ValueError(f"expected sets of one width, got {sorted(widths)}")
    return a.cpu().double(), b.cpu().double()
