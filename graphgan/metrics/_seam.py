"""Seam visibility: compare gradients across a mask's outline with those along it.

The measure is ours.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.metrics._regions import STEP, Images, checked_images, filtered, grown, shrunk

_SMOOTH = 1.0  # pixels: deviation of the Gaussian under the gradients of images
_NORMAL = 2.0  # of the one under the mask's gradient, which gives the outline's direction
_BAND = 2  # pixels on both sides of the outline
_MARGIN = 3  # pixels at the image's edges, where gradients are those of the padding
_LEAST_PIXELS = 50
_CHANGED = 8 * STEP
_SPECK, _GAP = 2, 4  # pixels: half of what is left out, and of what is closed
_FLOOR = STEP / 8


def seam_visibility(
    results: Images, originals: Images, mask: Float[Tensor, "n 1 h w"]
) -> Float[Tensor, "n"]:
    """How much stronger the step at a mask's outline is than in the original.

    ``V = (A_r / L_r) / (A_o / L_o)``, ``A = mean |dI/dn|`` across the outline and ``L = mean
    |dI/dt|`` along it, over the pixels up to 2 from the outline and over red, green and blue; r the
    result, o the original. Gradients are those of a Gaussian of 1 pixel. 1 where no seam is to be
    seen, also where the outline runs along an edge of the original, such as a jaw. NaN where the
    mask has no outline inside the image, or the result is NaN.

    Args:
        results, originals: in [-1, 1], or 8-bit.
        mask: above 0.5 where the result was pasted.
    Raises:
        ValueError: mismatched shapes.

    Example:
        >>> images, mask = torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
        >>> mask[..., 8:24, 8:24] = 1
        >>> seam_visibility(images, images, mask)
        tensor([1.])
    """
    one, other = checked_images(results, originals, mask)
    inside = mask > 0.5
    normal, band = _outline(inside)
    return _step(one, normal, band) / _step(other, normal, band)


def changed_region(results: Images, originals: Images) -> Bool[Tensor, "n 1 h w"]:
    """Where results differ from originals, without specks and holes: the pasted region.

    Pixels whose mean difference over red, green and blue and over 3 x 3 pixels is above 8 steps of
    8 bits, which compression alone hardly makes; what is thinner than 5 pixels is left out, and
    gaps up to 8 pixels are closed.

    Args:
        results, originals: in [-1, 1], or 8-bit.
    Raises:
        ValueError: mismatched shapes.
    """
    nowhere = torch.zeros(len(results), 1, *results.shape[2:])
    one, other = checked_images(results, originals, nowhere)
    apart = (one - other).abs().mean(1, keepdim=True)
    third = (1 / 3, 1 / 3, 1 / 3)
    changed = filtered(filtered(apart, third, 2), third, 3) > _CHANGED
    changed = grown(shrunk(changed, _SPECK), _SPECK)
    return shrunk(grown(changed, _GAP), _GAP)


def _outline(
    inside: Bool[Tensor, "n 1 h w"],
) -> tuple[Float[Tensor, "n 2 h w"], Bool[Tensor, "n 1 h w"]]:
    """Its direction outwards (x, y), and the pixels near it."""
    slope = _gradient(inside.float(), _NORMAL)[:, 0]
    length = slope.square().sum(1, keepdim=True).sqrt()
    band = grown(inside, _BAND) & ~shrunk(inside, _BAND) & (length > 1e-6)
    band[..., :_MARGIN, :] = band[..., -_MARGIN:, :] = False
    band[..., :_MARGIN] = band[..., -_MARGIN:] = False
    enough = band.flatten(1).sum(1) >= _LEAST_PIXELS
    return -slope / length.clamp(min=1e-6), band & enough[:, None, None, None]


def _step(
    images: Float[Tensor, "n 3 h w"], normal: Float[Tensor, "n 2 h w"], band: Tensor
) -> Float[Tensor, "n"]:
    gradient = _gradient(images, _SMOOTH)
    tangent = torch.stack([-normal[:, 1], normal[:, 0]], 1)
    across, along = (
        (gradient * way[:, None]).sum(2).abs().mean(1, keepdim=True) for way in (normal, tangent)
    )
    return (_mean(across, band) + _FLOOR) / (_mean(along, band) + _FLOOR)


def _mean(values: Float[Tensor, "n 1 h w"], where: Bool[Tensor, "n 1 h w"]) -> Float[Tensor, "n"]:
    return torch.where(where, values, torch.nan).flatten(1).nanmean(1)


def _gradient(images: Float[Tensor, "n c h w"], sigma: float) -> Float[Tensor, "n c 2 h w"]:
    """Along x and y, of the images under a Gaussian."""
    reach = round(3 * sigma)
    x = torch.arange(-reach, reach + 1, dtype=torch.float64)
    smooth = (-x.square() / (2 * sigma**2)).exp()
    slope = (x * smooth / (x.square() * smooth).sum()).tolist()
    even = (smooth / smooth.sum()).tolist()
    across = filtered(filtered(images, slope, 3), even, 2)
    down = filtered(filtered(images, even, 3), slope, 2)
    return torch.stack([across, down], 2)
