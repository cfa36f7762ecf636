import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.data import PictureDataset, SyntheticFaces, render_face
from graphgan.data._synthetic.canvas import coverage
from graphgan.data._synthetic.face_parameters import View, sample_identity, sample_view

seeds = st.integers(0, 9999)
FRONT = View(light=(0.0, -0.3, 1.0))


def person(seed, **changes):
    return replace(sample_identity(np.random.default_rng(seed)), **changes)


def shaven(seed, **changes):
    return person(seed, beard=0.0, moustache=0.0, glasses=0.0, hairline=-0.95, **changes)


def view(seed, **changes):
    return replace(sample_view(np.random.default_rng(seed)), **changes)


def same(face, other):
    return torch.equal(face.image, other.image) and torch.equal(face.landmarks, other.landmarks)


def share_inside(polygon, size):
    """The share of every pixel inside a polygon of landmarks, straight from point to point."""
    return coverage(polygon.double().numpy(), size, size)


def changed_pixels(identity, other, seen, size):
    """Where the images of two people in one view differ."""
    first, second = (render_face(who, seen, size).image.int() for who in (identity, other))
    return ((first - second).abs().sum(0) > 12).numpy()


# The same numbers always draw the same face


def test_a_face_does_not_depend_on_the_size_of_its_set():
    small = SyntheticFaces(2, 3, size=32)
    assert same(small[4], SyntheticFaces(5, 3, size=32)[4])
    assert same(small[1], SyntheticFaces(1, 9, size=32)[1])
    assert same(small[4], SyntheticFaces(1, 3, size=32, first_person=1)[1])


def test_seeds_and_person_numbers_give_other_people():
    people = [
        SyntheticFaces(4, 1, seed=seed, first_person=first).identity(index)
        for seed, first in ((0, 0), (0, 4), (1, 0))
        for index in range(4)
    ]
    assert len(set(people)) == 12


# The contract of a set of faces


def test_is_a_set_of_faces():
    faces = SyntheticFaces(2, 3, size=40, first_person=5)
    assert isinstance(faces, PictureDataset)
    assert (len(faces), faces.size, faces.num_landmarks) == (6, (40, 40), 68)
    assert list(faces.persons) == [0, 0, 0, 1, 1, 1]
    assert faces.names[4] == "person000006_face0001"
    assert len(set(faces.names)) == 6
    face = faces[4]
    assert face.image.shape == (3, 40, 40) and face.image.dtype == torch.uint8
    assert face.landmarks.shape == (68, 2) and face.landmarks.dtype == torch.float32


def test_says_which_face_is_not_there():
    faces = SyntheticFaces(2, 2, size=16)
    for index in (4, -1):
        with pytest.raises(IndexError, match=f"from 0 to 3, got {index}"):
            faces[index]
    assert len(list(faces)) == 4  # the IndexError ends a loop


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_people": 0}, "num_people of at least 1, got 0"),
        ({"faces_per_person": -2}, "faces_per_person of at least 1, got -2"),
        ({"size": 15}, "size of at least 16, got 15"),
        ({"seed": -1}, "seed of at least 0, got -1"),
        ({"first_person": -1}, "first_person of at least 0, got -1"),
    ],
)
def test_refuses_impossible_sets(arguments, message):
    with pytest.raises(ValueError, match=message):
        SyntheticFaces(**({"num_people": 2, "faces_per_person": 2} | arguments))


# Views move landmarks, people keep theirs


@given(who=seeds, seen=seeds, size=st.integers(16, 96))
def test_all_landmarks_are_finite_and_inside(who, seen, size):
    landmarks = render_face(person(who), view(seen), size).landmarks
    assert torch.isfinite(landmarks).all()
    assert (landmarks >= 0).all() and (landmarks <= size - 1).all()


@given(who=seeds, seen=seeds)
def test_landmarks_do_not_depend_on_the_resolution(who, seen):
    small, large = (render_face(person(who), view(seen), size).landmarks for size in (32, 96))
    torch.testing.assert_close(3 * (small + 0.5), large + 0.5, atol=1e-3, rtol=0)


@given(who=seeds, roll=st.floats(-15, 15))
def test_roll_turns_the_line_between_the_eyes(who, roll):
    eyes = render_face(person(who), View(roll=roll), 64).landmarks[[36, 45]].double()
    across, down = (eyes[1] - eyes[0]).tolist()
    assert np.degrees(np.arctan2(down, across)) == pytest.approx(roll, abs=0.01)


@given(who=seeds)
def test_pose_and_expression_move_the_landmarks_they_should(who):
    def ratio(seen, first, second, axis):
        landmarks = render_face(person(who), seen, 16).landmarks
        span = landmarks[16, 0] - landmarks[0, 0]
        return ((landmarks[second] - landmarks[first])[axis] / span).item()

    def grows(first, second, axis, *views):
        values = [ratio(seen, first, second, axis) for seen in views]
        return values == sorted(values) and values[0] < values[-1]

    assert grows(27, 30, 0, View(yaw=-30.0), View(), View(yaw=30.0))
    assert grows(36, 30, 1, View(pitch=-20.0), View(), View(pitch=20.0))
    assert grows(62, 66, 1, View(), View(mouth_opening=0.5), View(mouth_opening=1.0))
    assert grows(33, 8, 1, View(), View(mouth_opening=1.0))
    assert grows(48, 54, 0, View(smile=-1.0), View(), View(smile=1.0))
    assert grows(37, 41, 1, View(eye_opening=0.0), View(eye_opening=0.5), View())
    assert grows(19, 37, 1, View(brow_raise=-1.0), View(), View(brow_raise=1.0))


