"""Landmarks, and images with theirs, as a mirror shows them."""

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.landmarks._similarity import check_pairs, lay_upon
from graphgan.landmarks.schemes import LandmarkScheme

_MARGIN = 0.7


def mirror_landmarks(
    landmarks: Float[Tensor, "*b k 2"], width: int, scheme: LandmarkScheme
) -> Float[Tensor, "*b k 2"]:
    """``x' = width - 1 - x``, and every landmark takes the place of its mirror image.

    A right hand that a mirror shows is a left hand: the landmarks are permuted by ``scheme.flip``.

    Args:
        landmarks: (x, y) in pixels, pixel centers at integers, NaN where missing.
        width: of the image, in pixels.
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


def mirror_toward(
    images: Float[Tensor, "b c h w"],
    landmarks: Float[Tensor, "b k 2"],
    targets: Float[Tensor, "b k 2"],
    scheme: LandmarkScheme,
) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b k 2"]]:
    """Images and landmarks, or what a mirror shows of both where that is nearer to the targets.

    Nearer in shape: by the mean squared distance that is left after one set of landmarks was laid
    upon the other by shift, turn and scale (Procrustes). Of faces it says to which side they are
    turned. The mirror has to leave less than 0.7 of it: for a face from the front both are about
    as near, and what decides then would change from frame to frame of a video.

    Args:
        images: in any range.
        landmarks, targets: (x, y) in pixels; a landmark that is NaN in either counts for nothing.
        scheme: whose landmarks they are.
    Shapes:
        -> images as given, ``landmarks: b k 2`` in single precision or better
    Raises:
        ValueError: unlike numbers of items or landmarks, another number than the scheme's.

    Example:
        >>> from graphgan.landmarks import IBUG_68
        >>> images, points = torch.rand(1, 3, 8, 8), 7 * torch.rand(1, 68, 2)
        >>> flipped, _ = mirror_toward(
        ...     images, points, mirror_landmarks(points, 8, IBUG_68), IBUG_68
        ... )
        >>> torch.equal(flipped, images.flip(-1))
        True
    """
    check_pairs(images, landmarks, targets)
    landmarks = landmarks.to(torch.promote_types(landmarks.dtype, torch.float32))
    mirrored = mirror_landmarks(landmarks, images.shape[3], scheme)
    left = [_unlikeness(points, targets) for points in (landmarks, mirrored)]
    nearer = (left[1] < _MARGIN * left[0])[:, None, None]
    flipped = torch.where(nearer[..., None], images.flip(-1), images)
    return flipped, torch.where(nearer, mirrored, landmarks)


def _unlikeness(landmarks: Float[Tensor, "b k 2"], targets: Float[Tensor, "b k 2"]) -> Tensor:
    there = (landmarks.isfinite() & targets.isfinite()).all(-1, keepdim=True)
    a, b = (torch.where(there, x, 0).to(landmarks.dtype) for x in (landmarks, targets))
    weights = there.to(a.dtype)
    apart = weights * (lay_upon(a, b, weights)[0] - b)
    return apart.square().sum((1, 2)) / weights.sum((1, 2)).clamp(min=1)
