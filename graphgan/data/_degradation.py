"""Simulate poor lighting, lenses, sensors and compression.

Networks trained only on good portraits fail on video frames. Not in the papers.
"""

import io
import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.extras import needs_extra

if TYPE_CHECKING:
    from PIL import Image

# Chances, and limits or standard deviations.
_LIT, _GAMMA, _CAST, _SLOPE, _GRAY = 0.7, 0.25, 0.07, 0.3, 0.06
_SMALL, _LEAST_SIZE = 0.5, 0.22  # share of the side that is left
_BLURRED, _BLUR = 0.3, 0.012  # standard deviation, in sides
_NOISY, _NOISE = 0.3, 8.0  # of 255
_COMPRESSED, _QUALITY = 0.6, (25, 90)


def light_anew(image: UInt8[Tensor, "3 h w"], rng: np.random.Generator) -> UInt8[Tensor, "3 h w"]:
    """With probability 0.7, change gamma, color cast and slope of the light; a few become gray.

    ``out = clip(g_c (1 + s_x u + s_y v) x^gamma)`` for x in [0, 1] and u, v in [-1, 1] across the
    image.
    """
    if rng.random() >= _LIT:
        return image
    x = image.float() / 255
    if rng.random() < _GRAY:
        x = x.mean(0, keepdim=True).expand(3, -1, -1)
    gamma = math.exp(rng.normal(0, _GAMMA))
    cast = torch.from_numpy(np.exp(rng.normal(0, _CAST, 3))).float()[:, None, None]
    angle, slope = rng.uniform(0, 2 * math.pi), rng.uniform(0, _SLOPE)
    height, width = image.shape[1:]
    v = torch.linspace(-1, 1, height)[:, None] * math.sin(angle)
    u = torch.linspace(-1, 1, width) * math.cos(angle)
    return _to_8_bits(255 * cast * (1 + slope * (u + v)) * x.pow(gamma))


def degrade(image: UInt8[Tensor, "3 h w"], rng: np.random.Generator) -> UInt8[Tensor, "3 h w"]:
    """Randomly upscale from fewer pixels, blur, add noise and compress as JPEG.

    Args:
        image: a good image.
        rng: source of randomness.
    Returns:
        An image of the same size.

    Example:
        >>> image = torch.full((3, 32, 32), 100, dtype=torch.uint8)
        >>> degrade(image, np.random.default_rng(0)).shape
        torch.Size([3, 32, 32])
    """
    with needs_extra("recipes"):
        from PIL import Image, ImageFilter
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
    if rng.random() < _SMALL:
        share = math.exp(rng.uniform(math.log(_LEAST_SIZE), 0))
        size = (max(8, round(share * picture.width)), max(8, round(share * picture.height)))
        small = picture.resize(size, Image.Resampling.BOX)
        picture = small.resize((picture.width, picture.height), Image.Resampling.BICUBIC)
    if rng.random() < _BLURRED:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, _BLUR) * picture.width))
    if rng.random() < _NOISY:
        picture = _noisy(picture, rng.uniform(0, _NOISE), rng)
    if rng.random() < _COMPRESSED:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=int(rng.integers(*_QUALITY)))
        picture = Image.open(file).convert("RGB")
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


def _noisy(picture: "Image.Image", sigma: float, rng: np.random.Generator) -> "Image.Image":
    from PIL import Image

    values = np.asarray(picture, np.float32)
    noise = rng.standard_normal(values.shape, np.float32) * sigma
    return Image.fromarray((values + noise).clip(0, 255).round().astype(np.uint8))


def _to_8_bits(x: Float[Tensor, "3 h w"]) -> UInt8[Tensor, "3 h w"]:
    return x.clamp(0, 255).round().to(torch.uint8)
