"""Squares of a photo that look like faces to `MMOD`, at all sizes and in four directions."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from graphgan.landmarks.align import Crop, crop_image
from graphgan.models.mmod import FIRST, MMOD, STRIDE, WINDOW

# A face is seen in windows from 0.88 to 1.22 times the longer side of its landmarks: it is in one
# of the sizes that are searched if the smallest is 1.2 times it, and each 1.4 times the last.
_SMALLEST_WINDOW, _STEP = 1.2, 2**-0.5
# Of the photo's shorter side: larger windows are not searched. A face may fill the photo.
_LARGEST_WINDOW = 1.4
# Of the bound of pixels, for photos that are searched in other directions than upright.
_SHARE_OF_TURNED = 1 / 4
# Pixels around every picture, which is reflected there: more of the faces that a border cuts are
# found so than with the edge repeated, or with nothing around it.
_BORDER = 48
_THIRDS = (-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 1)
# What is looked at again: in which directions, at which sizes, so many windows wide, in a copy that
# is as many windows wide as that takes.
_ANGLES_AGAIN, _SIZES_AGAIN = tuple(45.0 * i for i in range(8)), tuple(1.4**i for i in _THIRDS)
_SIZE_AGAIN, _WIDTH_AGAIN = 2, 3
_LEAST_WEIGHT = 1e-3
_MIDDLE_AGAIN = 3  # windows on either side of the middle one that are the same face
# A window that shares so much of both, or of the smaller one, with a surer one is the same face.
_SAME_UNION, _SAME_SMALLER, _SAME_SIZE = 0.3, 0.6, 2.0


class Windows(NamedTuple):
    """Squares in a photo, each turned about its centre.

    Args:
        angles: clockwise, in degrees, as those of `Alignment`.
        scores: the higher the surer.
    """

    centres: Float[Tensor, "n 2"]
    sides: Float[Tensor, "n"]
    angles: Float[Tensor, "n"]
    scores: Float[Tensor, "n"]

    def at(self, where: Tensor) -> "Windows":
        return Windows(*(values[where] for values in self))


def search_windows(
    networks: Mapping[int, MMOD],
    image: UInt8[Tensor, "3 h w"],
    *,
    min_face: int,
    max_pixels: float,
    threshold: float,
) -> Windows:
    """All that score more than their neighbours and the threshold.

    Args:
        networks: for each direction in degrees that one which knows faces turned so.
        max_pixels: at which the photo is searched upright, and a quarter of it for the others.
    """
    found = [Windows(torch.zeros(0, 2), *(torch.zeros(0) for _ in range(3)))]
    for level, scale in pyramid(image, min_face=min_face, max_pixels=max_pixels):
        padded = _bordered(level)
        for angle, network in networks.items():
            if angle and level[0].numel() > max_pixels * _SHARE_OF_TURNED:
                continue
            cells, scores = _peaks(network(padded)[0], threshold)
            centres = (cells * STRIDE + FIRST - _BORDER + 0.5) / scale - 0.5
            sides = torch.full_like(scores, float((WINDOW / scale).mean()))
            found.append(Windows(centres, sides, torch.full_like(scores, angle), scores))
    return Windows(*(torch.cat(values) for values in zip(*found, strict=True)))


def pyramid(
    image: UInt8[Tensor, "3 h w"], *, min_face: int, max_pixels: float
) -> Iterator[tuple[UInt8[Tensor, "3 h2 w2"], Float[Tensor, "2"]]]:
    """The photo at all sizes at which its faces may have that of a window, the largest first.

    The largest has ``max_pixels`` at most, each has half as many as the last. With each comes how
    many of its pixels are one of the photo's, in x and y.
    """
    height, width = image.shape[1:]
    scale = min(WINDOW / (_SMALLEST_WINDOW * min_face), math.sqrt(max_pixels / (height * width)))
    level = image[None].contiguous(memory_format=torch.channels_last)  # faster from here on
    while True:
        size = (max(int(height * scale), 1), max(int(width * scale), 1))
        if size != level.shape[2:]:
            level = F.interpolate(level, size, mode="bilinear", antialias=True)
        yield level[0], torch.tensor([size[1] / width, size[0] / height])
        scale *= _STEP
        if min(height, width) * scale * _LARGEST_WINDOW < WINDOW:
            return


def _bordered(picture: UInt8[Tensor, "3 h w"]) -> UInt8[Tensor, "1 3 h2 w2"]:
    """The picture with a border in which it is reflected."""
    pixels = picture.permute(1, 2, 0)  # as they lie in memory
    for axis in (0, 1):
        pixels = pixels.index_select(axis, _reflected(pixels.shape[axis]))
    return pixels.permute(2, 0, 1)[None]


def _reflected(length: int) -> Int[Tensor, "n"]:
    """Pixels along an axis with a border on either side: .. 1 0 | 0 1 .. n-1 | n-1 .."""
    pixels = torch.arange(-_BORDER, length + _BORDER) % (2 * length)
    return torch.minimum(pixels, 2 * length - 1 - pixels)


def _peaks(
    scores: Float[Tensor, "h w"], threshold: float
) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n"]]:
    """(x, y) and scores of what no neighbour surpasses."""
    highest = F.max_pool2d(scores[None], 3, 1, 1)[0]
    rows, columns = ((scores == highest) & (scores > threshold)).nonzero(as_tuple=True)
    return torch.stack([columns, rows], dim=-1).float(), scores[rows, columns]


def look_again(network: MMOD, image: UInt8[Tensor, "3 h w"], face: Windows) -> Windows:
    """The surest window of a face, turned to how the face leans, and as large as the face is.

    A face is seen as well leaning by 60 degrees as upright, and a fifth larger or smaller. It leans
    by the mean of the directions from which it is seen, and is as large as the (geometric) mean of
    the sizes at which it is seen: each counts as much as its score is above -1.

    Args:
        network: the one for upright faces.
        face: its windows, the surest first.
    """
    window = face.at(torch.tensor([0]))
    (x, y), side = window.centres[0].tolist(), float(window.sides)
    wide, size = _WIDTH_AGAIN * side, round(_WIDTH_AGAIN * WINDOW)
    copy = crop_image(image, Crop(x - wide / 2, y - wide / 2, wide, wide), (size, size))
    seen = (_scores_of(network, copy, _ANGLES_AGAIN, [1.0]) + 1).clamp(min=0)
    radians = torch.tensor(_ANGLES_AGAIN).deg2rad()
    angle = torch.atan2((seen * radians.sin()).sum(), (seen * radians.cos()).sum()).rad2deg()
    scores = _scores_of(network, copy, [float(angle)], _SIZES_AGAIN)
    seen = (scores + 1).clamp(min=_LEAST_WEIGHT)
    share = ((seen * torch.tensor(_SIZES_AGAIN).log()).sum() / seen.sum()).exp()
    score = torch.maximum(scores.max(), window.scores)
    return Windows(window.centres, window.sides * share, angle[None], score)


def _scores_of(
    network: MMOD,
    copy: Float[Tensor, "3 h w"],
    angles: Sequence[float],
    sizes: Sequence[float],
) -> Float[Tensor, "n"]:
    """The best score around the middle of a picture, turned and shrunk in so many ways."""
    size = _SIZE_AGAIN * WINDOW
    share = size / copy.shape[1]
    turns = [
        [[x * share, -y * share, 0.0], [y * share, x * share, 0.0]]
        for angle in map(math.radians, angles)
        for x, y in ((math.cos(angle) * by, math.sin(angle) * by) for by in sizes)
    ]
    grid = F.affine_grid(torch.tensor(turns), [len(turns), 3, size, size], align_corners=False)
    copies = copy[None].expand(len(turns), -1, -1, -1)
    scores = network(F.grid_sample(copies, grid, align_corners=False, padding_mode="reflection"))
    middle = (size / 2 - FIRST) / STRIDE
    near = slice(math.ceil(middle - _MIDDLE_AGAIN), math.floor(middle + _MIDDLE_AGAIN) + 1)
    best: Tensor = scores[:, near, near].amax((1, 2))
    return best


def faces_of(windows: Windows) -> list[Windows]:
    """The windows of each face together: the surest first, and so are the faces.

    A window belongs to the surest one that it shares enough with: 0.3 of both, or, unless it is
    more than twice as large or small, 0.6 of the smaller one.
    """
    left = windows.at(windows.scores.argsort(descending=True, stable=True))
    faces = []
    while len(left.scores):
        same = _same_face(left)
        faces.append(left.at(same))
        left = left.at(~same)
    return faces


def _same_face(windows: Windows) -> Bool[Tensor, "n"]:
    """Which are the face that the first one is."""
    half = windows.sides[:, None] / 2
    low, high = windows.centres - half, windows.centres + half
    common = (torch.minimum(high, high[0]) - torch.maximum(low, low[0])).clamp(min=0).prod(1)
    areas = windows.sides**2
    smaller, larger = torch.minimum(areas, areas[0]), torch.maximum(areas, areas[0])
    near_size = larger <= smaller * _SAME_SIZE**2
    union = common / (areas + areas[0] - common)
    return (union > _SAME_UNION) | (near_size & (common / smaller > _SAME_SMALLER))
