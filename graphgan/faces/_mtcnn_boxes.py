"""Operations on MTCNN's boxes: pyramid, windows, suppression, regression, squares, crops.

A box is (left, top, right, bottom) in pixel-center coordinates, both ends included: a whole image
is ``(0, 0, w - 1, h - 1)``. The published code uses ``right - left`` as a box's side in some places
and ``right - left + 1`` in others. This is kept, since boxes would otherwise differ by some pixels.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

WINDOW = 12  # pixels that the first network sees at once
STRIDE = 2  # of its windows

Boxes = Float[Tensor, "n 4"]


def pyramid_scales(height: int, width: int, *, min_face: int, factor: float) -> list[float]:
    """``12 / min_face * factor^i`` for all i whose scaled shorter side still holds a window."""
    scales, shrunk = [], 1.0
    while min(height, width) * shrunk >= min_face:
        scales.append(WINDOW / min_face * shrunk)
        shrunk *= factor
    return scales


def windows(cells: Int[Tensor, "n 2"], scale: float) -> Boxes:
    """The image regions that the first network saw for its results at (row, column)."""
    first = STRIDE * cells.flip(1).repeat(1, 2) + 1  # (x, y, x, y), counted from 1
    first[:, 2:] += WINDOW - 1
    return (first / scale).floor() - 1


def spans(boxes: Boxes) -> Float[Tensor, "n 2"]:
    """Widths and heights from the center of the first pixel to that of the last."""
    return boxes[:, 2:] - boxes[:, :2]


def sides(boxes: Boxes) -> Float[Tensor, "n 2"]:
    """Widths and heights in pixels."""
    return spans(boxes) + 1


def suppress(
    boxes: Boxes,
    scores: Float[Tensor, "n"],
    threshold: float,
    *,
    share_of: Literal["union", "smaller"] = "union",
) -> Int[Tensor, "k"]:
    """Non-maximum suppression: indices of the boxes that stay, most confident first.

    A box is dropped if its overlap with a more confident one that stays exceeds ``threshold``: as a
    share of the union of both, by `spans`, or of the smaller one, by `sides`.
    """
    overlap = _overlap_of_smaller if share_of == "smaller" else _overlap_of_union
    kept, left = [], scores.argsort(descending=True, stable=True)
    while len(left):
        kept.append(left[0])
        shared = overlap(boxes[left[:1]], boxes[left[1:]])
        left = left[1:][~(shared > threshold)]  # not <=: boxes without area share NaN
    return torch.stack(kept) if kept else left


def _overlap_of_union(box: Float[Tensor, "1 4"], others: Boxes) -> Float[Tensor, "n"]:
    common = spans(_intersections(box, others)).clamp(min=0).prod(1)
    return common / (spans(box).prod(1) + spans(others).prod(1) - common)


def _overlap_of_smaller(box: Float[Tensor, "1 4"], others: Boxes) -> Float[Tensor, "n"]:
    common = sides(_intersections(box, others)).clamp(min=0).prod(1)
    return common / torch.minimum(sides(box).prod(1), sides(others).prod(1))


def _intersections(box: Float[Tensor, "1 4"], others: Boxes) -> Boxes:
    first, last = torch.maximum(box, others)[:, :2], torch.minimum(box, others)[:, 2:]
    return torch.cat([first, last], dim=1)


def shift_edges(
    boxes: Boxes, offsets: Float[Tensor, "n 4"], lengths: Float[Tensor, "n 2"]
) -> Boxes:
    """Box regression: each edge moves by its offset, given as a share of the box's side."""
    return boxes + offsets * lengths.repeat(1, 2)


def squares(boxes: Boxes) -> Boxes:
    """Squares with the same centers and the boxes' longer sides."""
    centers, half = (boxes[:, :2] + boxes[:, 2:]) / 2, spans(boxes).amax(1, keepdim=True) / 2
    return torch.cat([centers - half, centers + half], dim=1)


def touching(boxes: Boxes, height: int, width: int) -> Bool[Tensor, "n"]:
    """Which boxes overlap the image."""
    starts, stops = _pixels(boxes, height, width)
    return (starts < stops).all(1)


def cut_out(
    image: Float[Tensor, "3 h w"], boxes: Boxes, size: int
) -> Float[Tensor, "n 3 size size"]:
    """The pixels of each box that lie in the image, resampled by area to ``size`` a side."""
    starts, stops = _pixels(boxes, *image.shape[1:])
    crops = [
        F.interpolate(image[None, :, top:bottom, left:right], (size, size), mode="area")
        for (left, top), (right, bottom) in zip(
            starts.long().tolist(), stops.long().tolist(), strict=True
        )
    ]
    return torch.cat(crops) if crops else image.new_zeros(0, 3, size, size)


def _pixels(boxes: Boxes, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Whole pixels from ``starts`` up to before ``stops``, as (x, y), cut at the image's edges."""
    bounds = torch.tensor([width, height], dtype=boxes.dtype)
    starts, stops = boxes[:, :2].floor(), boxes[:, 2:].floor() + 1
    return starts.clamp(min=0).minimum(bounds), stops.clamp(min=0).minimum(bounds)
