"""Skin: colors are those of others' formulas, and a recolored face is told from the neck."""

import math

import numpy as np
import pytest
import skimage.color
import torch
from astronaut import portrait

from graphgan.data import to_float_image
from graphgan.faces import CenterFace, FaceMesh
from graphgan.landmarks import face_mask, paste
from graphgan.metrics import skin_beside, skin_tone
from graphgan.metrics._skin_tone import cheek_mask, lab

IMAGE = to_float_image(portrait())[None]


@pytest.fixture(scope="module")
def landmarks():
    return FaceMesh()(portrait(), CenterFace()(portrait())).points[:1]


@pytest.fixture(scope="module")
def mask(landmarks):
    return face_mask(landmarks, (256, 256), forehead=0.7)


@pytest.fixture(scope="module")
def beside(mask, landmarks):
    return skin_beside(IMAGE, mask, landmarks)


def flat(lab_color, size=(96, 96)):
    """An image of one color."""
    rgb = skimage.color.lab2rgb(np.array(lab_color, np.float64)[None, None])
    return (2 * torch.from_numpy(rgb).float() - 1).permute(2, 0, 1)[None].expand(1, 3, *size)


# Colors


def test_colors_are_those_of_scikit_image():
    image = portrait(64)
    expected = skimage.color.rgb2lab(image.permute(1, 2, 0).numpy())
    found = lab(to_float_image(image)[None])[0].permute(1, 2, 0)
    torch.testing.assert_close(found, torch.from_numpy(expected).float(), atol=0.02, rtol=0)


# Faces


def drawn(landmarks, mask, face, neck):
    """A face of one color before another."""
    return paste(flat(face, (256, 256)), flat(neck, (256, 256)), mask)


def test_a_drawn_face_gives_the_colors_that_were_drawn(landmarks, mask):
    face, neck = (65.0, 14.0, 18.0), (60.0, 14.0, 14.0)
    image = drawn(landmarks, mask, face, neck)
    found = skin_tone(image, landmarks, skin_beside(image, mask, landmarks))
    assert found.face.item() == pytest.approx(math.degrees(math.atan(15 / 18)), abs=0.5)
    assert found.beside.item() == pytest.approx(math.degrees(math.atan(10 / 14)), abs=0.5)
    assert found.delta_e.item() == pytest.approx(math.dist(face, neck), abs=0.1)


def test_a_recolored_face_is_further_from_its_neck(landmarks, mask, beside):
    before = skin_tone(IMAGE, landmarks, beside)
    without_red = IMAGE - torch.tensor([0.8, 0.0, 0.0]).view(1, 3, 1, 1)
    for recolored in (IMAGE - 0.9, without_red):
        image = paste(recolored.clamp(-1, 1), IMAGE, mask)
        found = skin_tone(image, landmarks, beside)
        assert found.delta_e > before.delta_e + 5
        assert torch.equal(found.beside, before.beside)


def test_skin_beside_is_outside_of_the_mask_and_like_the_face(landmarks, mask, beside):
    assert not (beside & (mask > 0)).any() and beside.sum() > 300
    rows = beside[0, 0].nonzero()[:, 0]
    chin = landmarks[0, 8, 1]
    assert (rows > chin).float().mean() > 0.2  # the neck


def test_cheeks_lie_in_the_face_off_the_eyes_and_the_mouth(landmarks, mask):
    cheeks = cheek_mask(landmarks, (256, 256)) > 0
    assert cheeks.sum() > 1000 and not (cheeks & (mask == 0)).any()
    x, y = landmarks[0].round().long().unbind(1)
    for points in (slice(36, 48), slice(50, 53), slice(55, 60)):
        assert not cheeks[0, 0, y[points], x[points]].any()


def test_items_are_measured_by_themselves_and_missing_landmarks_are_nan(landmarks, mask, beside):
    images, points = IMAGE.repeat(2, 1, 1, 1), torch.cat([landmarks, landmarks * torch.nan])
    where = skin_beside(images, mask.repeat(2, 1, 1, 1), points)
    assert torch.equal(where[0], beside[0]) and not where[1].any()
    found = skin_tone(images, points, where)
    assert found.delta_e.isnan().tolist() == [False, True]


@pytest.mark.unhooked
def test_unlike_shapes_are_refused(landmarks, mask):
    with pytest.raises(ValueError, match="expected a mask of shape"):
        skin_beside(IMAGE, mask[..., :99], landmarks)
    with pytest.raises(ValueError, match="68"):
        cheek_mask(landmarks[:, :29], (256, 256))
