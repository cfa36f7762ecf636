"""Paste new faces over the old ones, with a soft edge.

``out = image (1 - m) + face m``: the face and its mask m are transformed back by the alignment of
the crop. Outside all masks the image does not change, bit for bit.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from graphgan.anonymize.compositor._constants import COVERED
from graphgan.anonymize.compositor._edges import soft_edges
from graphgan.landmarks import Alignment, convex_hull, paste, polygon_mask
from graphgan.landmarks._alignment import to_photo
from graphgan.landmarks._warp import lattice

Window = tuple[slice, slice]
"""Rows and columns of an image."""

# Half a crop, and what rounding adds: a pixel whose center is on the edge belongs to it.
_EDGE = 0.5 + 1e-9
# Pixels of an image that are worked on at a time: a face may be as large as the image.
_AT_A_TIME = 2**16
# How far the widest kernel reads to either side, in the larger of the two kinds of pixels.
_REACH = 4
# From here on a pixel is one of what stays, or of its edge.
_STAYS = 1 / 128


class Patch(NamedTuple):
    """A new face for one place of an image.

    Args:
        face: in [-1, 1]; it must show the new face wherever the mask is above 0. An image in which
            the result was pasted with a smaller mask would show the old face along the edge.
        mask: 0 to 1, soft (see `soft_edges`); it may be cut off by the edge of the crop.
        alignment: of the crop.
        outline: points of the old face, in pixels of the image; None if no share is needed.
        kept: above 0 where something in front of the old face stays, and need not be covered.
    """

    face: Float[Tensor, "3 u v"]
    mask: Float[Tensor, "1 u v"]
    alignment: Alignment
    outline: Float[Tensor, "_ 2"] | None = None
    kept: Float[Tensor, "1 u v"] | None = None


class Pasted(NamedTuple):
    """An image with new faces in it.

    Args:
        image: a new one.
        changed: where it may differ: wherever a mask is above 0.
        covered: for each face, the share of the old one that the new one replaces; None without an
            outline.
    """

    image: UInt8[Tensor, "3 h w"]
    changed: Bool[Tensor, "1 h w"]
    covered: list[float | None]


def blend_crops(
    images: Float[Tensor, "b 3 h w"],
    new: Float[Tensor, "b 3 h w"],
    regions: Float[Tensor, "b 1 h w"],
    *,
    kept: Float[Tensor, "b 1 h w"] | None = None,
    shows_people: bool = True,
) -> Float[Tensor, "b 3 h w"]:
    """Blend new faces into crops, as `paste_faces` does with whole images.

    Args:
        images: in [-1, 1].
        new: in [-1, 1]; a network's output, with its colors continued outward (`carry_outward`).
        regions: what to replace, see `face_regions`.
        kept: how much of the images stays, see `AlignedFaces`.
        shows_people: the edge ends where skin ends, see `soft_edges`; False
            covers more.
    """
    new = new.to(images.dtype)
    edges = soft_edges(regions, images if shows_people else None)
    return paste(new, images, edges if kept is None else edges * (1 - kept))


def paste_faces(image: UInt8[Tensor, "3 h w"], patches: Sequence[Patch]) -> Pasted:
    """Paste new faces over the old ones; if they overlap, the later one is on top.

    Crops are resampled bicubically, or by area if the image's pixels are larger. The memory used in
    addition to the result does not depend on the size of the image or of a face.

    A face is covered where the weight of the new one is above 0.99. The share is over the image's
    pixels within the convex hull of the outline. It is 0 if there are none, so that an invisible
    face never counts as covered.

    Args:
        image: the whole image.
        patches: the new faces.
    Raises:
        ValueError: a face that is not finite, a mask not in 0 to 1 or of another size, an outline
            without points or with some that are not finite or more than 64 crops apart.
    """
    for patch in patches:
        _check(patch)
    result = image.clone()
    changed = torch.zeros_like(image[:1], dtype=torch.bool)
    return Pasted(result, changed, [_paste(patch, result, changed) for patch in patches])


def _paste(patch: Patch, onto: Tensor, changed: Bool[Tensor, "1 h w"]) -> float | None:
    hull = None if patch.outline is None else convex_hull(patch.outline)
    kept = torch.zeros_like(patch.mask) if patch.kept is None else patch.kept
    layer = torch.cat([patch.face, patch.mask, kept]).to(onto.device, torch.float32)
    covered = total = 0
    for window in _windows(patch, hull, (onto.shape[1], onto.shape[2])):
        weight, stays = _lay(layer, patch.alignment, window, onto)
        changed[:, *window] |= weight > 0
        if hull is not None:
            inside = _within(hull, window) & (stays.cpu() < _STAYS)
            total += int(inside.sum())
            covered += int((inside & (weight.cpu() > COVERED)).sum())
    if hull is None:
        return None
    return covered / total if total else 0.0


def _lay(
    layer: Float[Tensor, "5 u v"], alignment: Alignment, window: Window, onto: Tensor
) -> tuple[Float[Tensor, "1 h w"], Float[Tensor, "1 h w"]]:
    """Lay a face and its mask over a window of an image; gives the weights, and what stays."""
    laid = to_photo(layer, alignment, window)
    face = (laid[:3].clamp(-1, 1) + 1) * 127.5
    weight = _ending(laid[3:4], alignment, window)
    below = onto[:, *window]
    below.copy_((below * (1 - weight) + face * weight).round())
    return weight, _ending(laid[4:], alignment, window)


def _within(hull: Float[Tensor, "v 2"], window: Window) -> Bool[Tensor, "1 h w"]:
    """The pixels of a window that lie in the hull."""
    rows, columns = window
    corner = hull.new_tensor([columns.start, rows.start])
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    return polygon_mask((hull - corner)[None], shape)[0] > 0


def _check(patch: Patch) -> None:
    face, mask, outline = patch.face, patch.mask, patch.outline
    if face.shape[1:] != mask.shape[1:]:
        raise ValueError(f"expected a mask for {tuple(face.shape)}, got {tuple(mask.shape)}")
    if patch.kept is not None and patch.kept.shape != mask.shape:
        raise ValueError(f"expected kept of {tuple(mask.shape)}, got {tuple(patch.kept.shape)}")
    if not face.isfinite().all():
        raise ValueError("expected faces in [-1, 1], got values that are not finite")
    if not ((mask >= 0) & (mask <= 1)).all():
        low, high = mask.min().item(), mask.max().item()
        raise ValueError(f"expected masks in 0 to 1, got {low} to {high}")
    if outline is not None and not (len(outline) and outline.isfinite().all()):
        missing = int((~outline.isfinite().all(-1)).sum())
        raise ValueError(
            f"expected an outline of finite points, got {len(outline)}, {missing} not finite"
        )


def _ending(laid: Tensor, alignment: Alignment, window: Window) -> Tensor:
    """A mask kept within 0 and 1, and 0 beyond the crop, where it was reflected."""
    return laid.clamp(0, 1) * _inside(alignment, window).to(laid)


def _inside(alignment: Alignment, window: Window) -> Bool[Tensor, "h w"]:
    """Which pixels of the window have their center in the crop, its edges included."""
    rows, columns = window
    start = torch.tensor([columns.start, rows.start], dtype=torch.float64)
    unit = torch.tensor([[0, 0], [1, 0], [0, 1]], dtype=torch.float64)
    # The crop as a single pixel: -0.5 to 0.5.
    corner, right, below = alignment.to_crop(start + unit, (1, 1))
    steps = torch.stack([right - corner, below - corner], dim=1)
    size = (rows.stop - rows.start, columns.stop - columns.start)
    x, y = (lattice(corner[axis], steps[axis], size) for axis in (0, 1))
    return (x.abs() <= _EDGE) & (y.abs() <= _EDGE)


def _windows(
    patch: Patch, hull: Float[Tensor, "v 2"] | None, size: tuple[int, int]
) -> Iterator[Window]:
    """The part of an image that a mask may reach, and that of the hull, in pieces."""
    mask, alignment = patch.mask, patch.alignment
    reached = [] if hull is None else [hull]
    rows, columns = (mask[0].amax(1) > 0).nonzero(), (mask[0].amax(0) > 0).nonzero()
    if len(rows):
        height, width = mask.shape[1:]
        reach = _REACH * max(width / alignment.crop.width, height / alignment.crop.height, 1.0)
        left, right = max(int(columns[0]) - reach, -0.5), min(int(columns[-1]) + reach, width - 0.5)
        top, bottom = max(int(rows[0]) - reach, -0.5), min(int(rows[-1]) + reach, height - 0.5)
        corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
        points = torch.tensor(corners, dtype=torch.float64)
        reached.append(alignment.to_image(points, (height, width)))
    return _pieces(torch.cat(reached), size) if reached else iter(())


def _pieces(points: Float[Tensor, "k 2"], size: tuple[int, int]) -> Iterator[Window]:
    """The image's pixels in the box of the points, some rows at a time."""
    (left, top), (right, bottom) = points.amin(0).tolist(), points.amax(0).tolist()
    first, end = max(math.ceil(left - 1e-6), 0), min(math.floor(right + 1e-6) + 1, size[1])
    upper, lower = max(math.ceil(top - 1e-6), 0), min(math.floor(bottom + 1e-6) + 1, size[0])
    if first >= end:
        return
    step = max(_AT_A_TIME // (end - first), 1)
    for row in range(upper, lower, step):
        yield slice(row, min(row + step, lower)), slice(first, end)
