"""Crop upright faces exactly as dlib does.

Two details make the results equal: an image is halved by a 5 x 5 filter as long as the face is
larger than its chip, and values are truncated to integers instead of rounded.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from graphgan.faces._crops import check_image_and_landmarks

CHIP_SIZE = 150
"""Side of a chip in pixels."""

_PADDING = 0.25  # of the mean face's square, on each of its sides
# The lower lip moves; brows and jaw are located too inaccurately.
_STEADY = (*range(27, 55), *range(60, 65))
# The mean face in its square, found from what `dlib.get_face_chip_details` gives when one landmark
# is moved at a time. Columns are x and y, rows the landmarks of _STEADY.
_MEAN_FACE = (
    (0.490127, 0.203352),
    (0.490127, 0.307009),
    (0.490127, 0.409805),
    (0.490127, 0.515625),
    (0.366880, 0.587326),
    (0.426036, 0.609345),
    (0.490127, 0.628106),
    (0.554217, 0.609345),
    (0.613373, 0.587326),
    (0.121737, 0.216423),
    (0.187122, 0.178758),
    (0.265825, 0.179852),
    (0.334606, 0.231733),
    (0.260918, 0.245099),
    (0.182743, 0.244077),
    (0.645647, 0.231733),
    (0.714428, 0.179852),
    (0.793132, 0.178758),
    (0.858516, 0.216423),
    (0.797510, 0.244077),
    (0.719335, 0.245099),
    (0.254149, 0.780233),
    (0.340985, 0.745405),
    (0.428858, 0.727388),
    (0.490127, 0.742578),
    (0.551395, 0.727388),
    (0.639268, 0.745405),
    (0.726104, 0.780233),
    (0.290379, 0.784792),
    (0.428096, 0.778746),
    (0.490127, 0.785343),
    (0.552157, 0.778746),
    (0.689874, 0.784792),
)
# Pixel p of an image is (p - _FIRST) / 2 of its half.
_FIRST = (2.5, 1.5)
_SMALLEST = 9  # minimum side that dlib halves, in pixels
_LARGEST = 2.0**24  # maximum side of a face's square, in pixels
_CORNERS = ((-1, -1), (1, -1), (-1, 1), (1, 1))  # left upper, right upper, left lower, right lower


class _Square(NamedTuple):
    """What becomes a chip: a turned square of an image.

    Args:
        center: in pixels, (x, y).
        turn: cosine and sine of its angle, clockwise as seen.
        reach: from the center to the centers of the outermost pixels, along the square's sides.
    """

    center: Float[Tensor, "2"]
    turn: Float[Tensor, "2"]
    reach: float

    def corners(self) -> Float[Tensor, "4 2"]:
        """Centers of the outermost pixels, in the order of _CORNERS."""
        along = self.reach * self.turn
        across = torch.stack([-along[1], along[0]])
        return self.center + self.turn.new_tensor(_CORNERS) @ torch.stack([along, across])

    def moved(self, corner: Float[Tensor, "2"]) -> "_Square":
        """The same in an image that begins at this pixel."""
        return self._replace(center=self.center - corner)

    def halved(self) -> "_Square":
        """The same in an image half as large."""
        return self._replace(
            center=(self.center - self.center.new_tensor(_FIRST)) / 2, reach=self.reach / 2
        )


def face_chips(
    image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "n 68 2"]
) -> tuple[UInt8[Tensor, "m 3 150 150"], Bool[Tensor, "n"]]:
    """Cut out faces upright, as ``dlib.get_face_chip`` does at size 150 and padding 0.25.

    The similarity ``T`` that minimizes ``sum |T(mean_i) - p_i|^2`` over the 33 landmarks of eyes,
    nose and upper lip brings the mean face onto the face. What lies outside the image is black.

    Args:
        image: RGB; only what the faces need of it is read.
        landmarks: iBUG-68, in pixels.
    Returns:
        The chips, and which faces have one: not those whose landmarks are not all finite, lie
        within a pixel, or are millions of pixels away.
    Raises:
        ValueError: an image or landmarks of another shape, or an image of no pixels.
    """
    check_image_and_landmarks(image, landmarks)
    landmarks = landmarks.detach().to("cpu", torch.float64)
    centers, scales = _similarities(landmarks)
    sizes = scales.norm(dim=1)
    is_face = (CHIP_SIZE * sizes > 1) & (CHIP_SIZE * sizes < _LARGEST)
    present = landmarks.isfinite().all(2).all(1) & is_face & (centers.abs() < _LARGEST).all(1)
    chips = torch.zeros(
        int(present.sum()), 3, CHIP_SIZE, CHIP_SIZE, dtype=torch.uint8, device="cpu"
    )
    chosen = zip(chips, centers[present], scales[present], sizes[present].tolist(), strict=True)
    for chip, center, scale, size in chosen:
        _cut(image, _Square(center, scale / size, (CHIP_SIZE * size - 1) / 2), chip)
    return chips, present


def _similarities(
    landmarks: Float[Tensor, "n 68 2"],
) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n 2"]]:
    """Where the chip's center lies, and where a step along its upper edge leads.

    In complex numbers ``T(z) = mean(p) + s (z - mean(m))``, ``s = sum conj(m_i) p_i / sum |m_i|^2``
    with both taken from their means.
    """
    mean_face = landmarks.new_tensor(_MEAN_FACE)
    mean_face = torch.view_as_complex((mean_face + _PADDING) / (1 + 2 * _PADDING) * CHIP_SIZE)
    points = torch.view_as_complex(landmarks[:, list(_STEADY)].contiguous())
    middle, middles = mean_face.mean(), points.mean(1)
    spread = mean_face - middle
    scales = (spread.conj() * (points - middles[:, None])).sum(1) / spread.abs().square().sum()
    centers = middles + scales * (CHIP_SIZE / 2 * (1 + 1j) - middle)
    return torch.view_as_real(centers), torch.view_as_real(scales)


def _cut(image: UInt8[Tensor, "3 h w"], square: _Square, out: UInt8[Tensor, "3 150 150"]) -> None:
    """Fill a chip that is black so far."""
    halvings, margin = 0, 2
    reach = square.reach
    while reach + 1 > CHIP_SIZE:
        reach, halvings, margin = reach / 2, halvings + 1, 2 * margin + 2
    left, top, right, bottom = _bounds(square, margin, image)
    if left > right or top > bottom:
        return
    pixels = image[:, top : bottom + 1, left : right + 1].cpu()
    square = square.moved(square.center.new_tensor([left, top]))
    for _ in range(halvings):
        if min(pixels.shape[1:]) < _SMALLEST:
            return
        pixels, square = _halved(pixels), square.halved()
    if min(pixels.shape[1:]) > 1:
        out.copy_(_sampled(pixels, square))


def _bounds(square: _Square, margin: int, image: Tensor) -> tuple[int, int, int, int]:
    """The square's pixels and as many around it, as far as the image has them."""
    corners, last = square.corners(), square.center.new_tensor([image.shape[2], image.shape[1]]) - 1
    low = (corners.amin(0) - margin).clamp(min=0)
    high = (corners.amax(0) + margin).minimum(last)
    left, top, right, bottom = (math.floor(edge + 0.5) for edge in (*low.tolist(), *high.tolist()))
    return left, top, right, bottom


