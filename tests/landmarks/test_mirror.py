import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.data import SyntheticFaces
from graphgan.landmarks import IBUG_68, OPENPOSE_18, mirror_landmarks, mirror_toward


def test_the_right_wrist_becomes_the_left_one():
    joints = torch.full((18, 2), torch.nan)
    joints[4] = torch.tensor([3.0, 7.0])
    mirrored = mirror_landmarks(joints, 64, OPENPOSE_18)
    assert mirrored[7].tolist() == [60.0, 7.0]
    assert mirrored.isfinite().all(-1).sum() == 1


def turned(seed: int, count: int = 3):
    """Faces' landmarks turned to chance sides: one half of each is pressed together."""
    draw = torch.Generator().manual_seed(seed)
    points = SyntheticFaces(count, 1, size=64)
    shapes = torch.stack([points[i].landmarks for i in range(count)])
    center = shapes.mean(1, keepdim=True)
    x = shapes[..., :1] - center[..., :1]
    left = torch.rand(count, 1, 1, generator=draw) < 0.5
    pressed = torch.where((x < 0) == left, 0.4 * x, x)
    return torch.cat([center[..., :1] + pressed, shapes[..., 1:]], -1)


@given(seed=st.integers(0, 10**6))
def test_which_of_the_two_is_taken_does_not_depend_on_which_was_given(seed):
    landmarks, targets = turned(seed), turned(seed + 1)
    images = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    other = mirror_landmarks(landmarks, 64, IBUG_68)
    first = mirror_toward(images, landmarks, targets, IBUG_68)
    second = mirror_toward(images.flip(-1), other, targets, IBUG_68)
    torch.testing.assert_close(first, second)


def test_a_face_turned_to_the_other_side_is_mirrored_and_one_turned_alike_is_not():
    landmarks = turned(0)
    images = torch.rand(3, 3, 64, 64)
    other = mirror_landmarks(landmarks, 64, IBUG_68)
    torch.testing.assert_close(
        mirror_toward(images, landmarks, 2 * landmarks + 5, IBUG_68), (images, landmarks)
    )
    torch.testing.assert_close(
        mirror_toward(images, landmarks, 2 * other + 5, IBUG_68), (images.flip(-1), other)
    )


def test_missing_landmarks_do_not_decide():
    landmarks, images = turned(1), torch.rand(3, 3, 64, 64)
    wanted = mirror_landmarks(landmarks, 64, IBUG_68)
    holes = landmarks.clone()
    holes[:, [5, 40]] = torch.nan
    flipped, points = mirror_toward(images, holes, wanted, IBUG_68)
    assert torch.equal(flipped, images.flip(-1))
    assert points.isnan().any(-1).sum(1).tolist() == [2, 2, 2]
    nothing = torch.full_like(landmarks, torch.nan)
    assert torch.equal(mirror_toward(images, nothing, wanted, IBUG_68)[0], images)


@given(seed=st.integers(0, 10**6))
def test_a_face_from_the_front_is_never_mirrored(seed):
    """However the target is turned: frame after frame of a video it would be this way or that."""
    front = SyntheticFaces(1, 1, size=64)[0].landmarks[None]
    front = (front + mirror_landmarks(front, 64, IBUG_68)) / 2
    noise = torch.randn(3, 68, 2, generator=torch.Generator().manual_seed(seed))
    landmarks, images = front + 0.5 * noise, torch.rand(3, 3, 64, 64)
    assert torch.equal(mirror_toward(images, landmarks, turned(seed), IBUG_68)[0], images)
