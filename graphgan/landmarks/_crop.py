"""The rectangle cropped from a photo around a face or person, and its coordinate transforms.

Pixel centers are at integers, so the image's own edge is at -0.5 and a crop's pixel ``u`` has its
center at ``left + (u + 1/2) width / w``.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

# Half the box above and below the face leaves the hair, the chin and some background.
_SIDE_OF_BOX = 2.0
# Landmarks begin at the brows: the middle of a head is higher than the middle of their box.
_RAISED_BY = 0.1
# Of the extent of the joints, eyes to ankles: above them is half a head, below them are the feet.
_ABOVE_JOINTS, _BELOW_JOINTS, _BESIDE_JOINTS = 0.12, 0.08, 0.1
# From the neck to the eyes it is a seventh of the way from the neck to the ankles.
_NECK_TO_EYES = 1 / 7
_HEAD = [0, 14, 15, 16, 17]  # nose, eyes and ears of OpenPose
# Reflecting an image more often than this only happens for landmarks that are not of it.
_MAX_SIDES = 64


@dataclass(frozen=True)
class Crop:
    """An upright rectangle in a photo, in the photo's pixels; it may extend beyond the photo.

    Args:
        left, top: outer edges (not the centers of the first pixels).
        width, height: size of the rectangle.
    Raises:
        ValueError: a width or height that is not positive, or numbers that are not finite.
    """

    left: float
    top: float
    width: float
    height: float

    def __post_init__(self) -> None:
        finite = math.isfinite(self.left + self.top + self.width + self.height)
        if not (finite and self.width > 0 and self.height > 0):
            raise ValueError(f"expected finite edges, a positive width and height, got {self}")

    def to_crop(
        self, landmarks: Float[Tensor, "*b k 2"], size: tuple[int, int]
    ) -> Float[Tensor, "*b k 2"]:
        """Convert photo pixels to pixels of this crop at ``size`` (height and width)."""
        corner, sides = self._corner_and_sides(landmarks)
        pixels = sides.new_tensor([size[1], size[0]])
        moved = landmarks.double() - corner
        return (moved * (pixels / sides) - 0.5).to(landmarks.dtype)

    def to_image(
        self, landmarks: Float[Tensor, "*b k 2"], size: tuple[int, int]
    ) -> Float[Tensor, "*b k 2"]:
        """Convert pixels of this crop at ``size`` to photo pixels; the inverse of ``to_crop``."""
        corner, sides = self._corner_and_sides(landmarks)
        pixels = sides.new_tensor([size[1], size[0]])
        scaled = (landmarks.double() + 0.5) * (sides / pixels)
        return (scaled + corner).to(landmarks.dtype)

    def _corner_and_sides(self, like: Tensor) -> tuple[Tensor, Tensor]:
        edges = [[self.left, self.top], [self.width, self.height]]
        corner, sides = torch.tensor(edges, dtype=torch.float64, device=like.device)
        return corner, sides


def whole_crop(size: tuple[int, int]) -> Crop:
    """The whole of an image of this height and width."""
    return Crop(-0.5, -0.5, float(size[1]), float(size[0]))


def face_crop(landmarks: Float[Tensor, "k 2"]) -> Crop:
    """The square around a face: twice the landmarks' box, raised by a tenth of the box.

    Shapes:
        ``landmarks: k 2``, NaN where missing
    Raises:
        ValueError: no landmark is present, or all present ones lie on one point.
    """
    low, high = _box(landmarks, "a face", "landmarks")
    width, height = (high - low).tolist()
    side = _SIDE_OF_BOX * max(width, height)
    x, y = ((low + high) / 2).tolist()
    y -= _RAISED_BY * height
    return Crop(x - side / 2, y - side / 2, side, side)


def person_crop(joints: Float[Tensor, "18 2"], size: tuple[int, int]) -> Crop:
    """The rectangle around a person, with the aspect ratio of ``size``.

    It is 1.2 times as high as the joints: 0.12 of their height above for the top of the head and
    0.08 below for the feet. If nose, eyes and ears are all missing, the joints are extended by a
    seventh, the distance from the neck to the eyes. Outstretched arms enlarge the crop so that a
    tenth of the joints' width is left on either side; its center stays the same. If legs are
    missing, the crop shows the visible part of the person.

    Args:
        joints: OpenPose's 18 joints, NaN where missing.
        size: height and width; only their ratio matters.
    Raises:
        ValueError: no joint is present, or all present ones lie on one point.
    """
    if len(joints) != 18:
        raise ValueError(f"expected 18 joints (openpose-18), got {len(joints)}")
    low, high = _box(joints, "a person", "joints")
    (left, top), (right, bottom) = low.tolist(), high.tolist()
    if not joints[_HEAD].isfinite().all(-1).any():
        top -= _NECK_TO_EYES * (bottom - top)
    above, below = _ABOVE_JOINTS * (bottom - top), _BELOW_JOINTS * (bottom - top)
    middle = (top - above + bottom + below) / 2
    ratio = size[0] / size[1]
    least_width = (1 + 2 * _BESIDE_JOINTS) * (right - left)
    height = max(bottom + below - (top - above), least_width * ratio)
    width = height / ratio
    return Crop((left + right - width) / 2, middle - height / 2, width, height)


def _box(landmarks: Tensor, what: str, points: str) -> tuple[Tensor, Tensor]:
    """The least and the greatest x and y of the landmarks that are there."""
    present = landmarks.double()[landmarks.isfinite().all(-1)]
    if len(present) == 0:
        raise ValueError(f"expected {what}, got {points} that are all missing")
    low, high = present.amin(0), present.amax(0)
    if torch.equal(low, high):
        raise ValueError(
            f"expected {what}, got {points} that are all equal, at {tuple(low.tolist())}"
        )
    return low, high


def crop_image(
    image: UInt8[Tensor, "c h w"] | Float[Tensor, "c h w"], crop: Crop, size: tuple[int, int]
) -> Float[Tensor, "c {size[0]} {size[1]}"]:
    """Crop an image and resample it to ``size``.

    Bicubic (Keys, a = -1/2) with antialiasing when shrinking; the image is reflected at its edges
    as often as needed. Each axis is resampled by a matrix, ``R_y I R_x^T``, so crops are exact at
    any position and scale, whereas `grid_sample` and kornia alias when shrinking and
    ``interpolate`` only takes whole images. The result can exceed the image's range by a few
    percent: clamp it before rounding to 8 bits.

    Args:
        image: 8-bit or float, in any range, which the result keeps.
        size: height and width of the result, in pixels.
    Shapes:
        ``image: c h w -> c *size``
    Raises:
        ValueError: an empty size, an empty image, or a crop more than 64 times the image's longer
            side.
    """
    height, width = image.shape[-2:]
    if min(size) < 1 or not image.numel():
        raise ValueError(f"expected a size of at least 1 and pixels, got {size}, {image.shape}")
    if max(crop.width, crop.height) > _MAX_SIDES * max(height, width):
        raise ValueError(
            f"the crop has {crop.width:.0f} x {crop.height:.0f} pixels, too many for an image of "
            f"{width} x {height}: are these landmarks of this image?"
        )
    dtype = image.dtype if image.is_floating_point() else torch.float32
    axes = (
        (crop.left, crop.width / size[1], size[1], width),
        (crop.top, crop.height / size[0], size[0], height),
    )
    if all(step == 1 and (edge + 0.5).is_integer() for edge, step, *_ in axes):
        picked = [
            _reflected(torch.arange(count) + round(edge + 0.5), length)
            for edge, _, count, length in axes
        ]
        return image[:, picked[1]][:, :, picked[0]].to(dtype)
    (columns, across), (rows, down) = (_resampling(*axis) for axis in axes)
    across, down = (matrix.to(image.device, dtype) for matrix in (across, down))
    # One channel at a time: a large photo is never held three times over in floats.
    return torch.stack([down @ channel[rows, columns].to(dtype) @ across.T for channel in image])


def _resampling(
    edge: float, step: float, count: int, length: int
) -> tuple[slice, Float[Tensor, "count n"]]:
    """Weights of ``count`` samples along an axis, and the slice of the axis they read from."""
    centers = edge + step / 2 + step * torch.arange(count, dtype=torch.float64)
    width = max(step, 1.0)
    reach = math.ceil(2 * width)
    taps = torch.arange(-reach, reach + 1)
    pixels = centers.round().long()[:, None] + taps
    weights = _keys_cubic((pixels - centers[:, None]) / width)
    weights /= weights.sum(1, keepdim=True)
    pixels = _reflected(pixels, length)
    window = slice(int(pixels.min()), int(pixels.max()) + 1)
    matrix = weights.new_zeros(count, window.stop - window.start)
    return window, matrix.scatter_add_(1, pixels - window.start, weights)


def _reflected(pixels: Tensor, length: int) -> Tensor:
    """Reflection about the edges, .. 1 0 | 0 1 .. n-1 | n-1 .., which has the period 2 n."""
    pixels = pixels % (2 * length)
    return torch.minimum(pixels, 2 * length - 1 - pixels)


def _keys_cubic(t: Tensor) -> Tensor:
    """The kernel of bicubic resampling: 1 at 0, 0 at the other integers and beyond 2 in size.

    Source: Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE TASSP 1981,
    eq. (4) and (8) with a = -1/2.
    """
    t = t.abs()
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return torch.where(t < 1, near, far) * (t < 2)
