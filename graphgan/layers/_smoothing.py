"""Box filters that transfer the details of one image to another."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_features


def smooth(x: Float[Tensor, "b c h w"], side: int) -> Float[Tensor, "b c h w"]:
    """Apply a box filter of ``side`` pixels twice, averaging only over pixels inside the image.

    This approximates a Gaussian of sigma ``sqrt((side^2 - 1) / 6)``: 2 pixels for a side of 5.

    Raises:
        ValueError: an even side, or one below 1.
    """
    check_features(x, x.shape[1] if x.ndim > 1 else 3)
    if side < 1 or side % 2 == 0:
        raise ValueError(f"expected an odd side of at least 1, got {side}")
    for _ in range(2):
        for sides in ((side, 1), (1, side)):  # as a square, but by 2 side operations a pixel
            reach = (sides[0] // 2, sides[1] // 2)
            x = F.avg_pool2d(x, sides, stride=1, padding=reach, count_include_pad=False)
    return x


def with_details_of(
    detailed: Float[Tensor, "b c h w"], image: Float[Tensor, "b c h w"], side: int
) -> Float[Tensor, "b c h w"]:
    """``detailed + smooth(image - detailed)``: the colors of ``image``, details of ``detailed``.

    Args:
        detailed: image that supplies structures smaller than about ``side`` pixels.
        image: image that supplies colors and shading.
        side: odd, in pixels, see `smooth`.

    Example:
        >>> import torch
        >>> fine, flat = torch.rand(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)
        >>> torch.equal(with_details_of(fine, flat, 1), flat)
        True
    """
    return detailed + smooth(image - detailed, side)
