"""PCKh: the share of correctly placed joints, relative to the head size.

Source: Andriluka et al., "2D Human Pose Estimation: New Benchmark and State of the Art Analysis",
CVPR 2014. There the head is annotated as a box; here it is the box around nose, neck, eyes and
ears, as far as they are present.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.linalg import vector_norm

from graphgan.landmarks import OPENPOSE_18
from graphgan.landmarks._maps import check_landmarks
from graphgan.metrics._detection import landmark_box

HEAD = (0, 1, 14, 15, 16, 17)  # nose, neck, eyes, ears


def pckh(
    joints: Float[Tensor, "b 18 2"],
    target: Float[Tensor, "b 18 2"],
    *,
    alpha: float = 0.5,
) -> Float[Tensor, "b"]:
    """``mean over joints of (|joint - target| <= alpha * head)``, head the diagonal of its box.

    Over the joints that the target has; one that is missing in ``joints`` is wrong. NaN for an item
    whose target has no joint or no head (two of its points at different places).

    Args:
        joints: found, OpenPose-18, in pixels, NaN where missing.
        target: where they should be, likewise.
        alpha: 0.5 as published.
    Raises:
        ValueError: another number of joints, unlike batches, alpha not above 0.

    Example:
        >>> person = 50 * torch.rand(1, 18, 2)
        >>> pckh(person, person)
        tensor([1.])
    """
    for name, points in (("joints", joints), ("target", target)):
        check_landmarks(points, name, count=OPENPOSE_18.num_landmarks)
    if len(joints) != len(target):
        raise ValueError(f"expected one batch, got {len(joints)} and {len(target)} items")
    if alpha <= 0:
        raise ValueError(f"expected alpha above 0, got {alpha}")
    head = _head_size(target)
    near = vector_norm(joints - target, dim=-1) <= alpha * head[:, None]  # false beside NaN
    wanted = target.isfinite().all(-1)
    share = (near & wanted).sum(1) / wanted.sum(1)
    return torch.where(head > 0, share, torch.nan)


def _head_size(joints: Float[Tensor, "b 18 2"]) -> Float[Tensor, "b"]:
    """Diagonal of the box around the points of the head that are present, NaN without any."""
    box = landmark_box(joints[:, HEAD])
    size: Tensor = vector_norm(box[:, 2:] - box[:, :2], dim=-1)
    return size
