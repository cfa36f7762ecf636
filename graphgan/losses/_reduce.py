"""The mean used by losses that select items of a batch."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def per_item_mean(values: Float[Tensor, "b *rest"]) -> Float[Tensor, "b"]:
    """Mean over all dimensions except the batch."""
    return values.flatten(1).mean(1)


def mean_of_selected(
    per_item: Float[Tensor, "b"],
    selected: Bool[Tensor, "b"] | None = None,
    count: Tensor | float | None = None,
) -> Float[Tensor, ""]:
    """``sum of the selected items / count``, or 0 (with a graph) if none is selected.

    Args:
        per_item: one value per item.
        selected: items to include; all by default.
        count: the divisor; by default the number of selected items. Processes that share a batch
            and average their gradients pass the mean of their counts, which makes the average equal
            to the mean over the whole batch.
    Raises:
        ValueError: a selection of the wrong length.
    """
    if selected is None:
        return per_item.mean() if count is None else per_item.sum() / count
    if selected.shape != per_item.shape:
        raise ValueError(
            f"expected selected of shape {tuple(per_item.shape)}, got {tuple(selected.shape)}"
        )
    divisor = torch.as_tensor(selected.sum() if count is None else count)
    # An empty selection sums to 0, so any divisor works.
    return (per_item * selected).sum() / torch.where(divisor > 0, divisor, 1)
