"""The pose mask: the region of a person around the joints, for metrics that exclude the background.

Source: Ma et al., "Pose Guided Person Image Generation", NIPS 2017, section 3.1: joints and limbs
drawn thick, with the gaps between them closed. Differs: the trunk is filled as a polygon, and the
result is dilated by a margin, whereas theirs is dilated and then eroded by the same amount.
"""

from functools import reduce

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan._checks import check_positive
from graphgan.landmarks._maps import check_landmarks
from graphgan.landmarks._masks import polygon_mask
from graphgan.landmarks._schemes import OPENPOSE_18

TRUNK = (2, 5, 11, 8)  # shoulders and hips, in the order of the outline
_SIDES = tuple(zip(TRUNK, (*TRUNK[1:], TRUNK[0]), strict=True))
_HEAD = ((1, 16), (1, 17), (16, 17))  # seen from behind, a head is its ears
_JOINTS = tuple((i, i) for i in range(OPENPOSE_18.num_landmarks))
_LIMBS = (*OPENPOSE_18.edges, *_SIDES, *_HEAD, *_JOINTS)


def pose_mask(
    joints: Float[Tensor, "b 18 2"],
    size: tuple[int, int],
    *,
    thickness: float | None = None,
    dilation: float | None = None,
) -> Float[Tensor, "b 1 h w"]:
    """1 at pixels whose center lies within ``thickness / 2 + dilation`` of a limb, 0 elsewhere.

    Limbs are the edges of OpenPose-18, the outline of the trunk, the lines from the neck to the
    ears and between them, and every joint by itself; the trunk is filled where both shoulders and
    both hips are present. A limb with a missing joint is left out: one joint alone is a disc, no
    joint an empty mask.

    Args:
        joints: OpenPose-18 coordinates (x, y) in pixels, NaN where missing; they may lie outside.
        size: height and width of the mask.
        thickness: width of a limb in pixels; ``h / 16`` by default, the 8 pixels of the published
            masks for 128 x 64.
        dilation: margin around the person in pixels; ``h / 64`` by default.
    Raises:
        ValueError: joints of another scheme, a side below 1, a negative thickness or dilation.

    Example:
        >>> joints = torch.full((1, 18, 2), torch.nan)
        >>> joints[0, 1] = 4
        >>> pose_mask(joints, (9, 9), thickness=4.0, dilation=0.0)[0, 0, 4]
        tensor([0., 0., 1., 1., 1., 1., 1., 0., 0.])
    """
    check_landmarks(joints, "joints", count=OPENPOSE_18.num_landmarks)
    height, width = size
    check_positive(height=height, width=width)
    thickness = height / 16 if thickness is None else thickness
    dilation = height / 64 if dilation is None else dilation
    if thickness < 0 or dilation < 0:
        raise ValueError(
            f"expected thickness and dilation of at least 0, got {thickness} and {dilation}"
        )
    reach = thickness / 2 + dilation
    # One limb at a time: 'b h w' stays small, and there are always as many.
    limbs = (_capsule(joints[:, i], joints[:, j], size, reach) for i, j in _LIMBS)
    person = reduce(torch.logical_or, limbs, polygon_mask(joints[:, TRUNK], size)[:, 0].bool())
    return rearrange(person, "b h w -> b 1 h w").to(joints.dtype)


def _capsule(
    start: Float[Tensor, "b 2"], end: Float[Tensor, "b 2"], size: tuple[int, int], radius: float
) -> Bool[Tensor, "b h w"]:
    """Pixels within the radius of the segment; none beside NaN."""
    height, width = size
    rows = torch.arange(height, device=start.device, dtype=start.dtype)
    columns = torch.arange(width, device=start.device, dtype=start.dtype)
    x = columns - rearrange(start[:, 0], "b -> b 1 1")
    y = rows[:, None] - rearrange(start[:, 1], "b -> b 1 1")
    across, down = (rearrange(c, "b -> b 1 1") for c in (end - start).unbind(-1))
    length_2 = (across**2 + down**2).clamp(min=1e-12)
    share = ((x * across + y * down) / length_2).clamp(0, 1)
    gap_2 = (x - share * across) ** 2 + (y - share * down) ** 2
    return gap_2 <= radius**2
