import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.data import render_face
from graphgan.data._synthetic.face_parameters import View, sample_identity
from graphgan.metrics import mouth_opening, yaw
from graphgan.metrics._pose import eye_distance


def face(**points: tuple[float, float]) -> torch.Tensor:
    """Landmarks that are all at the origin but the given ones, as ``p30=(x, y)``."""
    landmarks = torch.zeros(1, 68, 2, dtype=torch.float64)
    for name, point in points.items():
        landmarks[0, int(name[1:])] = torch.tensor(point)
    return landmarks


@pytest.mark.parametrize(
    ("nose", "expected"), [((5, 3), 0.0), ((0, 9), -1.0), ((10, -4), 1.0), ((7.5, 0), 0.5)]
)
def test_the_nose_stands_between_the_ends_of_the_jaw(nose, expected):
    assert yaw(face(p16=(10, 0), p30=nose)).item() == pytest.approx(expected)


def test_the_mouth_opens_by_the_gap_of_the_lips():
    points = {"p36": (0, 0), "p45": (20, 0)}
    points |= {"p61": (1, 1), "p62": (2, 1), "p63": (3, 1)}
    closed = face(**points, p67=(1, 1), p66=(2, 1), p65=(3, 1))
    assert mouth_opening(closed).item() == 0
    opened = face(**points, p67=(1, 3), p66=(2, 6), p65=(3, 3))
    assert mouth_opening(opened).item() == pytest.approx((2 + 5 + 2) / 3 / 20)


@given(
    angle=st.floats(0, 2 * math.pi),
    scale=st.floats(0.2, 5),
    shift=st.tuples(st.floats(-99, 99), st.floats(-99, 99)),
    seed=st.integers(0, 99),
)
def test_roll_scale_and_place_do_not_matter(angle, scale, shift, seed):
    torch.manual_seed(seed)
    landmarks = 50 * torch.rand(2, 68, 2, dtype=torch.float64)
    turn = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]],
        dtype=torch.float64,
    )
    moved = scale * landmarks @ turn.T + torch.tensor(shift)
    torch.testing.assert_close(yaw(moved), yaw(landmarks))
    torch.testing.assert_close(mouth_opening(moved), mouth_opening(landmarks))
    torch.testing.assert_close(eye_distance(moved), scale * eye_distance(landmarks))


def drawn(**view) -> torch.Tensor:
    identity = sample_identity(np.random.default_rng(3))
    return render_face(identity, View(light=(0.0, -0.3, 1.0), **view), 128).landmarks[None]


def test_yaw_grows_with_the_turn_of_the_head():
    yaws = [yaw(drawn(yaw=angle)).item() for angle in (-0.4, -0.2, 0.0, 0.2, 0.4)]
    assert yaws == sorted(yaws) or yaws == sorted(yaws, reverse=True)
    assert yaws[2] == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("measure", [yaw, mouth_opening, eye_distance])
def test_a_missing_landmark_gives_no_number_for_its_own_face_only(measure):
    landmarks = torch.rand(2, 68, 2)
    landmarks[0] = math.nan
    assert measure(landmarks).isnan().tolist() == [True, False]


@pytest.mark.unhooked
@pytest.mark.parametrize("measure", [yaw, mouth_opening, eye_distance])
@pytest.mark.parametrize(
    ("shape", "message"),
    [((2, 29, 2), "expected 68 landmarks, got 29"), ((68, 2), r"\(b, k, 2\), got \(68, 2\)")],
)
def test_refuses_other_landmarks(measure, shape, message):
    with pytest.raises(ValueError, match=message):
        measure(torch.ones(shape))
