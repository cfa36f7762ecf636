"""Match the lighting and skin color of one face image to another.

Not in the papers. Lighting and skin are modeled as a plane of color over the face, fitted by least
squares that give less weight to pixels far from the plane, so that eyes, lips, beards, glasses and
hair matter little. Only these few numbers are taken from the source.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_features

_SIZE = 128  # lighting is smooth, so larger images are downscaled
_ROUNDS = 6  # of the least squares
_FIRST, _LATER = 3, 0.3  # rounds focused on the face's center; exponent in later rounds
_NEAR = 0.8  # sigma of a Gaussian, in standard deviations of the mask
_WIDE, _WIDER = 1.5, 2.0  # at this many mean distances from the plane, weight 1/2
_RIDGE = 1e-4
_LUMA_GAIN, _CHROMA_GAIN = (0.3, 1.5), (0.2, 1.5)
_TINY = 1e-3


def match_light(
    x: Float[Tensor, "b 3 h w"], source: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """``out = p' + g_Y Y(x - p) + g_C (x - p - Y(x - p))``: planes of color, then contrasts.

    p is the plane of x over the mask, p' the plane of the source there: for each color
    ``p(u, v) = c + s_u u + s_v v``, with u and v from -1 to 1 over the image. Y is the mean of the
    three colors. ``g_Y`` and ``g_C`` are the source's deviations from its plane over those of x,
    of Y and of what is left of the colors, within 0.3 to 1.5 and 0.2 to 1.5.

    Planes are fitted by six rounds of weighted least squares, ``w = n / (1 + (r / 1.5 m)^2)``, with
    r a pixel's distance from the previous round's plane and m the weighted mean of these distances.
    ``n = exp(-d^2 / 1.28)``, with d the distance from the mask's center in units of its standard
    deviation, in the first three rounds, and ``n^0.3`` afterwards: the fit starts at the center of
    the face, which is skin. Deviations are weighted by ``1 / (1 + (r / 2 m)^2)``, so hair in the
    mask counts little. Images of at least 256 pixels are first downscaled, to no less than 128.

    Args:
        x, source: in [-1, 1].
        mask: 1 inside both faces.
    Returns:
        In [-1, 1].
    Raises:
        ValueError: mismatched shapes.

    Example:
        >>> x, mask = torch.rand(1, 3, 32, 32) / 2, torch.ones(1, 1, 32, 32)
        >>> torch.allclose(match_light(x, x - 0.4, mask), x - 0.4, atol=1e-3)
        True
    """
    check_features(x, 3, "x")
    for name, given, expected in (
        ("source", source, tuple(x.shape)),
        ("mask", mask, (x.shape[0], 1, *x.shape[2:])),
    ):
        if tuple(given.shape) != expected:
            raise ValueError(f"expected {name} of {expected}, got {tuple(given.shape)}")
    with torch.autocast(x.device.type, enabled=False):
        dtype = torch.promote_types(x.dtype, torch.float32)
        image, other, inside = (given.to(dtype) for given in (x, source, mask))
        basis = _basis(image)
        own, others = (_measured(faces, inside, basis) for faces in (image, other))
        apart = image - (own.plane @ basis).view(image.shape)
        gray = apart.mean(1, keepdim=True)
        matched = (others.luma / own.luma).clamp(*_LUMA_GAIN) * gray
        matched = matched + (others.chroma / own.chroma).clamp(*_CHROMA_GAIN) * (apart - gray)
        matched = matched + (others.plane @ basis).view(image.shape)
        return matched.clamp(-1, 1).to(x.dtype)


def skin_plane(
    images: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """The plane of skin color inside a mask, as `match_light` fits it, evaluated at every pixel.

    Args:
        images: faces, in [-1, 1].
        mask: 1 inside the face.

    Example:
        >>> skin_plane(torch.full((1, 3, 16, 16), 0.5), torch.ones(1, 1, 16, 16)).mean().round(
        ...     decimals=2
        ... )
        tensor(0.5000)
    """
    basis = _basis(images)
    return (_measured(images, mask, basis).plane @ basis).view(images.shape)


class _Measured(NamedTuple):
    """The plane of a face's colors, and the deviations from it in luma and chroma."""

    plane: Float[Tensor, "b 3 3"]
    luma: Float[Tensor, "b 1 1 1"]
    chroma: Float[Tensor, "b 1 1 1"]


