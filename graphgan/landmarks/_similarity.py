"""Alignment of shapes by translation, rotation and scale (Procrustes)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_features
from graphgan.landmarks._maps import check_landmarks

_TINY = 1e-12


class Similarity(NamedTuple):
    """``x -> along (x - middle) + across (x - middle) turned by a right angle + middle_after``."""

    middle: Float[Tensor, "b 1 2"]
    middle_after: Float[Tensor, "b 1 2"]
    along: Float[Tensor, "b 1 1"]
    across: Float[Tensor, "b 1 1"]

    def undo(self, points: Float[Tensor, "b k 2"]) -> Float[Tensor, "b k 2"]:
        moved = points - self.middle_after
        size = (self.along.square() + self.across.square()).clamp(min=_TINY)
        return (self.along * moved - self.across * turned(moved)) / size + self.middle


def lay_upon(
    points: Float[Tensor, "b k 2"], onto: Float[Tensor, "*b k 2"], weights: Float[Tensor, "b k 1"]
) -> tuple[Float[Tensor, "b k 2"], Similarity]:
    """The points laid upon others by shift, turn and scale of least squares, and how."""
    count = weights.sum(1, keepdim=True).clamp(min=1)
    middle, after = ((weights * x).sum(-2, keepdim=True) / count for x in (points, onto))
    a, b = weights * (points - middle), weights * (onto - after)
    # As complex numbers: the least squares of |b - k a| are k = <a, b> / <a, a>.
    size = a.square().sum((1, 2)).clamp(min=_TINY)[:, None, None]
    along = (a * b).sum((1, 2))[:, None, None] / size
    across = (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).sum(1)[:, None, None] / size
    moved = points - middle
    return along * moved + across * turned(moved) + after, Similarity(middle, after, along, across)


def turned(points: Tensor) -> Tensor:
    """By a right angle."""
    return torch.stack([-points[..., 1], points[..., 0]], dim=-1)


def check_pairs(images: Tensor, landmarks: Tensor, targets: Tensor) -> None:
    """Raise ``ValueError`` unless each image has landmarks and as many targets."""
    check_features(images, images.shape[1] if images.ndim > 1 else 3, "images")
    check_landmarks(landmarks)
    check_landmarks(targets, "targets")
    if landmarks.shape != targets.shape or landmarks.shape[0] != images.shape[0]:
        raise ValueError(
            f"expected as many landmarks as targets for each of {images.shape[0]} images, "
            f"got {tuple(landmarks.shape)} and {tuple(targets.shape)}"
        )
