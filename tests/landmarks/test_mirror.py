import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.data.synthetic_faces import SyntheticFaces
from graphgan.landmarks.masks import face_mask
from graphgan.landmarks.mirror import mirror_landmarks
from graphgan.landmarks.schemes import IBUG_68, OPENPOSE_18, SCHEMES


@given(st.sampled_from(sorted(SCHEMES)), st.integers(8, 300), st.integers(0, 99))
def test_a_mirror_in_a_mirror_shows_the_thing_itself(name, width, seed):
    scheme = SCHEMES[name]
    generator = torch.Generator().manual_seed(seed)
    points = width * torch.rand(2, scheme.num_landmarks, 2, generator=generator)
    points[:, ::3] = torch.nan
    again = mirror_landmarks(mirror_landmarks(points, width, scheme), width, scheme)
    torch.testing.assert_close(again, points, equal_nan=True, atol=1e-3, rtol=0)


def test_the_right_wrist_becomes_the_left_one():
    joints = torch.full((18, 2), torch.nan)
    joints[4] = torch.tensor([3.0, 7.0])
    mirrored = mirror_landmarks(joints, 64, OPENPOSE_18)
    assert mirrored[7].tolist() == [60.0, 7.0]
    assert mirrored.isfinite().all(-1).sum() == 1


def test_a_mask_is_mirrored_with_its_landmarks():
    landmarks = SyntheticFaces(1, 1, size=64)[0].landmarks[None]
    mirrored = face_mask(mirror_landmarks(landmarks, 64, IBUG_68), (64, 64))
    differing = (mirrored != face_mask(landmarks, (64, 64)).flip(-1)).sum()
    assert differing <= 2  # the outline may pass through a pixel's centre


def test_landmarks_of_another_scheme_are_refused():
    with pytest.raises(ValueError, match="expected 68 landmarks \\(ibug-68\\), got 18"):
        mirror_landmarks(torch.zeros(18, 2), 64, IBUG_68)
