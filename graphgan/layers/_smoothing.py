"""Box filters that transfer the details of one image to another."""

import torch
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
    with torch.autocast(x.device.type, enabled=False):
        precise = x.to(torch.promote_types(x.dtype, torch.float32))
        down, across = (_twice_averaged(length, side, precise) for length in x.shape[2:])
        return (down @ precise @ across.mT).to(x.dtype)


def _twice_averaged(length: int, side: int, like: Tensor) -> Float[Tensor, "{length} {length}"]:
    """The matrix that averages a row twice: for wide boxes ten times as fast as pooling."""
    places = torch.arange(length, device=like.device)
    near = ((places[:, None] - places).abs() <= side // 2).to(like.dtype)
    once = near / near.sum(1, keepdim=True)
    return once @ once


def box_filter(x: Float[Tensor, "b c h w"], side: int) -> Float[Tensor, "b c h w"]:
    """Average over ``side`` pixels (odd, a few) along both axes, over those inside the image."""
    reach = side // 2
    for dim, pad in ((-1, (reach, reach, 0, 0)), (-2, (0, 0, reach, reach))):
        length, padded = x.shape[dim], F.pad(x, pad)
        total = padded.narrow(dim, 0, length).clone()
        for shift in range(1, side):
            total += padded.narrow(dim, shift, length)
        places = torch.arange(length, device=x.device)
        counts = places.clamp(max=reach) + places.flip(0).clamp(max=reach) + 1
        x = total / (counts if dim == -1 else counts[:, None])
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
