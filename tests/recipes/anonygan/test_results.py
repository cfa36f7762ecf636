import pytest
import torch
import torch.nn.functional as F
from objective import pasted
from results import (
    anonymized,
    batch_for,
    condition_pasted,
    generated,
    shown_batch,
    source_blurred,
)

from graphgan.anonymize import anonymize_crops
from graphgan.anonymize.compositor import show_face_alone
from graphgan.data import SyntheticFaces, next_person_pairs, read_pairs, to_face_batch
from graphgan.landmarks import POINTS_5, from_ibug_68
from graphgan.models import AnonyGAN, GeneratorOutput, LandmarkGenerator


@pytest.fixture(scope="module")
def batch():
    faces = SyntheticFaces(4, 2, size=48)
    return to_face_batch(read_pairs(faces, next_person_pairs(faces.persons)))


@pytest.mark.parametrize("chunk_size", [1, 3, 8])
def test_chunks_make_no_difference(batch, chunk_size):
    model = AnonyGAN(LandmarkGenerator(width=4, num_blocks=1))
    expected = anonymize_crops(
        model, batch.source, batch.source_landmarks, batch.condition, batch.condition_landmarks
    )
    torch.testing.assert_close(anonymized(model, batch, chunk_size=chunk_size), expected)


def test_trivial_answers_change_the_face_alone(batch):
    inside = batch.mask.expand_as(batch.source) == 1
    pasted, blurred = condition_pasted(batch), source_blurred(batch)
    assert torch.equal(pasted[~inside], batch.source[~inside])
    assert torch.equal(blurred[~inside], batch.source[~inside])
    assert torch.equal(pasted[inside], batch.condition[inside])


@torch.no_grad()
def test_faces_with_five_points_are_new_inside_of_their_masks():
    faces = SyntheticFaces(4, 2, size=48)
    stored = read_pairs(faces, next_person_pairs(faces.persons))
    points = torch.stack([from_ibug_68(x, POINTS_5) for x in stored.landmarks])
    stored = stored._replace(landmarks=points)
    model = AnonyGAN(LandmarkGenerator(num_landmarks=5, width=4, num_blocks=1), face_alone=True)
    batch = batch_for(model, stored, POINTS_5)
    shown = to_face_batch(stored).condition
    alone = show_face_alone(shown, batch.condition_landmarks, POINTS_5)
    assert torch.equal(batch.condition, alone) and not torch.equal(alone, shown)
    made = anonymized(model, batch)
    whole = F.max_pool2d(batch.mask, 9, stride=1, padding=4).expand_as(made) == 0
    assert torch.equal(made[whole], batch.source[whole])
    deep = (-F.max_pool2d(-batch.mask, 13, stride=1, padding=6)).expand_as(made) == 1
    assert deep.any()
    torch.testing.assert_close(made[deep], generated(model, batch)[deep])
    batch.mask[1] = 0
    with pytest.raises(ValueError, match=r"a mask for every face, got empty ones for items \[1\]"):
        anonymized(model, batch)


def test_what_anonymization_keeps_of_a_source_is_pasted_over_results_in_training():
    faces = SyntheticFaces(4, 2, size=64)
    stored = read_pairs(faces, next_person_pairs(faces.persons))
    batch = shown_batch(stored, "cpu", face_alone=True, hull=True, occluders=True)
    assert batch.kept is not None and 0 < batch.kept.max() <= 1
    made = GeneratorOutput(torch.zeros_like(batch.source), None, batch.source)
    shown = pasted(batch, made)
    stays = (batch.kept * batch.mask == batch.mask).expand_as(shown)
    assert (batch.mask * batch.kept).any()
    assert torch.equal(shown[stays], batch.source[stays])
    goes = (batch.replaced == 1).expand_as(shown)
    assert goes.any() and not shown[goes].any()
