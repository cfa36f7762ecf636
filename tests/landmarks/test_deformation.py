import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import graphgan.landmarks._deformation as deformation
from graphgan.data import SyntheticFaces
from graphgan.landmarks import (
    CIAGAN_29,
    LandmarkScheme,
    bend_both_sides,
    bend_to_landmarks,
    between_shapes,
    mirror_landmarks,
)

SIZE = (24, 32)


def smooth_pictures(seed: int, batch: int = 1):
    coarse = torch.rand(batch, 3, 6, 8, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, SIZE, mode="bicubic", align_corners=False)


def points(seed: int, count: int = 12, batch: int = 1):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, count, 2, generator=generator) * torch.tensor([31.0, 23.0])


@given(seed=st.integers(0, 10**6))
def test_landmarks_that_stay_leave_the_picture_as_it_is(seed):
    pictures, landmarks = smooth_pictures(seed), points(seed)
    bent = bend_to_landmarks(pictures, landmarks, landmarks)
    torch.testing.assert_close(bent, pictures, atol=2e-3, rtol=0)


@given(
    seed=st.integers(0, 10**6),
    turn=st.floats(-0.6, 0.6),
    zoom=st.floats(0.7, 1.4),
    shift=st.floats(-4, 4),
)
def test_an_affine_map_of_all_landmarks_is_that_map_of_the_picture(seed, turn, zoom, shift):
    pictures, targets = smooth_pictures(seed), points(seed)
    cos, sin = torch.cos(torch.tensor(turn)), torch.sin(torch.tensor(turn))
    matrix = zoom * torch.stack([torch.stack([cos, -sin]), torch.stack([sin, 1.1 * cos])])
    bent = bend_to_landmarks(pictures, targets @ matrix.T + shift, targets)
    rows, columns = torch.meshgrid(*(torch.arange(n).float() for n in SIZE), indexing="ij")
    where = torch.stack([columns, rows], -1) @ matrix.T + shift
    grid = (where + 0.5) / torch.tensor([16.0, 12.0]) - 1
    expected = F.grid_sample(pictures, grid[None], padding_mode="border", align_corners=False)
    torch.testing.assert_close(bent, expected, atol=2e-2, rtol=0)


def test_it_is_the_weighted_least_squares_of_every_pixel():
    pictures, landmarks, targets = smooth_pictures(1), points(2, 9), points(3, 9)
    half = torch.tensor([16.0, 12.0], dtype=torch.float64)
    p, q = ((x[0].double() + 0.5) / half - 1 for x in (targets, landmarks))
    grid = torch.empty(*SIZE, 2, dtype=torch.float64)
    for row in range(SIZE[0]):
        for column in range(SIZE[1]):
            v = torch.tensor([column + 0.5, row + 0.5], dtype=torch.float64) / half - 1
            root = (1 / ((p - v).square().sum(1) + 1e-3)).sqrt()[:, None]
            known = torch.cat([p, torch.ones(9, 1, dtype=torch.float64)], 1)
            solution = torch.linalg.lstsq(root * known, root * q).solution
            grid[row, column] = torch.cat([v, torch.ones(1, dtype=torch.float64)]) @ solution
    expected = F.grid_sample(
        pictures.double(), grid[None], padding_mode="border", align_corners=False
    )
    bent = bend_to_landmarks(pictures, landmarks, targets)
    assert (bent - expected).abs().mean() < 2e-3  # the ridge
    assert (bent - pictures).abs().mean() > 0.05


def test_what_is_at_a_landmark_comes_to_its_target():
    landmarks, targets = points(5, 10), points(6, 10)
    for i in range(10):
        rows, columns = torch.meshgrid(*(torch.arange(n).float() for n in SIZE), indexing="ij")
        x, y = landmarks[0, i]
        spot = torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)[None, None]
        bent = bend_to_landmarks(spot, landmarks, targets)
        column, row = targets[0, i].round().long().tolist()
        assert bent[0, 0, row, column] > 0.5


@pytest.mark.parametrize(
    "targets",
    [
        torch.tensor([[[3.0, 3], [8, 3], [20, 3]]]),  # a line
        torch.tensor([[[8.0, 8], [8, 8], [8, 8]]]),  # a point
        torch.tensor([[[-500.0, 3], [8, 900], [1e4, 3]]]),  # far out
    ],
)
def test_landmarks_that_are_no_face_give_a_picture_all_the_same(targets):
    bent = bend_to_landmarks(smooth_pictures(17), points(18, 3), targets)
    assert bent.isfinite().all()
    low, high = smooth_pictures(17).aminmax()
    assert bent.min() >= low - 1e-5 and bent.max() <= high + 1e-5


def test_gradients_reach_pictures_and_landmarks():
    pictures, landmarks, targets = smooth_pictures(19), points(20), points(21)
    for x in (pictures, landmarks, targets):
        x.requires_grad_()
    bend_to_landmarks(pictures, landmarks, targets).square().sum().backward()
    for x in (pictures, landmarks, targets):
        assert x.grad.isfinite().all() and x.grad.abs().max() > 0