def test_the_true_answer_is_the_condition_in_the_view_of_the_source():
    faces = SyntheticFaces(3, 2, size=96, seed=3)
    answer = faces.true_answer(0, 4)
    assert same(answer, render_face(faces.identity(0), faces.view(4), 96))
    assert not same(answer, faces[4])

    def gap(face, other):
        return (face.landmarks - other.landmarks).norm(dim=1).mean()

    assert gap(answer, faces[4]) < gap(faces[0], faces[4])


def test_light_background_and_clothes_come_from_the_view():
    seen = View(background="noise", background_seed=4)
    pictures = [render_face(person(who, hair_volume=0.0), seen, 64).image for who in range(4)]
    for picture in pictures[1:]:
        assert torch.equal(picture[:, :8, :8], pictures[0][:, :8, :8])
    red = (
        render_face(person(5), View(clothes=(0.9, 0.1, 0.1)), 64).image[:, -2:].float().mean((1, 2))
    )
    assert red[0] > 3 * red[1]
    left, right = (
        render_face(person(5), View(light=(side, 0.0, 0.4)), 64).image.float()
        for side in (-1.0, 1.0)
    )
    assert left[:, 30:40, 16:26].mean() > right[:, 30:40, 16:26].mean() + 10


@pytest.mark.slow
def test_people_differ_more_than_the_pictures_of_one():
    count, each = 24, 3
    faces = SyntheticFaces(count, each, size=64, seed=11)
    statistics = []
    for index in range(len(faces)):
        image, landmarks = faces[index]
        inside = torch.from_numpy(share_inside(landmarks[:17], 64)) > 0.99
        top = landmarks[17:27, 1].min()
        above = torch.arange(64)[:, None] < top - 0.3 * (landmarks[8, 1] - top)
        within = (torch.arange(64) > landmarks[17, 0]) & (torch.arange(64) < landmarks[26, 0])
        colors = image.float()
        parts = (colors[:, inside], colors[:, above & within])
        statistics.append(torch.cat([part.mean(1) for part in parts]))
    distance = torch.cdist(torch.stack(statistics), torch.stack(statistics))
    who = torch.tensor(faces.persons)
    alike = who[:, None] == who
    own = distance[alike & ~torch.eye(len(who), dtype=torch.bool)].mean()
    assert distance[~alike].mean() > 1.6 * own
    nearest = distance.fill_diagonal_(torch.inf).argmin(1)
    assert (who[nearest] == who).float().mean() > 5 * (each - 1) / (count * each - 1)


# Landmarks lie on what is painted


@pytest.mark.parametrize("yaw", [-35, -15, 0, 15, 35])
def test_lips_are_painted_inside_their_landmarks(yaw):
    size = 128
    for who in range(4):
        seen = replace(FRONT, yaw=float(yaw), mouth_opening=0.8)
        red, green = (shaven(who, lips=color) for color in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
        painted = changed_pixels(red, green, seen, size)
        landmarks = render_face(red, seen, size).landmarks
        lips = share_inside(landmarks[48:60], size) - share_inside(landmarks[60:68], size)
        assert painted[lips > 0.99].mean() > 0.97
        around = share_inside(
            landmarks[48:60].mean(0) + 1.25 * (landmarks[48:60] - landmarks[48:60].mean(0)), size
        )
        assert not painted[around == 0].any()
        for x, y in landmarks[[48, 51, 54, 57]].round().int().tolist():
            assert painted[y - 1 : y + 2, x - 1 : x + 2].any()


def beside_the_jaw(landmarks, steps):
    """Whole pixels that lie the given steps out of the jaw line (in, if negative), as (x, y)."""
    tangent = landmarks[2:17] - landmarks[:15]
    outwards = torch.stack((-tangent[:, 1], tangent[:, 0]), 1)
    outwards = outwards / outwards.norm(dim=1, keepdim=True)
    places = landmarks[1:16, None] + torch.as_tensor(steps)[:, None] * outwards[:, None]
    return places.round().long().unbind(-1)


@given(who=seeds, yaw=st.floats(-30, 30), pitch=st.floats(-20, 20), roll=st.floats(-15, 15))
def test_the_skin_of_the_face_ends_at_the_jaw_line(who, yaw, pitch, roll):
    seen = replace(FRONT, yaw=yaw, pitch=pitch, roll=roll)
    # A beard that begins at a mouth high in the face grows up to the edge of the face everywhere.
    changes = {"beard": 1.0, "mouth_height": 0.3, "hair_volume": 0.0, "glasses": 0.0}
    red, blue = (
        person(who, brows=color, **changes) for color in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    )
    painted = torch.from_numpy(changed_pixels(red, blue, seen, 192))
    x, y = beside_the_jaw(render_face(red, seen, 192).landmarks, [-2.0, 2.0])
    inside, outside = painted[y, x].unbind(1)
    assert inside[2:-2].all() and not outside.any()


def test_an_open_mouth_is_dark_between_the_inner_lips():
    identity = shaven(2)
    image, landmarks = render_face(identity, replace(FRONT, mouth_opening=1.0), 128)
    opening = torch.from_numpy(share_inside(landmarks[60:68], 128)) > 0.99
    lower = landmarks[66] * 0.75 + landmarks[62] * 0.25
    x, y = lower.round().int().tolist()
    assert opening.sum() > 20
    assert image[:, y, x].max() < 80  # the dark of the mouth


# What others make of the faces


@pytest.mark.heavy  # counts seconds
def test_draws_two_thousand_faces_a_minute():
    faces = SyntheticFaces(100, 1)
    faces[0]
    start = time.process_time()
    for index in range(100):
        faces[index]
    assert (time.process_time() - start) / 100 < 60 / 2000
