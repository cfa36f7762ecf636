"""Rotated square crops of an image, all of one size, for networks that process one face at a
time."""

import math
from functools import cache

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.landmarks import IBUG_68

_SHRINK = 1.5  # pixels of the image to one of the result from which it is shrunk first


def cut_squares(
    image: UInt8[Tensor, "3 h w"],
    centers: Float[Tensor, "n 2"],
    sides: Float[Tensor, "n"],
    angles: Float[Tensor, "n"],
    size: int,
) -> Float[Tensor, "n 3 {size} {size}"]:
    """Cut out rotated squares, with bilinear interpolation.

    The image is reflected at its edges, since faces cut by an edge are then found more often.

    Args:
        image: 8-bit.
        centers: (x, y) in pixels, pixel centers at integers.
        sides: in pixels.
        angles: clockwise as seen, in radians.
        size: pixels a side of the results, which are 0 to 255.
    """
    squares = zip(centers.tolist(), sides.tolist(), angles.tolist(), strict=True)
    cuts = [_cut(image, x, y, max(side, 1.0), angle, size) for (x, y), side, angle in squares]
    if not cuts:
        return torch.zeros(0, 3, size, size, device=image.device)
    return torch.cat(cuts).contiguous(memory_format=torch.channels_last)


def _cut(
    image: UInt8[Tensor, "3 h w"], x: float, y: float, side: float, angle: float, size: int
) -> Float[Tensor, "1 3 {size} {size}"]:
    height, width = image.shape[1:]
    reach = side / 2 * (abs(math.cos(angle)) + abs(math.sin(angle))) + 2
    left, right = _span(x - reach, x + reach, width)
    top, bottom = _span(y - reach, y + reach, height)
    part = image[None, :, top:bottom, left:right].float()
    across, down = right - left, bottom - top
    if side > _SHRINK * size:
        scale = size / side
        shrunk = (max(round(down * scale), 1), max(round(across * scale), 1))
        part = F.interpolate(part, shrunk, mode="bilinear", antialias=True)
    cos, sin = side / 2 * math.cos(angle), side / 2 * math.sin(angle)
    # In grid_sample's units: -1 and 1 are the outer edges of the part.
    to_x, to_y = 2 / across, 2 / down
    matrix = torch.tensor([[cos * to_x, sin * to_y], [-sin * to_x, cos * to_y]])
    middle = torch.tensor([(x + 0.5 - left) * to_x - 1, (y + 0.5 - top) * to_y - 1])
    grid = torch.addmm(middle, _lattice(size), matrix).view(1, size, size, 2).to(image.device)
    return F.grid_sample(part, grid, padding_mode="reflection", align_corners=False)


def in_image(
    points: Float[Tensor, "n k 2"],
    centers: Float[Tensor, "n 2"],
    sides: Float[Tensor, "n"],
    angles: Float[Tensor, "n"],
    size: int,
) -> Float[Tensor, "n k 2"]:
    """Convert points in squares of `cut_squares` to pixels of the image."""
    scale = (sides / size)[:, None]
    across, down = ((points[..., i] + 0.5 - size / 2) * scale for i in (0, 1))
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]
    x, y = cos * across - sin * down, sin * across + cos * down
    return torch.stack([x, y], -1) + centers[:, None]


@cache
def _lattice(size: int) -> Float[Tensor, "n 2"]:
    """Centers of the pixels of a square, from -1 to 1, as (x, y)."""
    steps = (torch.arange(size) + 0.5) * (2 / size) - 1
    return torch.cartesian_prod(steps, steps).flip(1).contiguous()


def _span(low: float, high: float, length: int) -> tuple[int, int]:
    """Whole pixels from ``low`` to ``high`` that the image has, at least one."""
    first = min(max(math.floor(low), 0), length - 1)
    return first, max(min(math.ceil(high) + 1, length), first + 1)


def check_image_and_landmarks(image: Tensor, landmarks: Tensor) -> None:
    """Raise ``ValueError`` unless the inputs are a non-empty 8-bit RGB image and landmarks
    ``n 68 2``."""
    if image.ndim != 3 or image.shape[0] != 3 or not image.numel() or image.dtype != torch.uint8:
        raise ValueError(
            f"expected an 8-bit image of shape (3, h, w), got {tuple(image.shape)}, {image.dtype}"
        )
    if landmarks.ndim != 3 or tuple(landmarks.shape[1:]) != (IBUG_68.num_landmarks, 2):
        raise ValueError(f"expected landmarks of shape (n, 68, 2), got {tuple(landmarks.shape)}")
