"""Helpers of region metrics: input checks, luminance, and dilated or eroded masks."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from graphgan._checks import check_features
from graphgan.data import to_float_image

Images = Float[Tensor, "n 3 h w"] | UInt8[Tensor, "n 3 h w"]

STEP = 2 / 255
"""Of an 8-bit image, in the units of images in [-1, 1]."""

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def checked_images(
    results: Images,
    originals: Images,
    mask: Float[Tensor, "n 1 h w"] | Bool[Tensor, "n 1 h w"],
) -> tuple[Float[Tensor, "n 3 h w"], Float[Tensor, "n 3 h w"]]:
    """Both in [-1, 1].

    Raises:
        ValueError: mismatched shapes, or no images.
    """
    pair = tuple(x if x.is_floating_point() else to_float_image(x) for x in (results, originals))
    for images, name in zip(pair, ("results", "originals"), strict=True):
        check_features(images, 3, name)
    check_pair(results, originals, mask)
    return pair[0], pair[1]


def check_pair(output: Tensor, target: Tensor, mask: Tensor | None) -> None:
    """Raise ``ValueError`` for images of two shapes, or a mask of another."""
    if output.shape != target.shape:
        raise ValueError(f"expected one shape, got {tuple(output.shape)} and {tuple(target.shape)}")
    if mask is not None and mask.shape != (expected := (len(output), 1, *output.shape[2:])):
        raise ValueError(f"expected a mask of shape {expected}, got {tuple(mask.shape)}")


def luminance(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
    """The weighted mean of red, green and blue, in the range of the images."""
    weights = torch.tensor(_LUMA).to(images).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True)


def grown(inside: Bool[Tensor, "n 1 h w"], pixels: int) -> Bool[Tensor, "n 1 h w"]:
    """The region dilated by this many pixels, also diagonally."""
    for axis in (2, 3):
        reach = 0
        while reach < pixels:  # 1, 4, 13, ...: three times as far each time
            step = min(2 * reach + 1, pixels - reach)
            inside = inside | _shifted(inside, step, axis) | _shifted(inside, -step, axis)
            reach += step
    return inside


def _shifted(inside: Bool[Tensor, "n 1 h w"], by: int, axis: int) -> Bool[Tensor, "n 1 h w"]:
    """Moved by so many pixels; nothing comes in at the edge."""
    length, moved = inside.shape[axis], torch.zeros_like(inside)
    kept = max(length - abs(by), 0)
    source, target = (0, by) if by > 0 else (-by, 0)
    if kept:
        moved.narrow(axis, target, kept).copy_(inside.narrow(axis, source, kept))
    return moved


def shrunk(inside: Bool[Tensor, "n 1 h w"], pixels: int) -> Bool[Tensor, "n 1 h w"]:
    """The region eroded by this many pixels; edges of the image do not count as outside."""
    return ~grown(~inside, pixels)


def medians(
    values: Float[Tensor, "n c h w"], where: Bool[Tensor, "n 1 h w"], least: int
) -> Float[Tensor, "n c"]:
    """Of the pixels of each region, by channel; NaN where it has fewer than ``least``."""
    enough = where.flatten(1).sum(1) >= least
    inside = torch.where(where & enough[:, None, None, None], values, torch.nan)
    return inside.flatten(2).nanmedian(2).values


def filtered(
    values: Float[Tensor, "n c h w"], taps: Sequence[float], axis: Literal[2, 3]
) -> Float[Tensor, "n c h w"]:
    """A filter of an odd number of taps along rows (3) or columns (2); edges are repeated.

    Sums of shifted images: ``conv2d`` of one channel is slow on processors.
    """
    reach, length = len(taps) // 2, values.shape[axis]
    sides = (reach, reach, 0, 0) if axis == 3 else (0, 0, reach, reach)
    padded = F.pad(values, sides, mode="replicate")
    total = padded.narrow(axis, 0, length) * taps[0]
    for i, tap in enumerate(taps[1:], 1):
        total.add_(padded.narrow(axis, i, length), alpha=tap)
    return total
