"""Sharpness of a replaced face, relative to the original face and to its surroundings.

The measure is ours. It takes the median of fine structure and no mean: blocks of a mosaic and the
edges of a face have strong lines between flat parts, and are not sharp for that.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.metrics._regions import (
    STEP,
    Images,
    checked_images,
    filtered,
    grown,
    luminance,
    medians,
    shrunk,
)

_EDGE = 3  # pixels on both sides of the mask's outline that count for neither
_AROUND = 12  # pixels the surroundings are wide
_LEAST_PIXELS = 50  # of a region
_LEAST_CONTRAST = 0.1  # of a result to its original, outside of the mask: below it all is flat
_TAPS = (0.25, 0.5, 0.25)
_FLOOR = STEP / 8  # rounding to 8 bits leaves about this much of nothing


class Sharpness(NamedTuple):
    """Fine structure of faces, as ratios; NaN where a region has fewer than 50 pixels and where the
    result is NaN or has hardly any contrast.

    Args:
        to_original: result's face relative to the original's, each in units of its image's
            contrast: 0 is flat, 1 unchanged, above 1 sharper or noisier.
        to_surroundings: result's face relative to its surroundings.
        original_to_surroundings: the same for the original, for comparison.
    Shapes:
        each ``n``
    """

    to_original: Float[Tensor, "n"]
    to_surroundings: Float[Tensor, "n"]
    original_to_surroundings: Float[Tensor, "n"]


def face_sharpness(results: Images, originals: Images, mask: Float[Tensor, "n 1 h w"]) -> Sharpness:
    """Compare the fine structure inside a mask, at the images' own resolution.

    ``S(region) = median over the region of |Y - B Y|``, with Y the luminance and B the binomial
    filter (1 2 1)^T (1 2 1) / 16; ``to_original = S(face) / std(Y)`` of the result over the same of
    the original, with the deviation over all that is outside of the mask: an image of less
    contrast is not less sharp, a pale face in it is; ``to_surroundings = S(face) /
    S(surroundings)``. The face ends 3 pixels inside the mask, its surroundings are a band of 12
    pixels that begins 3 pixels outside. An eighth of an 8-bit step is added to each S.

    Images of two sizes are no pair: fine structure is that of single pixels. Images that were
    enlarged have little of it.

    Args:
        results, originals: in [-1, 1], or 8-bit.
        mask: above 0.5 inside the face.
    Raises:
        ValueError: mismatched shapes.

    Example:
        >>> images, mask = torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
        >>> mask[..., 8:24, 8:24] = 1
        >>> face_sharpness(images, images, mask).to_original
        tensor([1.])
    """
    one, other = checked_images(results, originals, mask)
    inside = mask > 0.5
    face = shrunk(inside, _EDGE)
    around = grown(inside, _EDGE + _AROUND) & ~grown(inside, _EDGE)
    of_result, of_original = _structure(one, face), _structure(other, face)
    contrast = _contrast(one, ~inside) / _contrast(other, ~inside)
    to_original = of_result / of_original / contrast
    return Sharpness(
        torch.where(contrast < _LEAST_CONTRAST, torch.nan, to_original),
        of_result / _structure(one, around),
        of_original / _structure(other, around),
    )


def _structure(
    images: Float[Tensor, "n 3 h w"], where: Bool[Tensor, "n 1 h w"]
) -> Float[Tensor, "n"]:
    fine = luminance(images)
    fine = (fine - _binomial(fine)).abs()
    return medians(fine, where, _LEAST_PIXELS)[:, 0] + _FLOOR


def _binomial(values: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 1 h w"]:
    return filtered(filtered(values, _TAPS, 2), _TAPS, 3)


def _contrast(
    images: Float[Tensor, "n 3 h w"], where: Bool[Tensor, "n 1 h w"]
) -> Float[Tensor, "n"]:
    """Deviation of the luminance; of nothing it is the least, as for a flat image."""
    values, weights = luminance(images).flatten(1), where.flatten(1).to(images)
    weights = weights / weights.sum(1, keepdim=True).clamp(min=1)
    middles = (weights * values).sum(1, keepdim=True)
    return (weights * (values - middles).square()).sum(1).sqrt().clamp(min=_FLOOR)
