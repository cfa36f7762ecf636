"""Key points of other detectors to the 18 joints of OpenPose."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_choice
from graphgan.landmarks.maps import check_landmarks

JointLayout = Literal["openpose-18", "openpose-25", "coco-17"]

# For each of nose, neck, right arm (3), left arm (3), right leg (3), left leg (3), right eye, left
# eye, right ear, left ear its number there; a pair is the middle of two.
_SOURCES: dict[str, tuple[int | tuple[int, int], ...]] = {
    "openpose-18": tuple(range(18)),
    "openpose-25": (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18),
    "coco-17": (0, (5, 6), 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3),
}
_COUNTS = {"openpose-18": 18, "openpose-25": 25, "coco-17": 17}


def to_openpose_18(joints: Float[Tensor, "b j 2"], layout: JointLayout) -> Float[Tensor, "b 18 2"]:
    """The same person by OpenPose's 18 joints.

    OpenPose's 25 have a middle hip and feet more, which are left out. COCO's 17 have no neck: it is
    the middle of the shoulders, and missing where one of them is.

    Args:
        joints: (x, y), NaN where missing.
        layout: what they are: "openpose-25", "coco-17", or "openpose-18", which stays as it is.
    Raises:
        ValueError: an unknown layout, another number of joints.

    Example:
        >>> to_openpose_18(torch.rand(2, 17, 2), "coco-17").shape
        torch.Size([2, 18, 2])
    """
    check_choice("layout", layout, tuple(_SOURCES))
    check_landmarks(joints, "joints", count=_COUNTS[layout])
    pairs = [(s, s) if isinstance(s, int) else s for s in _SOURCES[layout]]
    first, second = torch.tensor(pairs, device=joints.device).T
    return (joints[:, first] + joints[:, second]) / 2
