"""Measures of an expression follow what a face does, and no turn of the head."""

import pytest
import torch
from astronaut import portrait

from graphgan.faces import CenterFace, FaceMesh, Iris
from graphgan.metrics import Expression, measure_expression
from graphgan.metrics._head_pose import canonical_face

EYE = 8.89172  # of the canonical face, between the outer corners of its eyes


def drawn_eyes(openness=0.3, iris=(0.0, 0.0)):
    """Two eyes of 10 pixels width, of lids that are two flat tops: 5 high is 0.5."""
    half = 5 * openness
    below = torch.tensor([[x, half] for x in (-3.75, -2.5, -1.25, 0, 1.25, 2.5, 3.75)])
    above = below * torch.tensor([1.0, -1.0])
    right = torch.cat([torch.tensor([[-5.0, 0]]), below, torch.tensor([[5.0, 0]]), above])
    left = right * torch.tensor([-1.0, 1.0]) + torch.tensor([30.0, 0])
    irises = torch.tensor([[0.0, 0], [30, 0]]) + 10 * torch.tensor(iris)
    return irises[None], torch.stack([right, left])[None]


def measured(vertices, **eyes):
    return measure_expression(vertices[None], *drawn_eyes(**eyes))


def moved(vertices, where, by):
    vertices = vertices.clone()
    vertices[where] += EYE * torch.tensor(by)
    return vertices


FACE = canonical_face().vertices


@pytest.mark.parametrize(
    ("name", "where", "by", "change"),
    [
        ("mouth_opening", [14, 87, 317], (0.0, 0.2, 0.0), 0.2),
        ("mouth_width", [61], (-0.1, 0.0, 0.0), 0.1),
        ("smile", [61, 291], (0.0, -0.05, 0.0), 0.05),
        ("brow_height", [63, 105, 66, 293, 334, 296], (0.0, -0.04, 0.0), 0.04),
    ],
)
def test_each_measure_tells_the_movement_that_it_is_for(name, where, by, change):
    before, after = measured(FACE), measured(moved(FACE, where, by))
    differences = {n: (b - a).item() for n, a, b in zip(before._fields, before, after, strict=True)}
    assert differences.pop(name) == pytest.approx(change, abs=0.01)
    if name != "mouth_opening":  # an open mouth lowers its middle: `smile` follows by half
        assert max(map(abs, differences.values())) < 0.01


def test_a_turned_head_has_the_same_expression():
    angle = torch.tensor(35.0).deg2rad()
    turn = torch.tensor([[angle.cos(), 0, -angle.sin()], [0, 1, 0], [angle.sin(), 0, angle.cos()]])
    smiling = moved(FACE, [61, 291], (0.0, -0.05, 0.0))
    front, turned = measured(smiling), measured(smiling @ turn.T)
    for name in ("mouth_opening", "mouth_width", "smile", "brow_height"):
        torch.testing.assert_close(getattr(turned, name), getattr(front, name), atol=0.005, rtol=0)
    assert turned.yaw.item() == pytest.approx(35, abs=0.5)


@pytest.mark.parametrize("openness", [0.0, 0.1, 0.4])
def test_lids_give_their_height_over_their_width(openness):
    found = measured(FACE, openness=openness)
    for eye in (found.right_eye, found.left_eye):
        assert eye.item() == pytest.approx(openness, abs=1e-5)


@pytest.mark.parametrize("iris", [(0.2, 0.0), (-0.1, 0.0), (0.0, 0.1), (0.1, -0.05)])
def test_gaze_is_in_widths_of_an_eye_and_both_eyes_agree(iris):
    found = measured(FACE, iris=iris)
    torch.testing.assert_close(found.gaze_across, torch.tensor([iris[0]]))
    torch.testing.assert_close(found.gaze_down, torch.tensor([iris[1]]))


def test_a_photo_has_plausible_values():
    """The astronaut smiles with open eyes and shows her teeth."""
    mesh = FaceMesh().mesh(portrait(), CenterFace()(portrait())).vertices
    found = measure_expression(mesh, *Iris()(portrait(), mesh))
    assert 0.2 < found.right_eye < 0.5 and 0.2 < found.left_eye < 0.5
    assert 0.02 < found.mouth_opening < 0.2 and 0.6 < found.mouth_width < 0.9
    assert found.smile > 0.02 and found.gaze_across.abs() < 0.2


def of(values):
    return Expression(*[torch.tensor(values)] * len(Expression._fields))


@pytest.mark.unhooked
def test_unlike_counts_are_refused():
    irises, contours = drawn_eyes()
    with pytest.raises(ValueError, match="as meshes, got 2, 1 and 1"):
        measure_expression(FACE.repeat(2, 1, 1), irises, contours)
