"""Frechet distance of two sets of descriptors, and what it cannot fall below.

Source: Dowson and Landau, "The Frechet Distance between Multivariate Normal Distributions", Journal
of Multivariate Analysis 1982; Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge
to a Local Nash Equilibrium", NIPS 2017. `frechet_inception_distance` is the same of pictures.
"""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from graphgan._checks import check_positive


def frechet_distance(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> float:
    """``|m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2))``, means and unbiased covariances.

    0 for equal sets, without upper bound; in double precision. It falls with the number of rows,
    also between equal sources: compare only at equal counts, and with `frechet_floor`.

    Raises:
        ValueError: d rows or fewer in a set, rows that are not finite, sets of two widths.

    Example:
        >>> a = torch.randn(50, 3)
        >>> round(frechet_distance(a, a + torch.tensor([2.0, 0.0, 0.0])), 4)
        4.0
    """
    sets = _checked(a, "the first set"), _checked(b, "the second set")
    if len(widths := {features.shape[1] for features in sets}) > 1:
        raise ValueError(f"expected sets of one width, got {sorted(widths)}")
    apart = (sets[0].mean(0) - sets[1].mean(0)).square().sum()
    width = sets[0].shape[1]
    one, other = (features.T.cov().reshape(width, width) for features in sets)  # of one, a scalar
    # S_a S_b has the eigenvalues of R S_b R with R^2 = S_a, which is symmetric.
    values, vectors = torch.linalg.eigh(one)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    both = torch.linalg.eigvalsh(root @ other @ root).clamp(min=0).sqrt().sum()
    distance = apart + one.trace() + other.trace() - 2 * both
    return max(0.0, float(distance))  # rounding leaves equal sets a little below 0


def frechet_floor(
    features: Float[Tensor, "n d"], count: int, *, seed: int = 0, draws: int = 10
) -> float:
    """What `frechet_distance` gives for two sets of ``count`` rows each from one source.

    The mean over draws of two halves without a row in common. No system can be expected below it.

    Args:
        features: of the source, such as of untouched pictures.
        count: rows in each half, above d.
        seed: of the draws.
        draws: pairs of halves.
    Raises:
        ValueError: fewer than ``2 count`` rows, ``count`` not above d, rows that are not finite, no
            draw.

    Example:
        >>> frechet_floor(torch.randn(200, 3), 100) < frechet_floor(torch.randn(200, 3), 10)
        True
    """
    check_positive(draws=draws)
    if 2 * count > len(features):
        raise ValueError(
            f"expected {2 * count} rows and more for halves of {count}, got {len(features)}"
        )
    generator = torch.Generator().manual_seed(seed)
    orders = [torch.randperm(len(features), generator=generator) for _ in range(draws)]
    there = features.cpu()
    distances = [
        frechet_distance(there[order[:count]], there[order[count : 2 * count]]) for order in orders
    ]
    return sum(distances) / draws


def _checked(features: Float[Tensor, "n d"], name: str) -> Float64[Tensor, "n d"]:
    if features.ndim != 2:
        raise ValueError(f"expected {name} of shape (n, d), got {tuple(features.shape)}")
    count, width = features.shape
    if count <= width:
        raise ValueError(
            f"expected more than d = {width} rows in {name}, got {count}: with fewer the "
            "covariances lack rank"
        )
    if not features.isfinite().all():
        bad = int((~features.isfinite()).any(1).sum())
        raise ValueError(f"expected finite rows in {name}, got {bad} others; leave them out")
    return features.cpu().double()