def _measured(
    image: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"], basis: Float[Tensor, "3 n"]
) -> _Measured:
    factor = max(1, min(image.shape[2:]) // _SIZE)
    if factor > 1:
        height, width = image.shape[2:]
        share = F.avg_pool2d(mask, factor)
        image = F.avg_pool2d(image * mask, factor) / share.clamp(min=_TINY)
        basis = F.avg_pool2d(basis.view(3, height, width), factor).flatten(1)
        mask = share
    plane = _plane(image, mask, basis)
    apart = image - (plane @ basis).view(image.shape)
    away = apart.abs().mean(1, keepdim=True)
    typical = (away * mask).sum((2, 3), keepdim=True) / _count(mask, (2, 3))
    weights = mask / (1 + (away / (_WIDER * typical + _TINY)).square())
    return _Measured(plane, *_deviations(apart, weights))


def _basis(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "3 n"]:
    """1, u and v at every pixel."""
    height, width = x.shape[2:]
    u = torch.linspace(-1, 1, width, device=x.device, dtype=x.dtype).expand(height, width)
    v = torch.linspace(-1, 1, height, device=x.device, dtype=x.dtype)
    v = v[:, None].expand(height, width)
    return torch.stack([torch.ones_like(u), u, v]).flatten(1)


def _plane(
    image: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"], basis: Float[Tensor, "3 n"]
) -> Float[Tensor, "b 3 3"]:
    """For each color, its value at the center and its slopes along x and y."""
    colors, inside = image.flatten(2), mask.flatten(2)
    near = _nearness(inside, basis)
    weights = inside * near
    plane = colors[:, :, :3]  # replaced in the first round
    for i in range(_ROUNDS):
        weighed = weights * basis
        plane = _solved(weighed @ basis.T, colors @ weighed.mT)
        away = (colors - plane @ basis).abs().mean(1, keepdim=True)
        typical = (away * weights).sum(2, keepdim=True) / _count(weights, (2,))
        trusted = inside * (near if i + 1 < _FIRST else near**_LATER)
        weights = trusted / (1 + (away / (_WIDE * typical + _TINY)).square())
    return plane


def _nearness(inside: Float[Tensor, "b 1 n"], basis: Float[Tensor, "3 n"]) -> Tensor:
    """1 at the center of a mask, decreasing toward its edge."""
    count = _count(inside, (2,))
    places = basis[1:]
    middle = (inside * places).sum(2, keepdim=True) / count
    squares = (places - middle).square()
    spread = (inside * squares).sum(2, keepdim=True) / count
    distances = (squares / (spread + _TINY**2)).sum(1, keepdim=True)
    return torch.exp(-distances / (2 * _NEAR**2))


def _count(weights: Tensor, dims: tuple[int, ...]) -> Tensor:
    return weights.sum(dims, keepdim=True).clamp(min=_TINY)


def _solved(
    squares: Float[Tensor, "b 3 3"], products: Float[Tensor, "b 3 3"]
) -> Float[Tensor, "b 3 3"]:
    """``products squares^-1`` of symmetric squares, by cross products: ONNX knows no solver."""
    ridge = _RIDGE * (1 + squares[:, :1, :1])
    a, b, c = (squares + ridge * torch.eye(3, device=squares.device, dtype=squares.dtype)).unbind(1)
    columns = [torch.linalg.cross(p, q) for p, q in ((b, c), (c, a), (a, b))]
    determinant = (a * columns[0]).sum(1)[:, None, None]
    plane: Tensor = products @ torch.stack(columns, 2) / determinant
    return plane


def _deviations(
    apart: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]
) -> list[Float[Tensor, "b 1 1 1"]]:
    """Standard deviations in luma and chroma."""
    gray = apart.mean(1, keepdim=True)
    count = _count(mask, (1, 2, 3))
    squares = [x.square().mean(1, keepdim=True) * mask for x in (gray, apart - gray)]
    return [(x.sum((1, 2, 3), keepdim=True) / count + _TINY**2).sqrt() for x in squares]
