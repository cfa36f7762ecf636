"""Reconstruction loss: the mean absolute difference, over a region and selected items of a batch.

Source: [A] Dall'Asen et al., ICIAP 2021, eq. (2) to (5), where the condition is the source.
"""

from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.losses._reduce import mean_of_selected, per_item_mean


def reconstruction_loss(
    output: Float[Tensor, "b c h w"],
    target: Float[Tensor, "b c h w"],
    *,
    selected: Bool[Tensor, "b"] | None = None,
    region: Float[Tensor, "b 1 h w"] | None = None,
    count: Tensor | float | None = None,
) -> Float[Tensor, ""]:
    """``mean |output - target|`` over the elements of the selected items; 0 if none is selected.

    Args:
        output: generated images.
        target: target images; they receive no gradient.
        selected: items to include; all by default.
        region: pixel weights; with a mask, an item's mean is taken over its pixels inside (0 for an
            empty mask).
        count: divisor instead of the number of selected items, for batches shared by several
            processes.

    Raises:
        ValueError: mismatched shapes.

    Example:
        >>> output, target = torch.ones(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
        >>> float(reconstruction_loss(output, target, selected=torch.tensor([True, False])))
        1.0
    """
    if output.shape != target.shape:
        raise ValueError(f"expected one shape, got {tuple(output.shape)} and {tuple(target.shape)}")
    difference = (output - target.detach()).abs()
    if region is None:
        return mean_of_selected(per_item_mean(difference), selected, count)
    if region.shape != (expected := (len(output), 1, *output.shape[2:])):
        raise ValueError(f"expected a region of shape {expected}, got {tuple(region.shape)}")
    inside = per_item_mean(region).clamp(min=1 / region[0].numel())
    return mean_of_selected(per_item_mean(difference * region) / inside, selected, count)
