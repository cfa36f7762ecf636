"""Faces back into the photo that they were cut from, with a soft edge.

``out = image (1 - m) + face m``: the face and its mask m are laid back by the alignment that the
crop was cut with. Where no mask reaches, the photo stays as it is, to the bit.
"""

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from graphgan.landmarks._warp import lattice
from graphgan.landmarks.alignment import Alignment, to_photo
from graphgan.landmarks.hull import convex_hull
from graphgan.landmarks.masks import polygon_mask

Window = tuple[slice, slice]
"""Rows and columns of a photo."""

_COVERED = 0.99
# An edge of no pixels: pixels are farther apart, and it can be divided by.
_HARD = 1e-6
# Half a crop, and what rounding adds: a pixel whose centre is on the edge belongs to it.
_EDGE = 0.5 + 1e-9
# Pixels of a photo that are worked on at a time: a face may be as large as the photo.
_AT_A_TIME = 2**16
# Sigmas at which a Gaussian ends.
_SIGMAS = 4
# How far the widest kernel reads to either side, in the larger of the two kinds of pixels.
_REACH = 4


def soften(
    mask: Float[Tensor, "b 1 h w"], radius: float, *, margin: float = 0.0
) -> Float[Tensor, "b 1 h w"]:
    """A soft edge outside a mask, so that all of what the mask holds stays covered.

    ``max(mask, (1 + cos(pi t)) / 2)``, ``t = (d - margin) / radius`` kept within 0 and 1, d the
    distance from a pixel to the nearest one whose mask is 1.

    Args:
        mask: 0 to 1.
        radius: in pixels, over which the edge falls; at 0 it is hard.
        margin: in pixels, by which the mask grows before it falls.
    Returns:
        1 wherever the mask is 1, nowhere below it, unchanged from ``margin + radius`` on.
    Raises:
        ValueError: a radius or margin that is negative or not finite.

    Example:
        >>> mask = torch.tensor([1.0, 0, 0, 0, 0]).view(1, 1, 1, 5)
        >>> [round(value, 2) for value in soften(mask, 4.0).flatten().tolist()]
        [1.0, 0.85, 0.5, 0.15, 0.0]
    """
    if not (0 <= radius < math.inf and 0 <= margin < math.inf):
        raise ValueError(f"expected radius and margin of 0 and more, got {radius} and {margin}")
    beyond = (_distance(mask >= 1, math.ceil(margin + radius)) - margin).clamp(min=0)
    share = (beyond / max(radius, _HARD)).clamp(max=1)
    edge = (1 + torch.cos(math.pi * share)) / 2
    return torch.maximum(mask, edge.to(mask.dtype))


def spread(
    images: Float[Tensor, "b c h w"], masks: Float[Tensor, "b 1 h w"], sigma: float
) -> Float[Tensor, "b c h w"]:
    """Pictures that are known inside a mask alone, with their colours carried on outside.

    ``m x + (1 - m) G(m x) / G(m)``, G a Gaussian blur: what lies under a soft edge.

    Args:
        images: in any range, finite.
        masks: 0 to 1.
        sigma: of the Gaussian, in pixels; beyond four of it from the mask there is 0.
    Raises:
        ValueError: a sigma that is not positive.

    Example:
        >>> image = torch.tensor([0.5, 9.0, 9.0]).view(1, 1, 1, 3)
        >>> spread(image, torch.tensor([1.0, 0, 0]).view(1, 1, 1, 3), 1.0).flatten().tolist()
        [0.5, 0.5, 0.5]
    """
    from kornia.filters import gaussian_blur2d  # longer to import than all else but torch

    if not 0 < sigma < math.inf:
        raise ValueError(f"expected sigma above 0, got {sigma}")
    size = 2 * math.ceil(_SIGMAS * sigma) + 1
    known = torch.cat([images * masks, masks], 1)
    blurred = gaussian_blur2d(known, (size, size), (sigma, sigma), border_type="constant")
    colours, weights = blurred[:, :-1], blurred[:, -1:]
    outside = colours / weights.clamp(min=torch.finfo(weights.dtype).tiny)
    return images * masks + outside * (1 - masks)


def _distance(inside: Bool[Tensor, "b 1 h w"], limit: int) -> Float[Tensor, "b 1 h w"]:
    """From each pixel to the nearest one inside; infinite beyond the limit."""
    # min over dx, dy of dx^2 + dy^2, one axis after the other.
    squares = torch.zeros(inside.shape, device=inside.device).masked_fill(~inside, math.inf)
    offsets = torch.arange(-limit, limit + 1, device=inside.device) ** 2
    for axis, pad in ((-1, (limit, limit, 0, 0)), (-2, (0, 0, limit, limit))):
        padded = F.pad(squares, pad, value=math.inf)
        squares = (padded.unfold(axis, 2 * limit + 1, 1) + offsets).amin(-1)
    return squares.sqrt()


