import pytest
import torch

from graphgan.data.batches import PairsOfSteps, to_uint8_image
from graphgan.data.face_batch import to_face_batch
from graphgan.data.pairs import PairKind, PairSampler
from graphgan.data.synthetic_faces import SyntheticFaces
from graphgan.landmarks.masks import face_mask


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


def test_a_batch_knows_which_pairs_a_loss_asks_for(stored):
    batch = to_face_batch(stored)
    kinds = batch.kind.tolist()
    assert batch.different.tolist() == [kind != PairKind.SAME_IMAGE for kind in kinds]
    assert batch.same_person.tolist() == [kind != PairKind.DIFFERENT for kind in kinds]
    assert (batch.different & batch.same_person).sum() == 1  # a person in two pictures
