import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.data import SyntheticPersons
from graphgan.data._synthetic.person_geometry import pose_figure
from graphgan.data._synthetic.person_parameters import Figure, Scene, sample_figure, sample_scene
from graphgan.data._synthetic.persons import render_person
from graphgan.landmarks import OPENPOSE_18

SIZE = (128, 64)
NOSE, NECK, EYES, EARS = 0, 1, [14, 15], [16, 17]
seeds = st.integers(0, 9999)


def figure(seed, **changes):
    return replace(sample_figure(np.random.default_rng(seed)), **changes)


def scene(seed, **changes):
    return replace(sample_scene(np.random.default_rng(seed)), **changes)


def same(one, other):
    return torch.equal(one.image, other.image) and torch.equal(
        one.landmarks.nan_to_num(-1), other.landmarks.nan_to_num(-1)
    )


def missing(person):
    return person.landmarks.isnan().any(1).nonzero().flatten().tolist()


# The same numbers always draw the same person


def test_a_picture_does_not_depend_on_the_size_of_its_set():
    small = SyntheticPersons(2, 3)
    assert same(small[4], SyntheticPersons(5, 3)[4])
    assert same(small[1], SyntheticPersons(1, 9)[1])
    assert same(small[4], SyntheticPersons(1, 3, first_person=1)[1])


def test_seeds_people_and_pictures_differ():
    people = SyntheticPersons(2, 2)
    images = [people[i].image for i in range(4)] + [SyntheticPersons(2, 2, seed=1)[0].image]
    for i, one in enumerate(images):
        for other in images[i + 1 :]:
            assert (one.int() - other.int()).abs().float().mean() > 5


# Joints


@given(seed=seeds)
def test_joints_lie_on_the_person(seed):
    """Another person in the same scene changes the image at every joint that shows."""
    who, seen = figure(seed), scene(seed)
    gray = {"top_pattern": "plain", "legwear": "trousers"}
    bright = dict.fromkeys(
        ("skin", "hair", "top", "top_accent", "bottom", "shoes"), (1.0, 1.0, 1.0)
    )
    dark = dict.fromkeys(bright, (0.02, 0.02, 0.02))
    one, other = (render_person(replace(who, **gray, **c), seen) for c in (bright, dark))
    assert torch.equal(one.landmarks.nan_to_num(-1), other.landmarks.nan_to_num(-1))
    there = one.landmarks[~one.landmarks.isnan().any(1)].round().long()
    changed = (one.image.int() - other.image.int()).abs().sum(0)
    features = 3  # eyes and nose are painted in colors of their own
    assert (changed[there[:, 1], there[:, 0]] < 60).sum() <= features


@pytest.mark.parametrize(
    ("yaw", "hidden", "shown"),
    [
        (0, [], [NOSE, *EYES, *EARS]),
        (180, [NOSE, *EYES], EARS),
        (90, [EARS[1], EYES[1]], [NOSE, EARS[0], EYES[0]]),  # the left side is the far one
        (-90, [EARS[0], EYES[0]], [NOSE, EARS[1], EYES[1]]),
    ],
)
def test_turned_away_a_face_is_hidden(yaw, hidden, shown):
    person = render_person(Figure(hair_length=-0.5), Scene(yaw=float(yaw)), (256, 128))
    face = {NOSE, *EYES, *EARS}
    assert set(hidden) == set(missing(person)) & face
    assert set(shown) == face - set(missing(person))


def test_what_leaves_the_picture_is_missing():
    person = render_person(Figure(), Scene(arm_spread=(90.0, 8.0), offset=(-0.3, 0.0)))
    assert 4 in missing(person)
    inside = person.landmarks[~person.landmarks.isnan().any(1)]
    assert ((inside >= -0.5) & (inside <= torch.tensor([63.5, 127.5]))).all()


def test_a_mirrored_posture_is_the_flipped_person():
    seen = scene(3, lean=0.0, offset=(0.0, 0.0))
    pairs = ("arm_swing", "arm_spread", "arm_bend", "leg_swing", "leg_spread", "leg_bend")
    swapped = {name: getattr(seen, name)[::-1] for name in pairs}
    mirrored = replace(seen, yaw=-seen.yaw, head_yaw=-seen.head_yaw, **swapped)
    one, other = (pose_figure(figure(3), s, SIZE).points[:18] for s in (seen, mirrored))
    flipped = one[list(OPENPOSE_18.flip)] * (-1, 1) + (63, 0)
    np.testing.assert_allclose(other, flipped, atol=1e-6)


@given(seed=seeds, height=st.integers(16, 60), width=st.integers(16, 60))
def test_any_size_is_drawn(seed, height, width):
    person = render_person(figure(seed), scene(seed), (height, width))
    assert person.image.shape == (3, height, width)
    assert person.landmarks.shape == (18, 2)


# The true answer


def test_the_true_answer_is_the_first_person_in_the_pose_of_the_second():
    people = SyntheticPersons(4, 2)
    answer = people.true_answer(0, 5)
    who, seen = people.figure(0), people.scene(5)
    assert same(answer, render_person(who, seen))
    posed = pose_figure(who, people.scene(5), SIZE).points[:18]
    shown = ~answer.landmarks.isnan().any(1).numpy()
    np.testing.assert_allclose(answer.landmarks.numpy()[shown], posed[shown], atol=1e-4)
    assert same(people.true_answer(3, 3), people[3])


def test_every_kind_of_clothes_and_hair_is_drawn():
    base = render_person(Figure(), Scene()).image.int()
    for change in (
        {"top_pattern": "stripes"},
        {"top_pattern": "checks"},
        {"top_pattern": "print"},
        {"sleeves": 0.3},
        {"legwear": "shorts"},
        {"legwear": "skirt"},
        {"hair_length": 1.5},
        {"belly": 1.3},
        {"thickness": 1.3},
    ):
        changed = (render_person(replace(Figure(), **change), Scene()).image.int() - base).abs()
        assert (changed.sum(0) > 20).sum() > 20, change


# Errors and speed


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SyntheticPersons(0, 1), "num_people of at least 1, got 0"),
        (lambda: SyntheticPersons(1, 0), "images_per_person of at least 1, got 0"),
        (lambda: SyntheticPersons(1, 1, seed=-1), "seed of at least 0, got -1"),
        (lambda: SyntheticPersons(1, 1, first_person=-1), "first_person of at least 0"),
        (lambda: SyntheticPersons(1, 1, size=(128, 8)), "at least 16, got 128 x 8"),
        (lambda: render_person(Figure(), Scene(), (15, 64)), "at least 16, got 15 x 64"),
        (lambda: Scene(background="beach"), "'noise'.*got 'beach'"),
        (lambda: Scene(light=(0.0, 0.0, 0.0)), "a direction of the light"),
    ],
)
def test_values_out_of_range_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.heavy  # counts seconds
def test_a_core_draws_two_thousand_a_minute():
    people, start = SyntheticPersons(50, 4), time.perf_counter()
    for i in range(200):
        people[i]
    assert 200 / (time.perf_counter() - start) * 60 > 2000
