import pytest
import torch
import transfer
from faces import Faces
from transfer import measure_transfer, true_answers

from graphgan.data import SyntheticFaces, mean_image, render_face
from graphgan.models import CIAGANGenerator


@pytest.fixture(scope="module")
def faces():
    train = SyntheticFaces(3, 2, size=64)
    return Faces(train, SyntheticFaces(4, 2, size=64, first_person=100), ["a", "b", "c"])


@pytest.fixture(scope="module")
def pairs(faces):
    return faces.unlike_pairs(256)


@pytest.fixture
def measure(monkeypatch, faces):
    """The report on a model that answers as a function does."""
    model = CIAGANGenerator(3, width=2, num_blocks=1, size=64)

    def measure(answer=None):
        if answer is not None:
            monkeypatch.setattr(transfer, "replaced", answer)
        return measure_transfer(model, faces, mean_image(faces.train))

    return measure


def test_the_true_answer_is_the_wanted_person_in_the_source_s_view(faces, pairs):
    answers = true_answers(faces, *pairs)
    assert len(answers) == len(faces.test)
    wanted, sources = pairs
    picture = render_face(faces.train.identity(wanted[3]), faces.test.view(sources[3]), 64)
    assert torch.equal(((answers[3] + 1) * 127.5).round().byte(), picture.image)
    with pytest.raises(ValueError, match="expected drawn faces"):
        true_answers(faces._replace(train=[]), *pairs)


def test_the_true_answer_has_no_error_and_shuffling_costs_nothing_more(measure, faces, pairs):
    report = measure(lambda model, batch: true_answers(faces, *pairs))
    assert report.comparison.rows["CIAGAN"]["error"] == (0, 0, 0)
    assert all(rise == (0, 0, 0) for rise in report.rises.values())
    assert "identities shuffled" in str(report)


def test_what_is_shuffled_reaches_the_model_and_masks_stay(measure, faces, pairs):
    seen = []

    def watch(model, batch):
        seen.append(batch)
        return batch.source

    measure(watch)
    own, others, moved = seen
    assert torch.equal(others.identity, own.identity.roll(4, 0))
    assert torch.equal(others.landmarks, own.landmarks)
    assert torch.equal(moved.landmarks, own.landmarks.roll(4, 0))
    assert torch.equal(moved.identity, own.identity)
    assert all(torch.equal(batch.mask, own.mask) for batch in seen)


def test_a_real_model_is_measured(measure):
    text = str(measure())
    assert "inside the mask against the true answer" in text
    assert "nan" not in text
