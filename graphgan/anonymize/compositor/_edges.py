"""The soft edge around a region, and the colors under it."""

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.anonymize.compositor._constants import (
    AT_ONCE,
    CARRY,
    CARRY_FALL,
    CARRY_SCALES,
    EDGE,
    LEAST_MARGIN,
    LIKENESS,
    MARGIN,
    RIM,
    SKIN_MARGIN,
    SMOOTH,
)
from graphgan.landmarks._masks import shrink_mask
from graphgan.layers._smoothing import box_filter

# An edge of no pixels: pixels are farther apart, and it can be divided by.
_HARD = 1e-6
# Sigmas at which a Gaussian ends.
_SIGMAS = 4
# Rows that are enough for what is soft.
_ENOUGH = 128
_TINY = 1e-6


def soft_edges(
    regions: Float[Tensor, "b 1 h w"],
    images: Float[Tensor, "b 3 h w"] | None = None,
    *,
    pixels: Sequence[float] | None = None,
) -> Float[Tensor, "b 1 h w"]:
    """The weights of new faces: 1 in the region and a little around it, then falling to 0.

    This is `soften` with the lengths of `graphgan.anonymize.compositor.constants`. With images the
    weights fall fast where skin ends, so that no rim of skin covers hair or background: beyond a
    minimum margin they are multiplied by ``exp(-d^2 / (2 LIKENESS^2))``, with d the distance of a
    pixel's color from the old face's color, continued to that pixel.

    Args:
        regions: 1 where the image is replaced.
        images: the old ones, in [-1, 1]; None treats everything around the region alike.
        pixels: for each crop, the side of a pixel of the image that it was cut from, in pixels of
            the crop: larger ones need more margin to be covered. By default 1.
    """
    if images is None:
        return torch.maximum(regions, _wide_edges(regions))
    wide = _wide_edges(regions) * _likeness(images, regions)
    pixels = [1.0] * len(regions) if pixels is None else pixels
    least = [_least(*item) for item in zip(torch.split(regions, 1), pixels, strict=True)]
    return torch.maximum(torch.cat(least), wide)


