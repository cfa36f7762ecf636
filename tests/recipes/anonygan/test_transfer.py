import pytest
import torch
import transfer
from transfer import mean_face, measure_transfer, true_answers

from graphgan.data import (
    SyntheticFaces,
    next_person_pairs,
    read_pairs,
    to_face_batch,
    to_float_image,
)
from graphgan.landmarks import paste
from graphgan.metrics import masked_error
from graphgan.models import AnonyGAN, LandmarkGenerator


@pytest.fixture(scope="module")
def train_faces():
    return SyntheticFaces(3, 1, size=48)


@pytest.fixture(scope="module")
def test_faces():
    return SyntheticFaces(4, 2, size=48, first_person=100)


@pytest.fixture(scope="module")
def pairs(test_faces):
    return next_person_pairs(test_faces.persons)


@pytest.fixture(scope="module")
def batch(test_faces, pairs):
    return to_face_batch(read_pairs(test_faces, pairs))


@pytest.fixture(scope="module")
def truth(test_faces, pairs):
    numbers = zip(pairs.condition.tolist(), pairs.source.tolist(), strict=True)
    return torch.stack([to_float_image(test_faces.true_answer(c, s).image) for c, s in numbers])


@pytest.fixture
def measure(monkeypatch, train_faces, test_faces):
    """The report on a model that answers as a function does."""
    model = AnonyGAN(LandmarkGenerator(width=4, num_blocks=1))

    def measure(answer=None):
        if answer is not None:
            monkeypatch.setattr(transfer, "generated", answer)
        return measure_transfer(model, train_faces, test_faces)

    return measure


def test_the_true_answer_has_no_error_and_shuffling_costs_nothing_more(measure, truth):
    report = measure(lambda model, batch: truth)
    assert report.comparison.rows["AnonyGAN"]["error"] == (0, 0, 0)
    assert all(rise == (0, 0, 0) for rise in report.rises.values())


def test_pasting_the_condition_is_what_it_is_compared_with(measure, batch, truth):
    def paste_condition(model, batch):
        return batch.condition

    report = measure(paste_condition)
    expected = masked_error(paste(batch.condition, batch.source, batch.mask), truth, batch.mask)
    rows = report.comparison.rows
    assert rows["AnonyGAN"] == rows["condition pasted"]
    assert rows["AnonyGAN"]["error"].mean == pytest.approx(expected.mean().item(), rel=1e-5)
    assert report.comparison.margins["condition pasted"] == (0, 0, 0)
    assert report.rises["source landmarks shuffled"] == (0, 0, 0)
    assert report.rises["conditions shuffled"].mean > 0


def test_shuffled_landmarks_reach_the_model_and_masks_stay(measure, batch, truth):
    seen = []

    def watch(model, batch):
        seen.append((batch.source_landmarks, batch.condition, batch.mask))
        return truth

    measure(watch)
    (own, conditions, masks), (_, other_conditions, _), (others, same, _) = seen
    assert torch.equal(other_conditions, conditions.roll(4, 0))
    assert torch.equal(others, own.roll(4, 0))
    assert torch.equal(same, conditions)
    assert all(torch.equal(kept, masks) for _, _, kept in seen)
    assert torch.equal(masks, batch.mask)


def test_the_mean_face_fills_the_mask_alone(train_faces, batch):
    answer = mean_face(train_faces, batch)
    inside = batch.mask.expand_as(batch.source) == 1
    assert torch.equal(answer[~inside], batch.source[~inside])
    images = torch.stack([to_float_image(train_faces[i].image) for i in range(len(train_faces))])
    mean = images.mean(0).expand_as(batch.source)
    torch.testing.assert_close(answer[inside], mean[inside])


def test_true_answers_are_the_conditions_in_the_sources_views(test_faces, pairs):
    condition, source = pairs.condition[3].item(), pairs.source[3].item()
    expected = to_float_image(test_faces.true_answer(condition, source).image)
    assert torch.equal(true_answers(test_faces, pairs)[3], expected)
