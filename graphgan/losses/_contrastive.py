"""The contrastive loss: pull embeddings of one person together and push those of two people apart.

Source: Hadsell et al., "Dimensionality Reduction by Learning an Invariant Mapping", CVPR 2006,
eq. (4), with its halves; [C] Maximov et al., "CIAGAN", CVPR 2020, takes a margin of 3.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def contrastive_loss(
    a: Float[Tensor, "b d"],
    b: Float[Tensor, "b d"],
    same: Bool[Tensor, "b"],
    *,
    margin: float = 3.0,
) -> Float[Tensor, ""]:
    """Mean over pairs of ``1/2 |a - b|^2``, or of ``1/2 max(0, margin - |a - b|)^2``.

    Args:
        a: embeddings.
        b: embeddings to compare with, pair by pair.
        same: True for pairs to pull together (the first form); the others are pushed apart.
        margin: distance beyond which pairs are no longer pushed apart, above 0.
    Raises:
        ValueError: mismatched shapes, no pairs, a margin of 0 or less.

    Example:
        >>> a, b = torch.zeros(2, 1), torch.tensor([[1.0], [1.0]])
        >>> float(contrastive_loss(a, b, torch.tensor([True, False])))  # (1/2 + 2) / 2
        1.25
    """
    if a.ndim != 2 or a.shape != b.shape or same.shape != a.shape[:1] or len(a) == 0:
        raise ValueError(
            "expected two sets of embeddings of shape (b, d) and b truths, got "
            f"{tuple(a.shape)}, {tuple(b.shape)} and {tuple(same.shape)}"
        )
    if margin <= 0:
        raise ValueError(f"expected a margin above 0, got {margin}")
    squared = (a - b).square().sum(1)
    # The root has no gradient at 0, and coinciding embeddings have no direction to move apart.
    distance = squared.where(~same, 1.0).clamp(min=torch.finfo(squared.dtype).tiny).sqrt()
    return torch.where(same, squared, F.relu(margin - distance).square()).mean() / 2
