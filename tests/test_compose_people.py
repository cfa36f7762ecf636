"""People composed of portraits, and the file that they are shipped in."""

import sys
from pathlib import Path

import numpy as np
import torch

from graphgan.anonymize._conditions import people_conditions
from graphgan.data import SyntheticFaces, to_float_image
from graphgan.landmarks import IBUG_68, bend_to_landmarks, mirror_landmarks

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
import compose_people as compose


def portrait(number: int, *, sex: str = "female", age: float = 30, tone: float = 50.0, at: float):
    face = SyntheticFaces(8, 1, size=64)[number]
    color, place = torch.tensor([tone, 10.0, 10.0]), torch.full((4,), float(at))
    image = to_float_image(face.image)
    shown = compose.face_of(image[None], face.landmarks)[0]
    return compose.Portrait(str(number), image, shown, face.landmarks, color, place, sex, age)


def test_groups_are_of_one_sex_and_about_one_age_and_tone():
    alike = [portrait(i, at=i) for i in range(4)]
    others = [
        portrait(4, at=4, sex="male"),
        portrait(5, at=5, age=60),
        portrait(6, at=6, tone=80.0),
    ]
    rng = np.random.default_rng(0)
    drawn = [compose.draw_group(alike + others, [], rng) for _ in range(20)]
    groups = [group for group in drawn if group is not None]
    assert groups
    assert all({one.name for one in group} == {"0", "1", "2", "3"} for group in groups)


def test_nobody_is_far_from_portraits_and_from_those_who_are_kept():
    person = portrait(0, at=0.0)
    far, near = portrait(1, at=1.0), portrait(1, at=0.1)
    between = portrait(2, at=0.2)  # 0.4 away: far enough from a portrait, not from a kept person
    assert compose.is_nobody(person, [far, between], [far])
    assert not compose.is_nobody(person, [near], [])
    assert not compose.is_nobody(person, [far], [between])


def test_a_blend_is_the_other_in_the_middle_of_its_mask_and_the_first_far_away():
    first, other = torch.zeros(1, 3, 128, 128), torch.ones(1, 3, 128, 128)
    mask = torch.zeros(1, 1, 128, 128)
    mask[..., 90:, :] = 1
    blended = compose.blend_bands([first, other], [mask])
    assert blended[..., 120:, :].min() > 0.95 and blended[..., :40, :].abs().max() < 0.05
    steps = blended[0, 0, :, 64].diff()
    assert steps.min() > -1e-4 and steps.max() < 0.1  # no edge is seen


def test_what_is_written_is_what_the_anonymizer_reads(tmp_path):
    people = [
        portrait(i, at=i)._replace(name=f"person-{i:02}", descriptor=torch.rand(128))
        for i in range(3)
    ]
    compose.write_people(tmp_path / "people.safetensors", people)
    read = people_conditions(tmp_path / "people.safetensors")
    assert [one.name for one in read] == [one.name for one in people]
    for given, found in zip(people, read, strict=True):
        assert (given.image - found.image).abs().mean() < 0.05
        torch.testing.assert_close(found.landmarks, given.landmarks, atol=0.05, rtol=0)
        torch.testing.assert_close(found.descriptor, given.descriptor, atol=1e-3, rtol=0)


def drawn_from_the_front():
    """A drawn face made symmetric, its landmarks, and what of it is face."""
    face = SyntheticFaces(8, 1, size=128)[2]
    image, points = to_float_image(face.image)[None], face.landmarks
    shape = (points + mirror_landmarks(points, 128, IBUG_68)) / 2
    image = bend_to_landmarks(image, points[None], shape[None])
    return (image + image.flip(-1)) / 2, shape, compose.face_of(image, shape)


def test_portraits_that_are_turned_or_squint_take_no_part():
    image, shape, _ = drawn_from_the_front()
    turned, squinting = shape.clone(), shape.clone()
    turned[27:36, 0] += 0.2 * (shape[16] - shape[0])[0]
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        squinting[upper, 1] = squinting[lower, 1] - 0.5
    assert compose.turned(turned) > compose.turned(shape)
    assert compose.eye_height(squinting) < compose.eye_height(shape)
    for wrong in (turned, squinting):
        assert compose.symmetric_face(image, wrong, may_have_beard=False) is None
