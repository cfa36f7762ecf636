"""The square that is cut out of a photo around a face, and the way there and back.

Pixel centres are at integers, so the picture's own edge is at -0.5 and a crop's pixel ``u`` has its
centre at ``left + (u + 1/2) side / size``.
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
# Reflecting a picture more often than this only happens for landmarks that are no face of it.
_MAX_SIDES = 64


@dataclass(frozen=True)
class SquareCrop:
    """A square of a photo, upright, in the photo's pixels; it may reach beyond the photo.

    Args:
        left, top: the outer edges of the square (not the centres of its first pixels).
        side: its width and height.
    Raises:
        ValueError: a side that is not positive, or numbers that are not finite.
    """

    left: float
    top: float
    side: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.left + self.top + self.side) and self.side > 0):
            raise ValueError(f"expected finite edges and a positive side, got {self}")

    def to_crop(self, landmarks: Float[Tensor, "*b k 2"], size: int) -> Float[Tensor, "*b k 2"]:
        """Pixels of the photo to pixels of this crop at ``size``."""
        moved = landmarks.double() - self._corner(landmarks)
        return (moved * (size / self.side) - 0.5).to(landmarks.dtype)

    def to_image(self, landmarks: Float[Tensor, "*b k 2"], size: int) -> Float[Tensor, "*b k 2"]:
        """Pixels of this crop at ``size`` to pixels of the photo: undoes ``to_crop``."""
        scaled = (landmarks.double() + 0.5) * (self.side / size)
        return (scaled + self._corner(landmarks)).to(landmarks.dtype)

    def _corner(self, like: Tensor) -> Tensor:
        return torch.tensor([self.left, self.top], dtype=torch.float64, device=like.device)


def square_crop(landmarks: Float[Tensor, "k 2"]) -> SquareCrop:
    """The square around a face: twice the landmarks' box, its centre raised by a tenth of the box.

    Shapes:
        ``landmarks: k 2``, NaN where missing
    Raises:
        ValueError: no landmark is there, or all that are there lie on one point.
    """
    present = landmarks.double()[landmarks.isfinite().all(-1)]
    if len(present) == 0:
        raise ValueError("expected a face, got landmarks that are all missing")
    low, high = present.amin(0), present.amax(0)
    width, height = (high - low).tolist()
    side = _SIDE_OF_BOX * max(width, height)
    if side == 0:
        raise ValueError(
            f"expected a face, got landmarks that are all equal, at {tuple(low.tolist())}"
        )
    x, y = ((low + high) / 2).tolist()
    y -= _RAISED_BY * height
    return SquareCrop(x - side / 2, y - side / 2, side)


def crop_image(
    image: UInt8[Tensor, "c h w"] | Float[Tensor, "c h w"], crop: SquareCrop, size: int
) -> Float[Tensor, "c {size} {size}"]:
    """Cut ``crop`` out of a picture and resample it to ``size`` by ``size`` pixels.

    Bicubic (Keys, a = -1/2), widened when shrinking so that nothing aliases; the picture is
    reflected at its edges as often as it takes. Both axes are resampled by a matrix each,
    ``R_y I R_x^T``, so a crop is exact at any position and scale. The result can leave the
    picture's range by a few per cent: clamp it before rounding to 8 bits.

    Args:
        image: 8-bit or float, in any range, which the result keeps.
    Shapes:
        ``image: c h w -> c size size``
    Raises:
        ValueError: no size, an empty picture, or a crop of more than 64 times its longer side.
    """
    height, width = image.shape[-2:]
    if size < 1 or not image.numel():
        raise ValueError(f"expected a size of at least 1 and pixels, got {size}, {image.shape}")
    if crop.side > _MAX_SIDES * max(height, width):
        raise ValueError(
            f"the crop is {crop.side:.0f} pixels a side, too many for a picture of "
            f"{width} x {height}: are these landmarks of this picture?"
        )
    dtype = image.dtype if image.is_floating_point() else torch.float32
    step = crop.side / size
    columns, across = _resampling(crop.left + step / 2, step, size, width)
    rows, down = _resampling(crop.top + step / 2, step, size, height)
    across, down = (matrix.to(image.device, dtype) for matrix in (across, down))
    # One channel at a time: a large photo is never held three times over in floats.
    return torch.stack([down @ channel[rows, columns].to(dtype) @ across.T for channel in image])


def _resampling(
    first: float, step: float, count: int, length: int
) -> tuple[slice, Float[Tensor, "count n"]]:
    """Weights of ``count`` samples along an axis, and the slice of the axis they read from."""
    centres = first + step * torch.arange(count, dtype=torch.float64)
    width = max(step, 1.0)
    reach = math.ceil(2 * width)
    taps = torch.arange(-reach, reach + 1)
    pixels = centres.round().long()[:, None] + taps
    weights = _keys_cubic((pixels - centres[:, None]) / width)
    weights /= weights.sum(1, keepdim=True)
    # Reflection about the edges (.. 1 0 | 0 1 .. n-1 | n-1 ..) has the period 2 n.
    pixels = pixels % (2 * length)
    pixels = torch.minimum(pixels, 2 * length - 1 - pixels)
    window = slice(int(pixels.min()), int(pixels.max()) + 1)
    matrix = weights.new_zeros(count, window.stop - window.start)
    return window, matrix.scatter_add_(1, pixels - window.start, weights)


def _keys_cubic(t: Tensor) -> Tensor:
    """Keys, "Cubic convolution interpolation", 1981, eq. (4) and (8) with a = -1/2."""
    t = t.abs()
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return torch.where(t < 1, near, far) * (t < 2)
