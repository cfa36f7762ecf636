"""Landmarks as a mirror shows them."""

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.landmarks.schemes import LandmarkScheme


def mirror_landmarks(
    landmarks: Float[Tensor, "*b k 2"], width: int, scheme: LandmarkScheme
) -> Float[Tensor, "*b k 2"]:
    """``x' = width - 1 - x``, and every landmark takes the place of its mirror image.

    A right hand that a mirror shows is a left hand: the landmarks are permuted by ``scheme.flip``.

    Args:
        landmarks: (x, y) in pixels, pixel centres at integers, NaN where missing.
        width: of the picture, in pixels.
        scheme: whose landmarks they are.
    Raises:
        ValueError: another number of landmarks than the scheme's.

    Example:
        >>> from graphgan.landmarks import OPENPOSE_18
        >>> joints = 63 * torch.rand(2, 18, 2)
        >>> there_and_back = mirror_landmarks(
        ...     mirror_landmarks(joints, 64, OPENPOSE_18), 64, OPENPOSE_18
        ... )
        >>> bool((there_and_back - joints).abs().max() < 1e-4)
        True
    """
    if landmarks.shape[-2] != scheme.num_landmarks:
        raise ValueError(
            f"expected {scheme.num_landmarks} landmarks ({scheme.name}), got {landmarks.shape[-2]}"
        )
    x, y = landmarks[..., list(scheme.flip), :].unbind(-1)
    return torch.stack([width - 1 - x, y], dim=-1)