# Large images


def face_shapes(size: int, count: int = 2) -> torch.Tensor:
    """Landmarks of faces, spread over an image of that size."""
    drawn = SyntheticFaces(count, 1, size=size)
    return torch.stack([drawn[i].landmarks for i in range(count)])


@pytest.mark.parametrize("size", [(96, 160), (128, 64)])
def test_between_the_nodes_of_the_lattice_it_is_the_formula_within_two_thirds_of_a_pixel(
    size, monkeypatch
):
    """Large images are bent at 64 nodes a side; here they are compared with all pixels."""
    landmarks, targets = face_shapes(min(size)).split(1)
    ramps = torch.meshgrid(*(torch.arange(float(n)) for n in size), indexing="ij")
    where = torch.stack(ramps)[None]  # where each pixel of the result is looked up
    coarse = bend_to_landmarks(where, landmarks, targets)
    monkeypatch.setattr(deformation, "_MOST_NODES", 1000)
    exact = bend_to_landmarks(where, landmarks, targets)
    apart = (coarse - exact).abs()
    assert apart.max() < 2 / 3
    assert apart.mean() < 0.01
    assert (exact - where).abs().max() > 2


# Between two shapes


def moved(shape, turn: float, zoom: float, shift: float):
    cos, sin = math.cos(turn), math.sin(turn)
    return zoom * shape @ torch.tensor([[cos, sin], [-sin, cos]]) + shift


@given(
    seed=st.integers(0, 10**6),
    turn=st.floats(-3, 3),
    zoom=st.floats(0.5, 2),
    shift=st.floats(-20, 20),
    share=st.floats(0, 1),
)
def test_the_same_shape_elsewhere_is_laid_upon_the_targets(seed, turn, zoom, shift, share):
    targets = points(seed)
    laid = between_shapes(moved(targets, turn, zoom, shift), targets, share=share)
    torch.testing.assert_close(laid, targets, atol=1e-3, rtol=1e-4)


# Both sides

PAIRED = LandmarkScheme("paired", flip=(*range(20, 40), *range(20)), edges=())


def turned_head():
    """A symmetric image, its landmarks, and both with the left half pressed to a tenth."""
    draw = torch.Generator().manual_seed(0)
    half = F.interpolate(torch.rand(1, 3, 6, 4, generator=draw), (32, 16), mode="bilinear")
    straight = torch.cat([half, half.flip(-1)], -1)
    right = torch.rand(1, 20, 2, generator=draw) * torch.tensor([14.0, 31.0]) + torch.tensor(
        [16, 0]
    )
    left = torch.stack([31 - right[..., 0], right[..., 1]], -1)
    landmarks = torch.cat([left, right], 1)
    columns = torch.arange(32.0)
    where = torch.where(columns < 15.5, 15.5 - 10 * (15.5 - columns), columns)
    rows = torch.arange(32.0)[:, None].expand(32, 32)
    grid = (torch.stack([where.expand(32, 32), rows], -1) + 0.5) / 16 - 1
    pressed = F.grid_sample(straight, grid[None], align_corners=False)
    pressed = torch.where((where < 0)[None, None, None], 1 - straight, pressed)
    x = landmarks[..., 0]
    turned = torch.where(x < 15.5, 15.5 - (15.5 - x) / 10, x)
    return straight, landmarks, pressed, torch.stack([turned, landmarks[..., 1]], -1)


def test_what_a_turned_head_hides_is_completed_by_its_mirror_image():
    straight, landmarks, picture, turned = turned_head()
    alone = bend_to_landmarks(picture, turned, landmarks)
    both = bend_both_sides(picture, turned, landmarks, PAIRED)
    left, right = slice(1, 14), slice(18, 31)
    wrong, less_wrong = ((x - straight)[..., left].abs().mean() for x in (alone, both))
    assert less_wrong < wrong / 2
    torch.testing.assert_close(both[..., right], alone[..., right], atol=0.03, rtol=0)


@given(seed=st.integers(0, 10**6))
def test_a_mirrored_question_has_the_mirrored_answer(seed):
    pictures, landmarks, targets = smooth_pictures(seed), points(seed, 29), points(seed + 1, 29)
    mirror = partial(mirror_landmarks, width=SIZE[1], scheme=CIAGAN_29)
    asked = bend_both_sides(pictures.double(), landmarks.double(), targets.double(), CIAGAN_29)
    mirrored = bend_both_sides(
        pictures.double().flip(-1), mirror(landmarks.double()), mirror(targets.double()), CIAGAN_29
    )
    torch.testing.assert_close(mirrored.flip(-1), asked, atol=1e-6, rtol=0)


def test_gradients_are_finite_where_a_picture_is_folded():
    pictures, landmarks = smooth_pictures(3), points(4, 29).requires_grad_()
    bend_both_sides(pictures, landmarks, points(5, 29), CIAGAN_29).sum().backward()
    assert landmarks.grad.isfinite().all()
