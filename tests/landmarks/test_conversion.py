import pytest
import torch

from graphgan.landmarks import (
    CIAGAN_29,
    IBUG_68,
    MESH_468,
    OPENPOSE_18,
    POINTS_5,
    from_ibug_68,
    to_openpose_18,
)
from graphgan.landmarks._schemes import CIAGAN_29_INDICES


def joint_names(text: str) -> list[str]:
    """Names by their first letters: l and r for left and right."""
    sides = {"l": "left", "r": "right"}
    split = (name.partition("_") for name in text.split())
    return [f"{sides[side]}_{part}" if part else side for side, _, part in split]


COCO = joint_names(
    "nose l_eye r_eye l_ear r_ear l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip "
    "r_hip l_knee r_knee l_ankle r_ankle"
)
BODY_25 = joint_names(
    "nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist midhip r_hip r_knee r_ankle "
    "l_hip l_knee l_ankle r_eye l_eye r_ear l_ear l_bigtoe l_smalltoe l_heel r_bigtoe r_smalltoe "
    "r_heel"
)
BODY_18 = joint_names(
    "nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip "
    "l_knee l_ankle r_eye l_eye r_ear l_ear"
)


@pytest.mark.parametrize(
    ("layout", "names"), [("coco-17", COCO), ("openpose-25", BODY_25), ("openpose-18", BODY_18)]
)
def test_every_joint_keeps_its_name(layout, names):
    joints = torch.rand(2, len(names), 2)
    found = to_openpose_18(joints, layout)
    for i, name in enumerate(BODY_18):
        if name == "neck" and layout == "coco-17":
            shoulders = [COCO.index("left_shoulder"), COCO.index("right_shoulder")]
            torch.testing.assert_close(found[:, i], joints[:, shoulders].mean(1))
        else:
            torch.testing.assert_close(found[:, i], joints[:, names.index(name)])


def test_left_and_right_are_those_of_the_scheme_that_mirrors():
    names = [BODY_18[i] for i in OPENPOSE_18.flip]
    swapped = [
        name.replace("left", "LEFT").replace("right", "left").replace("LEFT", "right")
        for name in BODY_18
    ]
    assert names == swapped


def test_of_68_landmarks_others_are_a_part_or_means():
    points = torch.rand(2, 68, 2)
    assert from_ibug_68(points, IBUG_68) is points
    assert torch.equal(from_ibug_68(points, CIAGAN_29), points[:, list(CIAGAN_29_INDICES)])
    five = from_ibug_68(points, POINTS_5)
    torch.testing.assert_close(five[:, 0], points[:, 36:42].mean(1))
    assert torch.equal(five[:, 2:], points[:, [30, 48, 54]])
    with pytest.raises(ValueError, match="'ibug-68', 'ciagan-29', 'points-5'; got 'mesh-468'"):
        from_ibug_68(points, MESH_468)
