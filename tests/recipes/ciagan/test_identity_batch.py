import pytest
import torch
from identity_batch import read_across, to_identity_batch

from graphgan.data import PairSampler, SyntheticFaces, read_pairs, to_float_image
from graphgan.landmarks import CIAGAN_29, draw_lines, face_mask
from graphgan.landmarks._schemes import CIAGAN_29_INDICES


@pytest.fixture(scope="module")
def faces():
    return SyntheticFaces(4, 3, size=64)


def test_the_identity_is_the_number_of_the_condition_s_person(faces):
    sampler = PairSampler(
        faces.persons, batch_size=8, same_image_share=0.0, same_person_share=0.5, num_pairs=None
    )
    pairs = sampler.batch(0)
    batch = to_identity_batch(read_pairs(faces, pairs))
    persons = torch.tensor(faces.persons)
    assert torch.equal(batch.identity, persons[pairs.condition])
    assert torch.equal(batch.same_person, persons[pairs.condition] == persons[pairs.source])
    assert int(batch.same_person.sum()) == 4
    for i, (condition, source) in enumerate(
        zip(pairs.condition.tolist(), pairs.source.tolist(), strict=True)
    ):
        assert torch.equal(batch.wanted[i], to_float_image(faces[condition].image))
        assert torch.equal(batch.source[i], to_float_image(faces[source].image))
        assert torch.equal(batch.landmarks[i], faces[source].landmarks)
    assert torch.equal(batch.mask, face_mask(batch.landmarks, (64, 64)))
    drawing = draw_lines(batch.landmarks[:, CIAGAN_29_INDICES], CIAGAN_29, (64, 64))
    torch.testing.assert_close(batch.drawing, (drawing + 1) / 2)
    assert (batch.masked[(batch.mask == 1).expand_as(batch.masked)] == 0).all()

    larger = to_identity_batch(read_pairs(faces, pairs), size=128)
    assert larger.drawing.shape == larger.masked.shape == (8, 3, 128, 128)
    assert torch.equal(larger.source, batch.source)


def test_faces_of_two_sets_meet(faces):
    others = SyntheticFaces(2, 2, size=64, first_person=100)
    batch = to_identity_batch(read_across(faces, [0, 11, 4], others, [3, 0, 2]))
    assert batch.identity.tolist() == [0, 3, 1]
    assert not batch.same_person.any()
    assert torch.equal(batch.wanted[1], to_float_image(faces[11].image))
    assert torch.equal(batch.source[2], to_float_image(others[2].image))
    assert torch.equal(batch.landmarks[0], others[3].landmarks)
