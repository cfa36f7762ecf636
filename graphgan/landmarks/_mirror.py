"""Mirror landmarks, and images together with their landmarks."""

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.landmarks._schemes import LandmarkScheme
from graphgan.landmarks._similarity import check_pairs, lay_upon

_MARGIN = 0.7


def mirror_landmarks(
    landmarks: Float[Tensor, "*b k 2"], width: int, scheme: LandmarkScheme
) -> Float[Tensor, "*b k 2"]:
    """``x' = width - 1 - x``, with each landmark renamed to its mirror image.

    A mirrored right hand is a left hand, so the landmarks are permuted by ``scheme.flip``.

    Args:
        landmarks: (x, y) in pixels, pixel centers at integers, NaN where missing.
        width: width of the image in pixels.
        scheme: scheme of the landmarks.
    Raises:
        ValueError: a number of landmarks that does not match the scheme.

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
    """Mirror images and landmarks where that brings them closer to the targets.

    Distance is the mean squared distance after alignment by translation, rotation and scale
    (Procrustes); for faces, it tells which side they are turned to. The mirror image must reduce it
    below 0.7: for frontal faces both distances are similar, and the choice would otherwise flicker
    from frame to frame of a video.

    Args:
        images: in any range.
        landmarks, targets: (x, y) in pixels; landmarks that are NaN in either are ignored.
        scheme: scheme of the landmarks.
    Shapes:
        -> images as given, ``landmarks: b k 2`` in single precision or better
    Raises:
        ValueError: mismatched numbers of items or landmarks, or a number that does not match the
            scheme.

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
