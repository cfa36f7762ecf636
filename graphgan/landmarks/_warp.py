"""Sample an image through an affine map.

`grid_sample` does the sampling. It aliases when shrinking, and beyond the edges it repeats the
image or reflects it only once, so the region it reads is first cropped by `crop_image`, which
handles both.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan._checks import check_positive
from graphgan.landmarks._crop import Crop, crop_image

_REACH = 2  # pixels that the bicubic kernel of `grid_sample` reads to either side


def warp(
    image: UInt8[Tensor, "c h w"] | Float[Tensor, "c h w"],
    origin: Float[Tensor, "2"],
    matrix: Float[Tensor, "2 2"],
    size: tuple[int, int],
) -> Float[Tensor, "c {size[0]} {size[1]}"]:
    """``out[:, v, u] = image at origin + matrix (u, v)``, in (x, y), pixel centers at integers.

    Where a pixel of the result is larger than one of the image along an axis of the image, the
    image is first shrunk along this axis to pixels as large. Then it is read bicubically. Beyond
    its edges the image is reflected.

    Args:
        image: 8-bit or float, in any range.
        origin, matrix: float64.
        size: height and width of the result.
    Raises:
        ValueError: no size, an empty image, or one far smaller than what is asked for.
    """
    check_positive(height=size[0], width=size[1])
    pitch = matrix.norm(dim=1).clamp(min=1)
    region, (height, width) = _region(origin, matrix, size, pitch)
    window = crop_image(image, region, (height, width))
    start = region.to_crop(origin[None], (height, width))[0]
    x, y = (lattice(start[axis], matrix[axis] / pitch[axis], size) for axis in (0, 1))
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1).to(window)
    read = F.grid_sample(window[None], grid[None], mode="bicubic", align_corners=True)
    return read[0]


def lattice(
    origin: Float[Tensor, ""], steps: Float[Tensor, "2"], size: tuple[int, int]
) -> Float[Tensor, "{size[0]} {size[1]}"]:
    """``origin + steps (u, v)`` at column u and row v."""
    rows, columns = (torch.arange(n, dtype=origin.dtype) for n in size)
    return (origin + rows * steps[1])[:, None] + columns * steps[0]


def _region(
    origin: Tensor, matrix: Tensor, size: tuple[int, int], pitch: Float[Tensor, "2"]
) -> tuple[Crop, tuple[int, int]]:
    """What the result needs of the image, in whole pixels of this pitch from its corner on."""
    last = torch.tensor([size[1] - 1, size[0] - 1], dtype=matrix.dtype)
    corners = origin + torch.stack(
        [0 * last, matrix[:, 0] * last[0], matrix[:, 1] * last[1], matrix @ last]
    )
    low, high = (corners.amin(0) + 0.5) / pitch - _REACH, (corners.amax(0) + 0.5) / pitch + _REACH
    (left, top), (right, bottom) = (low.floor() - 1).tolist(), (high.ceil() + 1).tolist()
    across, down = pitch.tolist()
    region = Crop(
        left * across - 0.5, top * down - 0.5, (right - left) * across, (bottom - top) * down
    )
    return region, (round(bottom - top), round(right - left))
