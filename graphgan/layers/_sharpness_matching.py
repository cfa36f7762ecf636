"""Match the sharpness and grain of one image to another, without sharpening it.

Not in the papers. A face that is sharper or smoother than the image around it is noticed
immediately.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_features

_COARSEST = 16  # structures of the coarsest band in an image of 128, in pixels
_COARSEST_GRAIN = 32  # the same for grain: structures of a thirty-second of the height
_LEAST_GAIN = 0.1
_GRAIN = 0.5  # share of the excess: part of it is structure, not grain
_MOST_GRAIN = 0.07  # 9 of 255 gray levels per octave
_MEDIAN = 0.6745  # of the absolute value of a standard normal variable
_TINY = 1e-8


def match_sharpness(
    x: Float[Tensor, "b 3 h w"], source: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """Limit the details of x, octave by octave, to the strength of the source's.

    ``out = sum_i g_i band_i(x) + rest(x)``, with the bands of a Laplacian pyramid down to
    structures of an eighth of the height. ``g_i = 2 sqrt(E_i(source) / E_i(x)) - 1``, with E the
    mean square of the luma inside the mask; g_i is at least 0.1, at most 1, and at most the gain of
    the next coarser band. It falls twice as fast as the source's strength, because part of that
    strength is noise. Only one gain per octave is taken from the source.

    Args:
        x, source: in [-1, 1].
        mask: 1 inside both faces.
    Raises:
        ValueError: mismatched shapes.

    Example:
        >>> x, mask = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32)
        >>> flat = match_sharpness(x, torch.zeros_like(x), mask)
        >>> bool(flat.std() < x.std() / 2)
        True
    """
    _check(x, source, mask)
    with torch.autocast(x.device.type, enabled=False):
        dtype = torch.promote_types(x.dtype, torch.float32)
        own, rest = _pyramid(x.to(dtype), _levels(x, _COARSEST))
        wanted, _ = _pyramid(source.to(dtype).mean(1, keepdim=True), len(own))
        masks = _halved(mask.to(dtype), len(own))
        result, gain = rest, torch.ones_like(x[:, :1, :1, :1], dtype=dtype)
        for band, other, inside in reversed(list(zip(own, wanted, masks, strict=True))):
            energies = [_energy(b.mean(1, keepdim=True), inside) for b in (other, band)]
            ratio = (energies[0] / energies[1]).sqrt()
            gain = torch.minimum((2 * ratio - 1).clamp(min=_LEAST_GAIN), gain)
            result = _doubled(result, band) + gain * band
        return result.to(x.dtype)


def match_grain(
    x: Float[Tensor, "b 3 h w"],
    source: Float[Tensor, "b 3 h w"],
    mask: Float[Tensor, "b 1 h w"],
    noise: Float[Tensor, "b 1 h w"],
) -> Float[Tensor, "b 3 h w"]:
    """Add grain to x, octave by octave, where the source has more of it.

    ``out = x + sum_i s_i band_i(noise) / std(band_i(noise))``, with the bands of a Laplacian
    pyramid down to structures of a thirty-second of the height. ``s_i = 0.5 sqrt(S_i^2 - X_i^2)``,
    at least 0 and at most 0.07; S_i and X_i are medians of the absolute luma band inside the mask,
    divided by 0.6745, so that edges hardly count. Only one number per octave is taken from the
    source.

    Args:
        x, source: in [-1, 1].
        mask: 1 inside both faces; nothing is added if it is empty.
        noise: standard normal, independent for each pixel.
    Returns:
        Not clamped.
    Raises:
        ValueError: mismatched shapes.

    Example:
        >>> x, mask = torch.zeros(1, 3, 64, 64), torch.ones(1, 1, 64, 64)
        >>> noise = torch.randn(2, 1, 64, 64)
        >>> grained = match_grain(x, x + 0.05 * noise[:1], mask, noise[1:])
        >>> 0.02 < float(grained.std()) < 0.05
        True
    """
    _check(x, source, mask)
    if noise.shape != mask.shape:
        raise ValueError(f"expected noise of {tuple(mask.shape)}, got {tuple(noise.shape)}")
    with torch.autocast(x.device.type, enabled=False):
        dtype = torch.promote_types(x.dtype, torch.float32)
        levels = _levels(x, _COARSEST_GRAIN)
        gray = [image.to(dtype).mean(1, keepdim=True) for image in (x, source, noise)]
        own, wanted, drawn = (_pyramid(image, levels)[0] for image in gray)
        masks = _halved(mask.to(dtype), levels)
        grain = torch.zeros_like(drawn[-1])
        for band, other, white, inside in reversed(
            list(zip(own, wanted, drawn, masks, strict=True))
        ):
            missing = (_spread(other, inside).square() - _spread(band, inside).square()).clamp(0)
            strength = (_GRAIN * missing.sqrt()).clamp(max=_MOST_GRAIN)
            unit = white / white.std((1, 2, 3), keepdim=True).clamp(min=_TINY)
            grain = _doubled(grain, white) + strength * unit
        return (x + grain).to(x.dtype)


def _spread(band: Float[Tensor, "b 1 h w"], mask: Float[Tensor, "b 1 h w"]) -> Tensor:
    """Standard deviation of a band inside the mask, estimated from its median; 0 if the mask is
    empty."""
    inside = band.abs().masked_fill(mask < 0.5, torch.nan).flatten(1)
    return inside.nanmedian(1).values.nan_to_num(0)[:, None, None, None] / _MEDIAN


def _check(x: Tensor, source: Tensor, mask: Tensor) -> None:
    check_features(x, 3, "x")
    if source.shape != x.shape or tuple(mask.shape) != (x.shape[0], 1, *x.shape[2:]):
        raise ValueError(
            f"expected a source of {tuple(x.shape)} and a mask of its size, got "
            f"{tuple(source.shape)} and {tuple(mask.shape)}"
        )


def _levels(x: Float[Tensor, "b c h w"], coarsest: int) -> int:
    """Number of bands; each has half the size of the one before."""
    return max(1, (min(x.shape[2:]) // coarsest).bit_length() - 1)


def _pyramid(x: Float[Tensor, "b c h w"], levels: int) -> tuple[list[Tensor], Tensor]:
    bands = []
    for _ in range(levels):
        half = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
        bands.append(x - _doubled(half, x))
        x = half
    return bands, x


def _doubled(half: Float[Tensor, "b c p q"], like: Float[Tensor, "b d h w"]) -> Tensor:
    return F.interpolate(half, like.shape[2:], mode="bilinear", align_corners=False)


def _halved(mask: Float[Tensor, "b 1 h w"], levels: int) -> list[Tensor]:
    masks = [mask]
    while len(masks) < levels:
        masks.append(F.avg_pool2d(masks[-1], 2, ceil_mode=True, count_include_pad=False))
    return masks


def _energy(band: Float[Tensor, "b 1 h w"], mask: Float[Tensor, "b 1 h w"]) -> Tensor:
    inside = mask.sum((1, 2, 3), keepdim=True).clamp(min=_TINY)
    return (band.square() * mask).sum((1, 2, 3), keepdim=True) / inside + _TINY
