"""A picture seen through an affine map, band-limited where it shrinks."""

import math

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from graphgan._checks import check_positive
from graphgan.landmarks._cubic import keys_cubic
from graphgan.landmarks.align import Crop, crop_image

# Pixels of the picture to one of the result, along the finer axis, that the last step takes: it
# weighs (4 x 2)^2 pixels for each of the result, and what is left above 2 is shrunk away first.
_LAST_SHRINK = 2.0


def warp(
    image: UInt8[Tensor, "c h w"] | Float[Tensor, "c h w"],
    origin: Float[Tensor, "2"],
    matrix: Float[Tensor, "2 2"],
    size: tuple[int, int],
) -> Float[Tensor, "c {size[0]} {size[1]}"]:
    """``out[:, v, u] = image at origin + matrix (u, v)``, in (x, y), pixel centres at integers.

    ``image at p = sum over q of k((q - p)_x / w_x) k((q - p)_y / w_y) image_q / sum of weights``,
    k the cubic of Keys and w_x, w_y the extent of a pixel of the result in the picture, at least 1.
    Beyond its edges the picture is reflected. Shrinking by more than 2 is done in two steps, the
    first along the picture's axes.

    Args:
        image: 8-bit or float, in any range.
        origin, matrix: float64.
        size: height and width of the result.
    Raises:
        ValueError: no size, an empty picture, or one far smaller than what is asked for.
    """
    check_positive(height=size[0], width=size[1])
    extent = matrix.norm(dim=1)
    shrink = max(float(extent.min()) / _LAST_SHRINK, 1.0)
    widths = (extent / shrink).clamp(min=1)
    region, (height, width) = _region(origin, matrix, size, 3 * shrink * widths, shrink)
    window = crop_image(image, region, (height, width))
    origin = region.to_crop(origin[None], (height, width))[0]
    left, across = _taps(lattice(origin[0], matrix[0] / shrink, size), float(widths[0]), window)
    top, down = _taps(lattice(origin[1], matrix[1] / shrink, size), float(widths[1]), window)
    pixels = window.flatten(1)
    out = pixels.new_zeros(len(pixels), len(left))
    for i, row_weights in enumerate(down):
        row = (top + i) * width + left
        for j, weights in enumerate(across):
            out.addcmul_(pixels.index_select(1, row + j), row_weights * weights)
    return out.view(-1, *size)


def lattice(
    origin: Float[Tensor, ""], steps: Float[Tensor, "2"], size: tuple[int, int]
) -> Float[Tensor, "{size[0]} {size[1]}"]:
    """``origin + steps (u, v)`` at column u and row v."""
    rows, columns = (torch.arange(n, dtype=origin.dtype) for n in size)
    return (origin + rows * steps[1])[:, None] + columns * steps[0]


def _region(
    origin: Tensor,
    matrix: Tensor,
    size: tuple[int, int],
    reach: Float[Tensor, "2"],
    pitch: float,
) -> tuple[Crop, tuple[int, int]]:
    """What the result needs of the picture, in whole pixels of this pitch from its corner on."""
    last = torch.tensor([size[1] - 1, size[0] - 1], dtype=matrix.dtype)
    corners = origin + torch.stack(
        [0 * last, matrix[:, 0] * last[0], matrix[:, 1] * last[1], matrix @ last]
    )
    low, high = (corners.amin(0) - reach).tolist(), (corners.amax(0) + reach).tolist()
    left, top = (math.floor((edge + 0.5) / pitch) for edge in low)
    right, bottom = (math.ceil((edge + 0.5) / pitch) for edge in high)
    region = Crop(
        left * pitch - 0.5, top * pitch - 0.5, (right - left) * pitch, (bottom - top) * pitch
    )
    return region, (bottom - top, right - left)


def _taps(
    positions: Float[Tensor, "h w"], width: float, like: Tensor
) -> tuple[Int[Tensor, "n"], Float[Tensor, "t n"]]:
    """The first pixel that each position reads along an axis, and the weights from there on."""
    before = (positions.flatten() - 2 * width).floor()
    # What is left after whole pixels fits the picture's own precision.
    first = (before + 1 - positions.flatten()).to(like)
    taps = torch.arange(math.ceil(4 * width), device=like.device)[:, None]
    weights = keys_cubic((first + taps) / width)
    return before.long().to(like.device) + 1, weights / weights.sum(0)
