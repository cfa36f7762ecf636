import pytest
import torch
from identity_batch import read_across, to_identity_batch
from pictures import sheet_columns
from results import replaced, source_blurred, wanted_pasted

from graphgan.anonymize import give_identity
from graphgan.data import SyntheticFaces
from graphgan.models import CIAGANGenerator


@pytest.fixture(scope="module")
def batch():
    train = SyntheticFaces(4, 2, size=64)
    others = SyntheticFaces(4, 2, size=64, first_person=100)
    return to_identity_batch(read_across(train, [7, 3, 1, 6, 4], others, [0, 2, 4, 5, 6]))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return CIAGANGenerator(4, width=2, num_blocks=1, size=64).eval()


@pytest.mark.parametrize("chunk_size", [1, 3, 8])
def test_chunks_make_no_difference(batch, model, chunk_size):
    expected = give_identity(model, batch.source, batch.landmarks, batch.identity)
    made = replaced(model, batch, chunk_size=chunk_size)
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-4)


def test_trivial_answers_change_the_face_alone(batch):
    inside = batch.mask.expand_as(batch.source) == 1
    pasted, blurred = wanted_pasted(batch), source_blurred(batch)
    assert torch.equal(pasted[~inside], batch.source[~inside])
    assert torch.equal(blurred[~inside], batch.source[~inside])
    assert torch.equal(pasted[inside], batch.wanted[inside])
    assert (blurred - batch.source)[inside].abs().mean() > 0.02


def test_a_sheet_shows_every_stage(batch, model):
    columns = sheet_columns(model.train(), batch)
    assert list(columns) == ["source", "drawing", "masked", "generated", "pasted"]
    assert all(column.shape == batch.source.shape for column in columns.values())
    torch.testing.assert_close(columns["pasted"].clamp(-1, 1), replaced(model, batch))
    assert not model.training
