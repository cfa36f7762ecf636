"""Convert landmarks between schemes."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_choice
from graphgan.landmarks._maps import check_landmarks
from graphgan.landmarks._schemes import (
    CIAGAN_29,
    CIAGAN_29_INDICES,
    IBUG_68,
    POINTS_5,
    LandmarkScheme,
)

JointLayout = Literal["openpose-18", "openpose-25", "coco-17"]
"""Orders of joints that can be converted to the 18 joints of BiGraphGAN."""

# For each of nose, neck, right arm (3), left arm (3), right leg (3), left leg (3), right eye, left
# eye, right ear, left ear its number there; a pair is the middle of two.
_SOURCES: dict[str, tuple[int | tuple[int, int], ...]] = {
    "openpose-18": tuple(range(18)),
    "openpose-25": (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18),
    "coco-17": (0, (5, 6), 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3),
}
FROM_IBUG_68 = (IBUG_68, CIAGAN_29, POINTS_5)
"""What `from_ibug_68` makes."""

_COUNTS = {"openpose-18": 18, "openpose-25": 25, "coco-17": 17}


_EYES, _NOSE_AND_MOUTH = (slice(36, 42), slice(42, 48)), [30, 48, 54]


def from_ibug_68(
    landmarks: Float[Tensor, "b 68 2"], scheme: LandmarkScheme
) -> Float[Tensor, "b k 2"]:
    """Convert 68 landmarks to a scheme that can be derived from them.

    Args:
        landmarks: (x, y), NaN where missing.
        scheme: ``IBUG_68`` itself, ``CIAGAN_29`` (a subset), or ``POINTS_5``, see `five_points`.
    Raises:
        ValueError: another scheme, or a wrong number of landmarks.

    Example:
        >>> from_ibug_68(torch.rand(2, 68, 2), CIAGAN_29).shape
        torch.Size([2, 29, 2])
    """
    check_choice("scheme", scheme.name, tuple(s.name for s in FROM_IBUG_68))
    check_landmarks(landmarks, count=IBUG_68.num_landmarks)
    if scheme == POINTS_5:
        return five_points(landmarks)
    return landmarks if scheme == IBUG_68 else landmarks[:, CIAGAN_29_INDICES]


def five_points(landmarks: Float[Tensor, "n 68 2"]) -> Float[Tensor, "n 5 2"]:
    """The mean of each eye's landmarks, the tip of the nose, and the corners of the mouth."""
    eyes = [landmarks[:, eye].mean(1, keepdim=True) for eye in _EYES]
    return torch.cat([*eyes, landmarks[:, _NOSE_AND_MOUTH]], dim=1)


def to_openpose_18(joints: Float[Tensor, "b j 2"], layout: JointLayout) -> Float[Tensor, "b 18 2"]:
    """Convert a person's joints to OpenPose's 18.

    OpenPose's 25 also have a middle hip and feet, which are dropped. COCO's 17 have no neck: the
    middle of the shoulders is used, and the neck is missing if either shoulder is.

    Args:
        joints: (x, y), NaN where missing.
        layout: layout of the input: "openpose-25", "coco-17", or "openpose-18", which is returned
            unchanged.
    Raises:
        ValueError: an unknown layout, or a wrong number of joints.

    Example:
        >>> to_openpose_18(torch.rand(2, 17, 2), "coco-17").shape
        torch.Size([2, 18, 2])
    """
    check_choice("layout", layout, tuple(_SOURCES))
    check_landmarks(joints, "joints", count=_COUNTS[layout])
    pairs = [(s, s) if isinstance(s, int) else s for s in _SOURCES[layout]]
    first, second = torch.tensor(pairs, device=joints.device).T
    return (joints[:, first] + joints[:, second]) / 2
