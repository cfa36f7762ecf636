"""The position of a face in a photo, possibly rotated, and the transforms to its crop and back.

A face that is tilted no more than the networks' training faces is cropped upright, like those.
Beyond that, its square is rotated so that the face is upright in the crop.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.landmarks._crop import Crop, crop_image, face_crop
from graphgan.landmarks._schemes import IBUG_68
from graphgan.landmarks._warp import warp

UPRIGHT_WITHIN = 30.0
_RIGHT_EYE, _LEFT_EYE = slice(36, 42), slice(42, 48)
_NOSE_TOP, _NOSE_BASE = 27, 33
_OUTLINE = (*range(17), *range(26, 16, -1))  # along the jaw and back over the brows
# Of the square of a face's longer side: the outline of a profile fills a third, a line nothing.
_LEAST_AREA = 0.05
# Longer sides than any image's: beyond them float32 knows no pixels.
_FURTHEST = 2.0**20
_QUARTER_TURNS = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))  # cosine and sine


@dataclass(frozen=True)
class Alignment:
    """A rectangle in a photo, rotated about its center: where a crop was or will be taken.

    ``p = center + R(angle) (q - center)``, where q lies in ``crop`` and p is the same in the photo.

    Args:
        crop: the rectangle before rotation; a square for faces.
        angle: in degrees, clockwise as seen in the photo, so that a head tilted to the photo's
            right has a positive angle. 0 is ``crop`` itself.
    Raises:
        ValueError: an angle that is not finite.

    Example:
        >>> alignment = Alignment(Crop(-0.5, -0.5, 8.0, 8.0), 90.0)
        >>> alignment.to_image(torch.zeros(1, 2), (8, 8))
        tensor([[7., 0.]])
    """

    crop: Crop
    angle: float = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.angle):
            raise ValueError(f"expected a finite angle, got {self.angle}")

    @property
    def center(self) -> tuple[float, float]:
        """Center of rotation (x, y) in photo pixels."""
        return self.crop.left + self.crop.width / 2, self.crop.top + self.crop.height / 2

    @property
    def quarters(self) -> int | None:
        """The number of clockwise quarter turns, 0 to 3; None if the angle is not a multiple of 90
        degrees."""
        turns, rest = divmod(self.angle, 90)
        return None if rest else int(turns % 4)

    def to_crop(
        self, landmarks: Float[Tensor, "*b k 2"], size: tuple[int, int]
    ) -> Float[Tensor, "*b k 2"]:
        """Convert photo pixels to pixels of the crop at ``size`` (height and width)."""
        upright = self._turned(landmarks.double(), -1)
        return self.crop.to_crop(upright, size).to(landmarks.dtype)

    def to_image(
        self, landmarks: Float[Tensor, "*b k 2"], size: tuple[int, int]
    ) -> Float[Tensor, "*b k 2"]:
        """Convert pixels of the crop at ``size`` to photo pixels; the inverse of ``to_crop``."""
        upright = self.crop.to_image(landmarks.double(), size)
        return self._turned(upright, 1).to(landmarks.dtype)

    def _turned(self, points: Tensor, way: int) -> Tensor:
        if self.quarters == 0:
            return points
        return _turned(points, points.new_tensor(self.center), way * self.angle)


def _turned(points: Tensor, center: Tensor, angle: float) -> Tensor:
    """Points turned clockwise by so many degrees; quarter turns are exact."""
    turns, rest = divmod(angle, 90)
    radians = math.radians(angle)
    turn = (math.cos(radians), math.sin(radians)) if rest else _QUARTER_TURNS[int(turns % 4)]
    x, y = (points - center).unbind(-1)
    return center + torch.stack([turn[0] * x - turn[1] * y, turn[1] * x + turn[0] * y], dim=-1)


def align_face(
    landmarks: Float[Tensor, "68 2"], *, upright_within: float = UPRIGHT_WITHIN
) -> Alignment:
    """The square around a face, rotated with it if it is tilted more than in training.

    Within the limit it equals `face_crop`. Beyond it, it is the `face_crop` of the upright face,
    rotated to the face's position.

    Args:
        landmarks: iBUG-68, none missing.
        upright_within: limit in degrees; a face at the limit counts as upright.
    Raises:
        ValueError: landmarks that are missing, infinite, farther out than any photo, all equal, on
            a line, or of a mirrored face.

    Example:
        >>> from graphgan.data import SyntheticFaces
        >>> face = SyntheticFaces(1, 1, size=64)[0].landmarks
        >>> align_face(face).angle
        0.0
        >>> turned = torch.stack([63 - face[:, 1], face[:, 0]], dim=-1)
        >>> 75 < align_face(turned).angle < 105
        True
    """
    _check_face(landmarks)
    angle = tilt(landmarks)
    if abs(angle) <= upright_within:
        return Alignment(face_crop(landmarks))
    center = landmarks.double().mean(0)
    square = face_crop(_turned(landmarks.double(), center, -angle))
    x, y = _turned(center.new_tensor(Alignment(square).center), center, angle).tolist()
    corner = (x - square.width / 2, y - square.height / 2)
    return Alignment(Crop(*corner, square.width, square.height), angle)


def tilt(landmarks: Float[Tensor, "68 2"]) -> float:
    """Clockwise rotation of a head in the image plane, in degrees, -180 to 180.

    The direction of ``e + n``: e leads from the middle of the right eye to that of the left, n from
    the top of the nose to its base, turned back by a quarter. Either is long where it can be
    trusted: in profile e is short, with the face turned up or down n is.
    """
    points = landmarks.double()
    eyes = points[_LEFT_EYE].mean(0) - points[_RIGHT_EYE].mean(0)
    nose = points[_NOSE_BASE] - points[_NOSE_TOP]
    x, y = eyes[0] + nose[1], eyes[1] - nose[0]
    return math.degrees(math.atan2(y, x))


def _check_face(landmarks: Tensor) -> None:
    if landmarks.shape != (IBUG_68.num_landmarks, 2):
        raise ValueError(f"expected 68 landmarks in (x, y), got {tuple(landmarks.shape)}")
    if missing := int((~landmarks.isfinite().all(-1)).sum()):
        raise ValueError(f"expected 68 landmarks, got {missing} that are missing or not finite")
    points = landmarks.double()
    if (furthest := float(points.abs().max())) > _FURTHEST:
        raise ValueError(f"expected pixels of a photo, got landmarks at {furthest:.3g}")
    extent = float((points.amax(0) - points.amin(0)).max())
    if extent == 0:
        raise ValueError(
            f"expected a face, got landmarks all equal, at {tuple(points[0].tolist())}"
        )
    x, y = ((points[list(_OUTLINE)] - points[0]) / extent).unbind(-1)
    # Counter-clockwise as seen: from the photo's left down along the jaw, back over the brows.
    area = float((x.roll(-1) * y - x * y.roll(-1)).sum()) / 2
    if abs(area) < _LEAST_AREA:
        raise ValueError(
            f"expected a face, got landmarks on a line: their outline fills {abs(area):.3f} of the "
            f"square of their longer side, at least {_LEAST_AREA} was expected"
        )
    if area < 0:
        raise ValueError(
            "expected the person's right side on the photo's left, got landmarks of a mirrored face"
        )


def crop_aligned(
    image: UInt8[Tensor, "c h w"] | Float[Tensor, "c h w"],
    alignment: Alignment,
    size: tuple[int, int],
) -> Float[Tensor, "c {size[0]} {size[1]}"]:
    """Crop the rectangle from a photo, upright, and resample it to ``size``.

    At angle 0 it equals `crop_image`; a quarter turn also exchanges rows and columns. At other
    angles the photo is first shrunk if needed to avoid aliasing, then sampled on the rotated grid
    by `grid_sample`: bicubic with a = -3/4, with the photo reflected at its edges.

    Args:
        image: 8-bit or float, in any range, which the result may exceed by a few percent.
        size: height and width of the result, in pixels.
    Shapes:
        ``image: c h w -> c *size``
    Raises:
        ValueError: an empty size, an empty photo, or a rectangle more than 64 times the photo's
            longer side.
    """
    quarters = alignment.quarters
    if quarters is None:
        return warp(image, *_affine(alignment.to_image, size), size)
    crop = alignment.crop
    if quarters % 2:
        x, y = alignment.center
        crop = Crop(x - crop.height / 2, y - crop.width / 2, crop.height, crop.width)
        size = (size[1], size[0])
    return torch.rot90(crop_image(image, crop, size), quarters, (1, 2))


def to_photo(
    picture: Float[Tensor, "c u v"], alignment: Alignment, window: tuple[slice, slice]
) -> Float[Tensor, "c h w"]:
    """A crop as it lies in its photo, resampled to the photo's pixels in a window.

    Undoes `crop_aligned`. Bicubic, widened where the photo's pixels are the larger ones. Beyond the
    crop's edges it is reflected.

    Args:
        picture: what was cut by ``alignment``, at any size and in any range.
        window: rows and columns of the photo, each with a start and a stop.
    Shapes:
        ``picture: c u v -> c *window``
    Raises:
        ValueError: an empty window, or one of more than 64 times the crop.
    """
    rows, columns = window
    size = (rows.stop - rows.start, columns.stop - columns.start)
    of_crop = (picture.shape[1], picture.shape[2])
    quarters = alignment.quarters
    if quarters is None:
        origin, matrix = _affine(alignment.to_crop, of_crop)
        start = torch.tensor([columns.start, rows.start], dtype=torch.float64)
        return warp(picture, origin + matrix @ start, matrix, size)
    edges = [[columns.start - 0.5, rows.start - 0.5], [columns.stop - 0.5, rows.stop - 0.5]]
    corners = alignment.to_crop(torch.tensor(edges, dtype=torch.float64), of_crop)
    (left, top), (right, bottom) = corners.amin(0).tolist(), corners.amax(0).tolist()
    if quarters % 2:
        size = (size[1], size[0])
    upright = crop_image(picture, Crop(left, top, right - left, bottom - top), size)
    return torch.rot90(upright, -quarters, (1, 2))


def _affine(
    mapping: Callable[[Tensor, tuple[int, int]], Tensor], size: tuple[int, int]
) -> tuple[Float[Tensor, "2"], Float[Tensor, "2 2"]]:
    """The origin and the matrix of a mapping of coordinates that has them."""
    unit = torch.tensor([[0, 0], [1, 0], [0, 1]], dtype=torch.float64)
    origin, x, y = mapping(unit, size)
    return origin, torch.stack([x - origin, y - origin], dim=1)
