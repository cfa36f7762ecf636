"""Error inside a mask, one number per item."""

from jaxtyping import Float
from torch import Tensor

from graphgan.metrics._regions import check_pair


def masked_error(
    output: Float[Tensor, "b 3 h w"],
    target: Float[Tensor, "b 3 h w"],
    mask: Float[Tensor, "b 1 h w"],
) -> Float[Tensor, "b"]:
    """``mean |output - target|`` over channels and the pixels of the mask.

    Images in [-1, 1] give values in [0, 2]; an empty mask gives 0.

    Raises:
        ValueError: mismatched shapes.
    """
    check_pair(output, target, mask)
    weighted = (output - target).abs().mean(1, keepdim=True) * mask
    return weighted.flatten(1).sum(1) / mask.flatten(1).sum(1).clamp(min=1e-6)
