import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.landmarks import fit_shape_transfer, transfer_shape

K, PEOPLE, PICTURES = 10, 60, 8


def moved(points, turn, zoom, shift):
    """Turned by an angle, zoomed and shifted."""
    turn = torch.as_tensor(turn)
    c, s = turn.cos(), turn.sin()
    return zoom * points @ torch.stack([torch.stack([c, s]), torch.stack([-s, c])]) + shift


class Faces:
    """Shapes: a mean, what differs between people in two ways and within people in two others.

    The four are at right angles to each other and to shift, turn and zoom.
    """

    def __init__(self):
        draw = torch.Generator().manual_seed(0)
        self.mean = torch.rand(K, 2, generator=draw)
        self.mean -= self.mean.mean(0)
        self.mean /= self.mean.square().sum(1).mean().sqrt()
        ones, zeros = torch.ones(K), torch.zeros(K)
        turned = torch.stack([-self.mean[:, 1], self.mean[:, 0]], 1)
        taken = [torch.stack([ones, zeros], 1), torch.stack([zeros, ones], 1), self.mean, turned]
        columns = [x.flatten() for x in taken] + list(torch.randn(4, 2 * K, generator=draw))
        basis = torch.linalg.qr(torch.stack(columns, 1)).Q[:, 4:]
        self.identity, self.expression = basis[:, :2], basis[:, 2:]
        self.draw = draw

    def shape(self, identity, expression):
        parts = identity @ self.identity.mT + expression @ self.expression.mT
        return self.mean + parts.view(-1, K, 2)

    def album(self):
        """Images of people, each somewhere else."""
        who = torch.arange(PEOPLE).repeat_interleave(PICTURES)
        identity = 0.1 * torch.randn(PEOPLE, 2, generator=self.draw)[who]
        expression = 0.1 * torch.randn(len(who), 2, generator=self.draw)
        shapes = self.shape(identity, expression)
        turns, zooms = torch.rand(2, len(who), generator=self.draw)
        places = 50 * torch.rand(len(who), 1, 2, generator=self.draw)
        return torch.stack(
            [
                moved(s, t - 0.5, 20 + 20 * z, p)
                for s, t, z, p in zip(shapes, turns, zooms, places, strict=True)
            ]
        ), who


@pytest.fixture(scope="module")
def learned():
    faces = Faces()
    return faces, fit_shape_transfer(*faces.album())


def test_the_expression_comes_along_and_the_shape_of_the_face_does_not(learned):
    faces, transfer = learned
    mine, yours = torch.tensor([[0.1, -0.1]]), torch.tensor([[-0.1, 0.1]])
    calm, smiling = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.15, 0.1]])
    condition, source = faces.shape(mine, calm), faces.shape(yours, smiling)
    wanted = faces.shape(mine, smiling)
    result = transfer_shape(condition, source, transfer)
    apart = (wanted - source).norm()
    assert (result - wanted).norm() < 0.1 * apart
    assert (condition - wanted).norm() > 0.5 * apart


@given(turn=st.floats(-3.0, 3.0), zoom=st.floats(0.2, 5.0), shift=st.floats(-20.0, 20.0))
def test_it_lies_where_the_targets_are_wherever_the_condition_was(learned, turn, zoom, shift):
    faces, transfer = learned
    condition = faces.shape(torch.tensor([[0.1, 0.0]]), torch.tensor([[0.0, 0.1]]))
    source = faces.shape(torch.tensor([[0.0, 0.1]]), torch.tensor([[0.1, 0.0]]))
    expected = transfer_shape(condition, source, transfer)
    elsewhere = transfer_shape(moved(condition, turn, zoom, shift), source, transfer)
    torch.testing.assert_close(elsewhere, expected, atol=1e-3, rtol=0)
    carried = transfer_shape(condition, moved(source, turn, zoom, shift), transfer)
    torch.testing.assert_close(
        carried, moved(expected, turn, zoom, shift), atol=1e-3 * (1 + zoom), rtol=0
    )


def test_a_heavy_weight_keeps_the_shape(learned):
    faces, _ = learned
    landmarks, who = faces.album()
    light, heavy = (fit_shape_transfer(landmarks, who, weight=w) for w in (1.0, 1e4))
    source = faces.shape(torch.tensor([[0.2, 0.0]]), torch.zeros(1, 2))
    condition = faces.shape(torch.tensor([[-0.2, 0.0]]), torch.zeros(1, 2))
    kept = [(transfer_shape(condition, source, t) - condition).norm() for t in (light, heavy)]
    assert kept[1] < 0.1 * (source - condition).norm()
    assert kept[1] < kept[0]


def test_missing_landmarks_stay_missing_and_leave_the_others_near(learned):
    faces, transfer = learned
    condition = faces.shape(torch.tensor([[0.1, 0.0]]), torch.tensor([[0.0, 0.1]]))
    source = faces.shape(torch.tensor([[0.0, 0.1]]), torch.tensor([[0.1, 0.0]]))
    expected = transfer_shape(condition, source, transfer)
    gaps = source.clone()
    gaps[:, 3] = torch.nan
    result = transfer_shape(condition, gaps, transfer)
    assert result[:, 3].isnan().all()
    there = [i for i in range(K) if i != 3]
    torch.testing.assert_close(result[:, there], expected[:, there], atol=0.1, rtol=0)


@pytest.mark.parametrize(
    ("landmarks", "persons", "weight", "message"),
    [
        (torch.rand(4, 5, 2), torch.arange(4), 1.0, "several of one, got 4 of 4"),
        (torch.rand(4, 5, 2), torch.zeros(4, dtype=torch.long), 1.0, "at least two people.*of 1"),
        (torch.rand(4, 5, 2), torch.arange(4) // 2, -1.0, "weight of at least 0, got -1"),
        (torch.full((4, 5, 2), torch.nan), torch.arange(4) // 2, 1.0, "without missing ones"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(landmarks, persons, weight, message):
    with pytest.raises(ValueError, match=message):
        fit_shape_transfer(landmarks, persons, weight=weight)
