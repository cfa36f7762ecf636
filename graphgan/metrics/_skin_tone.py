"""Compare a new face's skin color with the skin around it.

Source: the individual typology angle is that of Chardon et al., "Skin color typology and
suntanning pathways", International Journal of Cosmetic Science 1991; the distance of colors is
CIE76 (ISO/CIE 11664-4). Which pixels are taken for skin is ours.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.linalg import vector_norm

from graphgan.landmarks import polygon_mask
from graphgan.landmarks._maps import check_landmarks
from graphgan.landmarks._masks import FOREHEAD, face_outline
from graphgan.metrics._regions import Images, checked_images, grown, medians

_EDGE = 2  # pixels outside of the mask that are not looked at: a soft edge reaches there
_AROUND = 1.4  # times the outline of a face with its forehead, within which skin is looked for
# How far skin beside a face may be from the face itself in CIELAB, of the face's own L* and chroma:
# in the dark all is alike.
_LIGHTNESS, _CHROMA, _MOST_CHROMA = 0.35, 0.6, 10.0
_LEAST_PIXELS = 50  # of a region
# Corners of the cheeks and the nose: landmark, the landmark that it is moved to, and how far.
_CHEEKS = (
    *((1, 30, 0.2), (2, 30, 0.2), (3, 33, 0.2), (48, 31, 0.25), (33, 30, 0.0), (54, 35, 0.25)),
    *((13, 33, 0.2), (14, 30, 0.2), (15, 30, 0.2)),
    *((46, 54, 0.25), (47, 35, 0.25), (28, 28, 0.0), (40, 31, 0.25), (41, 48, 0.25)),
)


class SkinTone(NamedTuple):
    """Colors of the skin of faces and around them; NaN if either is not visible.

    Args:
        face, beside: individual typology angles, in degrees: above 55 is very light, below -30
            dark.
        delta_e: distance between both colors in CIELAB (CIE76): about 2 is just noticeable.
    Shapes:
        each ``n``
    """

    face: Float[Tensor, "n"]
    beside: Float[Tensor, "n"]
    delta_e: Float[Tensor, "n"]


def skin_tone(
    images: Images, landmarks: Float[Tensor, "n 68 2"], beside: Bool[Tensor, "n 1 h w"]
) -> SkinTone:
    """Compare the skin of each face with that beside it.

    A region's color is the median of L*, a* and b* each (sRGB, D65). ``ITA = atan2(L* - 50, b*)``,
    which is Chardon's ``atan((L* - 50) / b*)`` where b* is above 0; ``delta_e = |Lab_face -
    Lab_beside|``. A neck lies in the shadow of a chin: ask the same of the original, with the same
    ``beside``, for what the distance was before.

    Args:
        images: results or originals, in [-1, 1] or 8-bit.
        landmarks: landmarks of the face in pixels, those of the original, which results should
            keep.
        beside: where the surrounding skin is visible, see `skin_beside`.
    Raises:
        ValueError: mismatched shapes.
    """
    images, _ = checked_images(images, images, beside)
    colors = lab(images)
    face = medians(colors, cheek_mask(landmarks, _size(images)) > 0, _LEAST_PIXELS)
    other = medians(colors, beside, _LEAST_PIXELS)
    seen = (face + other).isfinite().all(1)
    face, other = (torch.where(seen[:, None], values, torch.nan) for values in (face, other))
    delta_e: Tensor = vector_norm(face - other, dim=1)
    return SkinTone(typology_angle(face), typology_angle(other), delta_e)


def skin_beside(
    originals: Images, mask: Float[Tensor, "n 1 h w"], landmarks: Float[Tensor, "n 68 2"]
) -> Bool[Tensor, "n 1 h w"]:
    """Where the original shows skin outside the face mask: neck, ears and edges of the cheeks.

    Pixels more than 2 away from the mask and inside the face's outline (with a forehead of 0.7)
    enlarged 1.4 times, whose color is near that of the cheeks: from their L* by at most 0.35 of it,
    from their (a*, b*) by at most 0.6 of its length and at most 10. Hair and walls of such a color
    are taken for skin.

    Args:
        originals: in [-1, 1], or 8-bit.
        mask: above 0.5 where results differ from originals.
        landmarks: iBUG-68, in pixels.
    Raises:
        ValueError: mismatched shapes.
    """
    images, _ = checked_images(originals, originals, mask)
    size = _size(images)
    colors = lab(images)
    face = medians(colors, cheek_mask(landmarks, size) > 0, _LEAST_PIXELS)
    outline = face_outline(landmarks, forehead=FOREHEAD)
    middle = outline.mean(1, keepdim=True)
    near = polygon_mask(middle + _AROUND * (outline - middle), size) > 0
    return _alike(colors, face[:, :, None, None]) & near & ~grown(mask > 0.5, _EDGE)


def _alike(
    colors: Float[Tensor, "n 3 h w"], face: Float[Tensor, "n 3 1 1"]
) -> Bool[Tensor, "n 1 h w"]:
    away = colors - face
    light = away[:, :1].abs() <= _LIGHTNESS * face[:, :1]
    apart, chroma = (x[:, 1:].square().sum(1, keepdim=True).sqrt() for x in (away, face))
    near: Tensor = light & (apart <= (_CHROMA * chroma).clamp(max=_MOST_CHROMA))
    return near  # NaN compares as False


def cheek_mask(
    landmarks: Float[Tensor, "n 68 2"], size: tuple[int, int]
) -> Float[Tensor, "n 1 h w"]:
    """1 on the cheeks and the nose, away from eyes, mouth and the edge of the face.

    Args:
        landmarks: iBUG-68, in pixels.
        size: height and width of the mask.
    Raises:
        ValueError: landmarks of another scheme.
    """
    check_landmarks(landmarks, count=68)
    corners, targets = ([corner[i] for corner in _CHEEKS] for i in (0, 1))
    shares = landmarks.new_tensor([share for _, _, share in _CHEEKS])[:, None]
    start = landmarks[:, torch.tensor(corners)]
    end = landmarks[:, torch.tensor(targets)]
    return polygon_mask(start + shares * (end - start), size)


def skin_color(
    images: Float[Tensor, "n 3 h w"], landmarks: Float[Tensor, "n 68 2"]
) -> Float[Tensor, "n 3"]:
    """Median CIELAB of cheeks and nose, see `cheek_mask`; NaN where fewer than 50 pixels are seen.

    Args:
        images: in [-1, 1].
        landmarks: iBUG-68, in pixels.
    Raises:
        ValueError: landmarks of another scheme.
    """
    return medians(lab(images), cheek_mask(landmarks, _size(images)) > 0, _LEAST_PIXELS)


def typology_angle(colors: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
    """ITA of CIELAB colors, in degrees.

    Example:
        >>> typology_angle(torch.tensor([[65.0, 12.0, 15.0]]))
        tensor([45.])
    """
    return torch.atan2(colors[:, 0] - 50, colors[:, 2]).rad2deg()


def lab(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """CIELAB (D65) of images in [-1, 1], taken as sRGB: L* 0 to 100."""
    from kornia.color import rgb_to_lab  # slower to import than everything except torch

    colors: Tensor = rgb_to_lab((images.float().clamp(-1, 1) + 1) / 2)
    return colors


def _size(images: Float[Tensor, "n 3 h w"]) -> tuple[int, int]:
    return images.shape[2], images.shape[3]