def paste_faces(
    image: UInt8[Tensor, "3 h w"],
    crops: Float[Tensor, "n 3 u v"],
    masks: Float[Tensor, "n 1 u v"],
    alignments: Sequence[Alignment],
) -> tuple[UInt8[Tensor, "3 h w"], Bool[Tensor, "1 h w"]]:
    """Lay new faces over the old ones; where they overlap, the later lies on top.

    Crops are resampled bicubically, by area where the photo's pixels are the larger ones. The
    memory in use beside the result depends neither on the photo's size nor on a face's.

    The crops must show the new face wherever their mask is above 0. What a generator's output was
    pasted into with a smaller mask shows the old face, or a neighbour's, along the edge.

    Args:
        image: the photo.
        crops: in [-1, 1].
        masks: 0 to 1, soft (see `soften`); they end with the crop where they reach its edge.
        alignments: of each crop.
    Returns:
        A new photo, and where it was changed: wherever a mask is above 0.
    Raises:
        ValueError: not one alignment a crop, crops that are not finite, masks not in 0 to 1.
    """
    _check_faces(crops, masks, alignments)
    result = image.clone()
    changed = torch.zeros_like(image[:1], dtype=torch.bool)
    for crop, mask, alignment in zip(crops, masks, alignments, strict=True):
        picture = torch.cat([crop, mask]).to(image.device, torch.float32)
        for window in _windows(mask, alignment, (image.shape[1], image.shape[2])):
            laid = to_photo(picture, alignment, window)
            face = (laid[:3].clamp(-1, 1) + 1) * 127.5
            weight = _ending(laid[3:], alignment, window)
            below = result[:, *window]
            below.copy_((below * (1 - weight) + face * weight).round())
            changed[:, *window] |= weight > 0
    return result, changed


def mask_in_photo(
    mask: Float[Tensor, "1 u v"], alignment: Alignment, window: Window
) -> Float[Tensor, "1 h w"]:
    """A crop's mask as it lies in a window of the photo, 0 to 1; outside the crop it is 0."""
    return _ending(to_photo(mask, alignment, window), alignment, window)


def covers(
    mask: Float[Tensor, "1 u v"],
    alignment: Alignment,
    landmarks: Float[Tensor, "k 2"],
    size: tuple[int, int],
) -> float:
    """The share of a face that pasting replaces altogether: a check before a photo is let go.

    Of the photo's pixels within the convex hull of the landmarks, those whose mask is above 0.99.
    0 where there are none, so that what cannot be seen is not taken for covered.

    Args:
        mask: of the crop, as given to `paste_faces`.
        alignment: of the crop.
        landmarks: in the photo's pixels; the face that is to be hidden.
        size: height and width of the photo.
    Raises:
        ValueError: no landmarks, some that are not finite or more than 64 crops apart; a mask not
            in 0 to 1.
    """
    if not (len(landmarks) and landmarks.isfinite().all()):
        missing = int((~landmarks.isfinite().all(-1)).sum())
        raise ValueError(f"expected finite landmarks, got {len(landmarks)}, {missing} not finite")
    _check_masks(mask)
    hull = convex_hull(landmarks)
    covered = total = 0
    for window in _within(hull, size):
        rows, columns = window
        corner = hull.new_tensor([columns.start, rows.start])
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        face = polygon_mask((hull - corner)[None], shape)[0] > 0
        weight = mask_in_photo(mask.cpu().float(), alignment, window)
        total += int(face.sum())
        covered += int((face & (weight > _COVERED)).sum())
    return covered / total if total else 0.0


def _check_faces(crops: Tensor, masks: Tensor, alignments: Sequence[Alignment]) -> None:
    if not len(crops) == len(masks) == len(alignments):
        counts = f"{len(crops)}, {len(masks)} and {len(alignments)}"
        raise ValueError(f"expected as many crops, masks and alignments, got {counts}")
    if not crops.isfinite().all():
        raise ValueError("expected crops in [-1, 1], got values that are not finite")
    _check_masks(masks)


def _check_masks(masks: Tensor) -> None:
    if not ((masks >= 0) & (masks <= 1)).all():
        low, high = masks.min().item(), masks.max().item()
        raise ValueError(f"expected masks in 0 to 1, got {low} to {high}")


def _ending(laid: Tensor, alignment: Alignment, window: Window) -> Tensor:
    """A mask kept within 0 and 1, and 0 beyond the crop, where it was reflected."""
    return laid.clamp(0, 1) * _inside(alignment, window).to(laid)


def _inside(alignment: Alignment, window: Window) -> Bool[Tensor, "h w"]:
    """Which pixels of the window have their centre in the crop, its edges included."""
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
    mask: Float[Tensor, "1 u v"], alignment: Alignment, size: tuple[int, int]
) -> Iterator[Window]:
    """The part of a photo that a mask may reach, in pieces."""
    rows, columns = (mask[0].amax(1) > 0).nonzero(), (mask[0].amax(0) > 0).nonzero()
    if not len(rows):
        return iter(())
    height, width = mask.shape[1:]
    pixels_of_photo = max(width / alignment.crop.width, height / alignment.crop.height, 1.0)
    reach = _REACH * pixels_of_photo
    left, right = max(int(columns[0]) - reach, -0.5), min(int(columns[-1]) + reach, width - 0.5)
    top, bottom = max(int(rows[0]) - reach, -0.5), min(int(rows[-1]) + reach, height - 0.5)
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    points = torch.tensor(corners, dtype=torch.float64)
    return _within(alignment.to_image(points, (height, width)), size)


def _within(points: Float[Tensor, "k 2"], size: tuple[int, int]) -> Iterator[Window]:
    """The photo's pixels in the box of the points, some rows at a time."""
    (left, top), (right, bottom) = points.amin(0).tolist(), points.amax(0).tolist()
    first, end = max(math.ceil(left - 1e-6), 0), min(math.floor(right + 1e-6) + 1, size[1])
    upper, lower = max(math.ceil(top - 1e-6), 0), min(math.floor(bottom + 1e-6) + 1, size[0])
    if first >= end:
        return
    step = max(_AT_A_TIME // (end - first), 1)
    for row in range(upper, lower, step):
        yield slice(row, min(row + step, lower)), slice(first, end)