def _halved(pixels: UInt8[Tensor, "3 h w"]) -> UInt8[Tensor, "3 h2 w2"]:
    """Every second pixel of the binomial filter (1, 4, 6, 4, 1) / 16 across and down, cut off."""
    height, width = ((side - 3) // 2 for side in pixels.shape[1:])
    down = _binomial(pixels[:, ::2].short(), pixels[:, 1::2].short(), 1, height)
    both = _binomial(down[..., ::2].int(), down[..., 1::2].int(), 2, width)
    return (both >> 8).to(torch.uint8)


def _binomial(even: Tensor, odd: Tensor, axis: int, length: int) -> Tensor:
    """Of the even and the odd pixels along an axis."""
    a, c, e = (even.narrow(axis, i, length) for i in range(3))
    b, d = (odd.narrow(axis, i, length) for i in range(2))
    return (a + e).add_(b + d, alpha=4).add_(c, alpha=6)


def _sampled(pixels: UInt8[Tensor, "3 h w"], square: _Square) -> UInt8[Tensor, "3 150 150"]:
    """The square bilinearly, cut off to whole numbers, black outside."""
    height, width = pixels.shape[1:]
    corners = square.corners()
    steps = torch.arange(CHIP_SIZE).to(corners)
    along, down = ((corners[i] - corners[0]) / (CHIP_SIZE - 1) for i in (1, 2))
    x, y = (corners[0, i] + steps * along[i] + (steps * down[i])[:, None] for i in (0, 1))
    left, top = x.floor(), y.floor()
    inside = (left >= 0) & (top >= 0) & (left < width - 1) & (top < height - 1)
    first = (top.clamp(0, height - 2) * width + left.clamp(0, width - 2)).long().flatten()
    across, below = (x - left).flatten(), (y - top).flatten()
    channels = [_bilinear(flat.double(), first, width, across, below) for flat in pixels.flatten(1)]
    return torch.stack(channels).mul_(inside.flatten()).to(torch.uint8).view(3, *inside.shape)


def _bilinear(
    flat: Float[Tensor, "p"],
    first: Int[Tensor, "q"],
    width: int,
    across: Float[Tensor, "q"],
    below: Float[Tensor, "q"],
) -> Float[Tensor, "q"]:
    """Between two rows of an image, each between two of its pixels, in dlib's order of rounding."""
    upper, lower = (
        _between(flat[start], flat[start + 1], across) for start in (first, first + width)
    )
    return _between(upper, lower, below)


def _between(one: Tensor, other: Tensor, part: Tensor) -> Tensor:
    """``(1 - part) one + part other``, in their memory."""
    return one.mul_(1 - part).add_(other.mul_(part))
