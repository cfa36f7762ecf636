"""Angles of a head: those by which a known shape was turned, whatever its place and size."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.metrics import head_pose
from graphgan.metrics._head_pose import canonical_face, fit_rotation, head_rotation

yaws, pitches, rolls = (st.floats(-most, most) for most in (85, 60, 170))


def rotation(yaw, pitch, roll):
    """Of axes x to the right, y down, z away: first to the side, then up, then in the plane."""
    y, p, r = torch.tensor([yaw, pitch, roll]).double().deg2rad()
    side = torch.tensor([[y.cos(), 0, -y.sin()], [0, 1, 0], [y.sin(), 0, y.cos()]])
    up = torch.tensor([[1, 0, 0], [0, p.cos(), p.sin()], [0, -p.sin(), p.cos()]])
    plane = torch.tensor([[r.cos(), -r.sin(), 0], [r.sin(), r.cos(), 0], [0, 0, 1]])
    return (plane.double() @ up.double() @ side.double()).float()


@given(yaw=yaws, pitch=pitches, roll=rolls, scale=st.floats(0.1, 50), seed=st.integers(0, 99))
def test_angles_are_those_by_which_the_face_was_turned(yaw, pitch, roll, scale, seed):
    place = 500 * torch.rand(3, generator=torch.Generator().manual_seed(seed))
    turned = scale * canonical_face().vertices @ rotation(yaw, pitch, roll).T + place
    for found, expected in zip(head_pose(turned[None]), (yaw, pitch, roll), strict=True):
        assert found.item() == pytest.approx(expected, abs=0.05)


@given(seed=st.integers(0, 999))
def test_no_rotation_nearby_fits_noisy_points_better(seed):
    generator = torch.Generator().manual_seed(seed)
    shape, weights = torch.randn(9, 3, generator=generator), torch.rand(9, generator=generator)
    points = shape[:, :2] + 0.3 * torch.randn(9, 2, generator=generator)
    weights = weights + 0.1

    def rest(turn):
        x, model = (p - (weights[:, None] * p).sum(0) / weights.sum() for p in (points, shape))
        flat = (model.double() @ turn.double().T)[:, :2]
        scale = (weights[:, None] * flat * x).sum() / (weights[:, None] * flat.square()).sum()
        return float((weights[:, None] * (x - scale * flat).square()).sum())

    (found,) = fit_rotation(points[None], shape, weights)
    torch.testing.assert_close(found @ found.T, torch.eye(3), atol=1e-4, rtol=0)
    for turn in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)):
        assert rest(found) <= rest(rotation(*turn) @ found) + 1e-6


def test_perspective_at_the_distance_of_a_portrait_costs_few_degrees():
    face = canonical_face()
    turned = face.vertices @ rotation(25, -10, 5).T + torch.tensor([0.0, 0, 100])  # centimeters
    seen = turned[:, :2] / turned[:, 2:] * 1000
    for found, expected in zip(head_pose(seen[None]), (25, -10, 5), strict=True):
        assert abs(found.item() - expected) < 2.5


def test_a_face_that_is_missing_is_nan_and_leaves_the_others_alone():
    faces = canonical_face().vertices.repeat(3, 1, 1)
    faces[1, 4] = torch.nan
    assert head_pose(faces).yaw.isnan().tolist() == [False, True, False]
    assert head_pose(faces[1:2]).roll.isnan().all() and head_rotation(faces[:0]).shape == (0, 3, 3)


def test_the_canonical_face_is_mirror_symmetric_and_looks_into_the_camera():
    face = canonical_face()
    assert face.vertices.shape == (468, 3) and (face.weights > 0).sum() == 33
    x, y, z = face.vertices.unbind(1)
    torch.testing.assert_close(x[33], -x[263], atol=1e-4, rtol=0)
    assert y[10] < y[152] and z[1] < z[127]  # forehead above chin, nose before temple
