import pytest
import torch

from graphgan.data import (
    PairSampler,
    PairsOfSteps,
    SyntheticFaces,
    SyntheticPersons,
    next_picture_pairs,
    read_pairs,
    to_face_batch,
    to_person_batch,
    to_uint8_image,
)
from graphgan.landmarks import face_mask, face_regions
from graphgan.landmarks._schemes import CIAGAN_29_INDICES


@pytest.fixture(scope="module")
def stored():
    faces = SyntheticFaces(3, 2, size=32)
    sampler = PairSampler(faces.persons, batch_size=4, same_image_share=0.5, same_person_share=0.25)
    return PairsOfSteps(faces, sampler)[0]


def test_a_batch_is_ready_for_a_network(stored):
    batch = to_face_batch(stored)
    assert torch.equal(to_uint8_image(batch.condition), stored.images[0])
    assert torch.equal(to_uint8_image(batch.source), stored.images[1])
    assert torch.equal(batch.condition_landmarks, stored.landmarks[0])
    assert torch.equal(batch.source_landmarks, stored.landmarks[1])
    assert torch.equal(batch.mask, face_mask(batch.source_landmarks, (32, 32)))
    for image in (batch.condition, batch.source):
        assert image.is_contiguous(memory_format=torch.channels_last)


def test_29_landmarks_are_those_of_ciagan_and_the_mask_is_that_of_all(stored):
    batch, whole = to_face_batch(stored, num_landmarks=29), to_face_batch(stored)
    assert torch.equal(batch.source_landmarks, stored.landmarks[1][:, list(CIAGAN_29_INDICES)])
    assert torch.equal(batch.condition_landmarks, stored.landmarks[0][:, list(CIAGAN_29_INDICES)])
    assert torch.equal(batch.mask, whole.mask)


@pytest.mark.parametrize("forehead", [0.0, 0.7])
def test_masks_can_be_what_anonymization_replaces(stored, forehead):
    batch = to_face_batch(stored, forehead=forehead, hull=True)
    expected = face_regions(stored.landmarks[1], (32, 32), forehead=forehead)
    assert torch.equal(batch.mask, expected)
    plain = to_face_batch(stored, forehead=forehead).mask
    assert (batch.mask >= plain).all()
    few = to_face_batch(stored, forehead=forehead, hull=True, num_landmarks=29)
    assert torch.equal(few.mask, batch.mask)


def test_of_persons_the_condition_is_the_image_and_the_source_the_target():
    persons = SyntheticPersons(2, 2, size=(32, 16))
    stored = read_pairs(persons, next_picture_pairs(persons.persons))
    batch = to_person_batch(stored)
    assert torch.equal(to_uint8_image(batch.image), stored.images[0])
    assert torch.equal(to_uint8_image(batch.target), stored.images[1])
    assert torch.equal(batch.joints.nan_to_num(-1), stored.landmarks[0].nan_to_num(-1))
    assert torch.equal(batch.target_joints.nan_to_num(-1), stored.landmarks[1].nan_to_num(-1))
    assert batch.image.is_contiguous(memory_format=torch.channels_last)
