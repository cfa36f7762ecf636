import pytest
import torch

from graphgan.data import SyntheticFaces
from graphgan.landmarks import (
    CIAGAN_29,
    OPENPOSE_18,
    POINTS_5,
    JawAndBridge,
    face_mask,
    from_ibug_68,
    mirror_landmarks,
)
from graphgan.landmarks._masks import face_outline, has_face_mask

SIZE = (64, 64)
OTHERS = (CIAGAN_29, POINTS_5)
each_other = pytest.mark.parametrize("scheme", OTHERS, ids=lambda scheme: scheme.name)


@pytest.fixture(scope="module")
def faces():
    drawn = SyntheticFaces(6, 2, size=64, seed=1)
    return torch.stack([drawn[i].landmarks for i in range(12)]).double()


def test_the_bridge_of_the_nose_stands_for_the_brows():
    points = torch.tensor([[[0.0, 5], [4, 9], [8, 5], [4, 4], [4, 6.5]]])
    rule = JawAndBridge(jaw=(0, 1, 2), bridge=(3, 4))
    expected = [[0, 2], [0, 5], [4, 9], [8, 5], [8, 2]]
    assert rule(points, 0.0)[0].tolist() == expected


def test_five_points_of_a_face_from_the_front_by_hand():
    """Eyes 20 apart, the mouth 20 below them, the nose in the middle: L = a = 20."""
    points = torch.tensor([[[20.0, 20], [40, 20], [30, 30], [24, 40], [36, 40]]])
    outline = POINTS_5.outline(points, 0.0)[0]
    half = 1.05 * (0.34 + 0.82) * 20
    assert outline[10 - 1].tolist() == pytest.approx([30, 20 + 1.69 * 20])  # the chin
    assert outline[1].tolist() == pytest.approx([30 - 0.99 * half, 20 + 0.03 * 20])
    assert outline[0].tolist() == pytest.approx([30 - 0.99 * half, 20 - 0.38 * 20])
    assert outline[-1].tolist() == pytest.approx([30 + 0.99 * half, 20 - 0.38 * 20])


@each_other
@pytest.mark.parametrize(("forehead", "corners"), [(0.0, 19), (0.7, 28)])
def test_other_schemes_mask_what_the_68_do(faces, scheme, forehead, corners):
    points = from_ibug_68(faces, scheme)
    assert face_outline(points, forehead=forehead).shape == (12, corners, 2)
    mask, full = (face_mask(x, SIZE, forehead=forehead).bool() for x in (points, faces))
    both = (mask & full).sum((1, 2, 3))
    assert (both / full.sum((1, 2, 3))).median() > 0.95
    assert (both / mask.sum((1, 2, 3))).median() > 0.7


@each_other
def test_a_mirror_and_a_larger_image_change_nothing(faces, scheme):
    points = from_ibug_68(faces, scheme)
    outline = scheme.outline(points, 0.0)
    mirrored = scheme.outline(mirror_landmarks(points, 64, scheme), 0.0).flip(1)
    torch.testing.assert_close(mirrored[..., 0], 63 - outline[..., 0])
    torch.testing.assert_close(mirrored[..., 1], outline[..., 1])
    torch.testing.assert_close(scheme.outline(3 * points + 5, 0.0), 3 * outline + 5)


def test_a_part_that_is_missing_leaves_no_mask(faces):
    for scheme in OTHERS:
        points = from_ibug_68(faces, scheme)
        points[0, 2] = torch.nan
        points[1] = 30.0  # all on one point
        assert has_face_mask(points, SIZE).tolist() == 2 * [False] + 10 * [True]


def test_persons_have_no_face_mask():
    with pytest.raises(ValueError, match="a scheme with a face mask, got openpose-18"):
        face_mask(torch.rand(1, 18, 2), (8, 8), scheme=OPENPOSE_18)