def _wide_edges(regions: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 h w"]:
    """The edge where skin goes on."""
    coarse = _shrunk_regions(regions)
    margin = (LEAST_MARGIN + regions.shape[2] * MARGIN) / _step(regions)
    return _enlarged(soften(coarse, coarse.shape[2] * EDGE, margin=margin), regions)


def _least(regions: Float[Tensor, "b 1 h w"], pixel: float) -> Float[Tensor, "b 1 h w"]:
    """The weights that cover the old face whatever is beside it."""
    larger = max(pixel, 1.0)
    margin = SKIN_MARGIN + LEAST_MARGIN * (larger - 1)
    return soften(regions, AT_ONCE * larger, margin=margin)


def _likeness(
    images: Float[Tensor, "b 3 h w"], regions: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 1 h w"]:
    """1 where the image has the colors of the face beside it, 0 where it has others."""
    step = _step(regions)
    coarse = _shrunk_regions(regions)
    shrunk = F.avg_pool2d(images, step) if step > 1 else images
    skin = spread(shrunk, shrink_mask(coarse, RIM), coarse.shape[2] * CARRY)
    smooth = box_filter(shrunk, 3)
    apart = (smooth - skin).square().mean(1, keepdim=True)
    # Smooth along the edge: single pixels of a shadow would be seen as a row of dots.
    alike = box_filter(torch.exp(-apart / (2 * LIKENESS**2)), SMOOTH)
    return _enlarged(alike, regions)


def carry_outward(
    images: Float[Tensor, "b c h w"], regions: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b c h w"]:
    """Continue the colors inside a region outward, under the soft edge.

    This is `spread` with the length of `graphgan.anonymize.compositor.constants`; for large images
    it works at half or a quarter of their size.
    """
    sigma = regions.shape[2] * CARRY
    if (step := _step(regions)) == 1:
        return spread(images, regions, sigma)
    weights = F.avg_pool2d(regions, step)
    coarse = F.avg_pool2d(images * regions, step) / weights.clamp(min=_TINY)
    around = spread(coarse, (weights > 0).to(weights), sigma / step)
    return images * regions + _enlarged(around, images) * (1 - regions)


def _step(regions: Float[Tensor, "b 1 h w"]) -> int:
    """Pixels of a large crop that are one where edges and colors around it are computed."""
    step = regions.shape[2] // _ENOUGH
    divides = step > 1 and regions.shape[2] % step == 0 and regions.shape[3] % step == 0
    return step if divides else 1


def _shrunk_regions(regions: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 u v"]:
    step = _step(regions)
    return F.max_pool2d(regions, step) if step > 1 else regions


def _enlarged(coarse: Float[Tensor, "b c u v"], like: Tensor) -> Float[Tensor, "b c h w"]:
    size = (like.shape[2], like.shape[3])
    if tuple(coarse.shape[2:]) == size:
        return coarse
    return F.interpolate(coarse, size, mode="bilinear", align_corners=False)


def soften(
    mask: Float[Tensor, "b 1 h w"], radius: float, *, margin: float = 0.0
) -> Float[Tensor, "b 1 h w"]:
    """Add a soft edge outside a mask, so that everything inside the mask stays covered.

    ``max(mask, (1 + cos(pi t)) / 2)``, ``t = (d - margin) / radius`` kept within 0 and 1, d the
    distance from a pixel to the nearest one whose mask is 1.

    Args:
        mask: 0 to 1.
        radius: in pixels, over which the edge falls; at 0 it is hard.
        margin: in pixels; the mask grows by it before it falls.
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
        raise ValueError(f"expected radius and margin of at least 0, got {radius} and {margin}")
    beyond = (_distance(mask >= 1, math.ceil(margin + radius)) - margin).clamp(min=0)
    share = (beyond / max(radius, _HARD)).clamp(max=1)
    edge = (1 + torch.cos(math.pi * share)) / 2
    return torch.maximum(mask, edge.to(mask.dtype))


def spread(
    images: Float[Tensor, "b c h w"],
    masks: Float[Tensor, "b 1 h w"],
    sigma: float,
) -> Float[Tensor, "b c h w"]:
    """Continue the colors inside a mask outward.

    ``m x + (1 - m) sum_i w_i G_i(m x) / sum_i w_i G_i(m)``, i = 0 to 3, ``w_i = 8^-i``, G_i a
    Gaussian blur of ``sigma / 2^(3 - i)``. Near the mask the narrow blurs dominate, so that no line
    is visible where the mask ends; farther away only the wide ones have weight.

    Args:
        images: in any range, finite.
        masks: 0 to 1.
        sigma: of the widest Gaussian, in pixels; beyond four of it from the mask there is 0.
    Raises:
        ValueError: a sigma that is not positive.

    Example:
        >>> image = torch.tensor([0.5, 9.0, 9.0]).view(1, 1, 1, 3)
        >>> spread(image, torch.tensor([1.0, 0, 0]).view(1, 1, 1, 3), 1.0).flatten().tolist()
        [0.5, 0.5, 0.5]
    """
    if not 0 < sigma < math.inf:
        raise ValueError(f"expected sigma above 0, got {sigma}")
    known = torch.cat([images * masks, masks], 1)
    total = torch.zeros_like(known)
    for i in range(CARRY_SCALES):
        own = sigma / 2 ** (CARRY_SCALES - 1 - i)
        down, across = (_gaussian(n, own, known.device, known.dtype) for n in known.shape[2:])
        total += CARRY_FALL**i * (down @ known @ across)
    outside = total[:, :-1] / total[:, -1:].clamp(min=torch.finfo(total.dtype).tiny)
    return images * masks + outside * (1 - masks)


@lru_cache(maxsize=64)
def _gaussian(
    side: int, sigma: float, device: torch.device, dtype: torch.dtype
) -> Float[Tensor, "{side} {side}"]:
    """The matrix that blurs rows or columns with zeros around them; fewer operations than a
    convolution of many taps.
    """
    with torch.inference_mode(False):  # it is used again elsewhere
        places = torch.arange(side, device=device, dtype=dtype)
        away = places[:, None] - places
        reach = math.ceil(_SIGMAS * sigma)
        whole = sum(math.exp(-(x**2) / (2 * sigma**2)) for x in range(-reach, reach + 1))
        return torch.exp(-(away**2) / (2 * sigma**2)) * (away.abs() <= reach) / whole


def _distance(inside: Bool[Tensor, "b 1 h w"], limit: int) -> Float[Tensor, "b 1 h w"]:
    """From each pixel to the nearest one inside; infinite beyond the limit."""
    # min over dx, dy of dx^2 + dy^2, one axis after the other.
    squares = torch.zeros(inside.shape, device=inside.device).masked_fill(~inside, math.inf)
    offsets = torch.arange(-limit, limit + 1, device=inside.device) ** 2
    for axis, pad in ((-1, (limit, limit, 0, 0)), (-2, (0, 0, limit, limit))):
        padded = F.pad(squares, pad, value=math.inf)
        squares = (padded.unfold(axis, 2 * limit + 1, 1) + offsets).amin(-1)
    return squares.sqrt()
