import torch

from graphgan.data import (
    SyntheticPersons,
    next_picture_pairs,
    read_pairs,
    to_person_batch,
    to_uint8_image,
)


def test_the_condition_is_the_image_and_the_source_the_target():
    persons = SyntheticPersons(2, 2, size=(32, 16))
    stored = read_pairs(persons, next_picture_pairs(persons.persons))
    batch = to_person_batch(stored)
    assert torch.equal(to_uint8_image(batch.image), stored.images[0])
    assert torch.equal(to_uint8_image(batch.target), stored.images[1])
    assert torch.equal(batch.joints.nan_to_num(-1), stored.landmarks[0].nan_to_num(-1))
    assert torch.equal(batch.target_joints.nan_to_num(-1), stored.landmarks[1].nan_to_num(-1))
    assert batch.image.is_contiguous(memory_format=torch.channels_last)
