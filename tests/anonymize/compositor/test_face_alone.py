"""Of a person to be shown, hair and background go and the face stays."""

import pytest
import torch

from graphgan.anonymize import people_conditions
from graphgan.anonymize.compositor import show_face_alone
from graphgan.data import to_float_image

BROWS, CHIN = slice(17, 27), 8


@pytest.fixture(scope="module")
def person():
    shown = people_conditions()[0].resized((128, 128))
    return shown.image[None], shown.landmarks[None]


def test_of_a_face_alone_the_inside_stays_and_nothing_else_does(drawn_faces):
    face = drawn_faces[0]
    image, landmarks = to_float_image(face.image)[None], face.landmarks[None]
    alone = show_face_alone(image, landmarks)
    nose = landmarks[0, 30].round().long().tolist()
    assert torch.equal(alone[..., nose[1], nose[0]], image[..., nose[1], nose[0]])
    other = image.clone()
    other[..., :8, :] = -other[..., :8, :]  # above the hair
    assert torch.equal(show_face_alone(other, landmarks), alone)
    again = show_face_alone(alone, landmarks)
    torch.testing.assert_close(again, alone, atol=0.05, rtol=0)


def square(x: float, y: float, half: int = 4) -> tuple[slice, slice]:
    return slice(round(y) - half, round(y) + half), slice(round(x) - half, round(x) + half)


def test_hair_at_the_temple_gives_way_to_skin_and_a_beard_stays(person):
    image, landmarks = person
    clean = show_face_alone(image, landmarks)
    left, right = landmarks[0, 17], landmarks[0, 26]
    temple = square(float(left[0] - 0.1 * (right - left)[0]), float(left[1]) - 6)
    beard = square(*(landmarks[0, CHIN] - torch.tensor([0.0, 7.0])).tolist())
    hairy = image.clone()
    for rows, columns in (temple, beard):
        hairy[..., rows, columns] = -0.8
    alone = show_face_alone(hairy, landmarks)
    assert (alone - clean)[..., temple[0], temple[1]].abs().max() < 0.35
    assert alone[..., temple[0], temple[1]].mean() > -0.4
    assert alone[..., beard[0], beard[1]].mean() < -0.7


def test_brows_stay_and_their_color_is_not_continued_beyond_them(person):
    image, landmarks = person
    dark = image.clone()
    for x, y in landmarks[0, BROWS].tolist():
        rows, columns = square(x, y + 2, 3)
        dark[..., rows, columns] = -1
    alone, before = show_face_alone(dark, landmarks), show_face_alone(image, landmarks)
    for x, y in landmarks[0, 18:26].tolist():
        assert alone[0, :, round(y) + 3, round(x)].mean() < -0.7
    x, y = landmarks[0, 17].tolist()
    beyond = square(x - 14, y - 8)
    assert (alone - before)[..., beyond[0], beyond[1]].abs().max() < 0.3
