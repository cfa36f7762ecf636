"""Random changes of pictures that a discriminator judges, so that few pictures last longer.

Source: Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020,
https://arxiv.org/abs/2006.10738: real and generated pictures are changed alike, and the generator
learns through the change. Landmarks go along here.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from kornia.geometry.transform import get_affine_matrix2d, warp_affine
from torch import Tensor

# At full strength: a turn in radians, a shift and a zoom as shares of the sides, and of colours.
_TURN, _SHIFT, _ZOOM, _COLOUR = math.radians(20), 0.125, 0.2, 0.4


class RandomChange(NamedTuple):
    """One turn, shift, zoom and change of colours for each item of a batch; see `draw_change`.

    Shapes:
        ``affine: b 2 3`` takes pixels (x, y, 1) to where they go; ``gain, offset: b 3 1 1``
    """

    affine: Float[Tensor, "b 2 3"]
    gain: Float[Tensor, "b 3 1 1"]
    offset: Float[Tensor, "b 3 1 1"]

    def of_images(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """``gain * moved + offset``, within [-1, 1]; what comes in over an edge is its mirror."""
        size = (images.shape[2], images.shape[3])
        moved: Tensor = warp_affine(images, self.affine, size, padding_mode="reflection")
        return (self.gain * moved + self.offset).clamp(-1, 1)

    def of_landmarks(self, landmarks: Float[Tensor, "b k 2"]) -> Float[Tensor, "b k 2"]:
        """Where they lie in the changed pictures."""
        return landmarks @ self.affine[:, :, :2].mT + self.affine[:, None, :, 2]


def draw_change(images: Float[Tensor, "b 3 h w"], *, strength: float) -> RandomChange:
    """Uniformly: up to 20 degrees, an eighth of the sides, a fifth of the size, 0.4 of the colours.

    Args:
        images: whose number, size and device the change is made for.
        strength: 0, nothing changes, to 1.
    Raises:
        ValueError: another strength.

    Example:
        >>> images, landmarks = torch.rand(2, 3, 32, 32), 31 * torch.rand(2, 68, 2)
        >>> change = draw_change(images, strength=0.5)
        >>> change.of_images(images).shape, change.of_landmarks(landmarks).shape
        (torch.Size([2, 3, 32, 32]), torch.Size([2, 68, 2]))
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"expected a strength from 0 to 1, got {strength}")
    count, _, height, width = images.shape
    device = images.device

    def drawn(*shape: int) -> Tensor:
        return strength * (2 * torch.rand(count, *shape, device=device) - 1)

    sides = torch.tensor([float(width), float(height)], device=device)
    matrix = get_affine_matrix2d(
        translations=_SHIFT * sides * drawn(2),
        center=((sides - 1) / 2).expand(count, 2),
        scale=(1 + _ZOOM * drawn(1)).expand(count, 2),
        angle=torch.rad2deg(_TURN * drawn()),
    )
    return RandomChange(matrix[:, :2], 1 + _COLOUR * drawn(3, 1, 1), _COLOUR * drawn(3, 1, 1))
