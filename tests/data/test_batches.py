from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from graphgan.data import (
    PairKind,
    Pairs,
    PairSampler,
    PairsOfSteps,
    StoredPairs,
    SyntheticFaces,
    read_pairs,
    to_float_image,
    to_uint8_image,
)
from graphgan.data._batches import PicturesInMemory, batches_of_steps, degrade_pairs
from graphgan.data._degradation import degrade, light_anew
from graphgan.landmarks import IBUG_68, mirror_landmarks


@pytest.fixture(scope="module")
def faces():
    return PicturesInMemory(SyntheticFaces(3, 2, size=32))


@pytest.fixture(scope="module")
def sampler(faces):
    return PairSampler(faces.persons, batch_size=4, same_image_share=0.5, same_person_share=0.25)


def assert_equal(first: StoredPairs, second: StoredPairs):
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_every_8_bit_value_survives_the_way_there_and_back():
    image = torch.arange(256, dtype=torch.uint8).view(1, 16, 16).expand(3, -1, -1)
    values = to_float_image(image)
    assert (values.min(), values.max()) == (-1, 1)
    assert torch.equal(to_uint8_image(values), image)


def test_faces_in_memory_are_those_they_were_read_from():
    drawn = SyntheticFaces(2, 2, size=32)
    faces = PicturesInMemory(drawn)
    assert (faces.size, faces.num_landmarks, len(faces)) == ((32, 32), 68, 4)
    assert (faces.persons, faces.names) == (drawn.persons, drawn.names)
    for i in range(4):
        assert torch.equal(faces[i].image, drawn[i].image)
        assert torch.equal(faces[i].landmarks, drawn[i].landmarks)


def test_a_picture_that_a_batch_names_often_is_read_once(faces):
    asked = []

    class Counting(PicturesInMemory):
        def __getitem__(self, index):
            asked.append(index)
            return super().__getitem__(index)

    pairs = Pairs(*(torch.tensor(column) for column in ([3, 1, 3, 0], [3, 2, 1, 0], [0, 2, 2, 0])))
    stored = read_pairs(Counting(faces), pairs)
    assert sorted(asked) == [0, 1, 2, 3]
    assert torch.equal(stored.images, torch.stack([faces.images[side] for side in pairs[:2]]))
    landmarks = torch.stack([faces.landmarks[side] for side in pairs[:2]])
    assert torch.equal(stored.landmarks, landmarks)


def test_conditions_and_sources_are_read_by_number(faces):
    kinds = torch.tensor([PairKind.SAME_IMAGE, PairKind.DIFFERENT])
    stored = read_pairs(faces, Pairs(torch.tensor([1, 5]), torch.tensor([1, 0]), kinds))
    for side, numbers in enumerate(([1, 5], [1, 0])):
        for item, number in enumerate(numbers):
            assert torch.equal(stored.images[side, item], faces[number].image)
            assert torch.equal(stored.landmarks[side, item], faces[number].landmarks)
    assert torch.equal(stored.kind, kinds)


def test_processes_share_a_batch_without_loss_or_overlap(faces, sampler):
    whole = PairsOfSteps(faces, sampler)[3]
    parts = [PairsOfSteps(faces, sampler, rank=rank, world_size=2)[3] for rank in range(2)]
    assert torch.equal(torch.cat([part.images for part in parts], dim=1), whole.images)
    assert torch.equal(torch.cat([part.landmarks for part in parts], dim=1), whole.landmarks)
    assert torch.equal(torch.cat([part.kind for part in parts]), whole.kind)


def test_refuses_a_batch_that_cannot_be_shared(faces, sampler):
    with pytest.raises(ValueError, match="divisible among 3 processes, got 4"):
        PairsOfSteps(faces, sampler, world_size=3)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_come_in_the_order_of_their_steps(faces, sampler, num_workers):
    dataset = PairsOfSteps(faces, sampler)
    batches = list(batches_of_steps(dataset, range(5, 9), num_workers=num_workers))
    assert len(batches) == 4
    for step, batch in zip(range(5, 9), batches, strict=True):
        assert_equal(batch, dataset[step])


def test_more_faces_than_memory_holds_are_refused_before_they_are_read(monkeypatch):
    drawn = SyntheticFaces(3, 2, size=32)
    needed = 6 * (3 * 32 * 32 + 8 * 68)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=needed - 1))
    with pytest.raises(ValueError, match=r"not enough memory: .*--workers"):
        PicturesInMemory(drawn)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=needed))
    assert len(PicturesInMemory(drawn)) == 6


# Mirrored pairs


def test_about_half_of_the_pairs_are_mirrored_as_a_whole(faces, sampler):
    plain, flipped = PairsOfSteps(faces, sampler), PairsOfSteps(faces, sampler, flip=IBUG_68)
    mirrored = 0
    for step in range(20):
        before, after = plain[step], flipped[step]
        for item in range(4):
            for side in range(2):
                image, points = before.images[side, item], before.landmarks[side, item]
                is_mirrored = not torch.equal(after.images[side, item], image)
                if is_mirrored:
                    image, points = image.flip(-1), mirror_landmarks(points, 32, IBUG_68)
                assert torch.equal(after.images[side, item], image)
                assert torch.equal(after.landmarks[side, item], points)
                mirrored += is_mirrored
    assert mirrored % 2 == 0
    assert 40 < mirrored < 120


# Degraded pairs


@pytest.fixture(scope="module")
def degraded(faces, sampler):
    return PairsOfSteps(faces, sampler, degraded=True)


def test_sources_are_degraded_and_conditions_are_lit_anew_alone(faces, sampler):
    stored = PairsOfSteps(faces, sampler)[2]
    changed = degrade_pairs(stored, [(9, i) for i in range(4)])
    for i in range(4):
        rng = np.random.default_rng((9, i))
        assert torch.equal(changed.images[0, i], light_anew(stored.images[0, i], rng))
        expected = degrade(light_anew(stored.images[1, i], rng), rng)
        assert torch.equal(changed.images[1, i], expected)
    assert_equal(changed._replace(images=stored.images), stored)


def test_most_pairs_are_degraded_and_the_pictures_stay_as_they_were(faces, sampler, degraded):
    before = faces.images.clone()
    plain = PairsOfSteps(faces, sampler)
    changed = [(degraded[t].images != plain[t].images).flatten(2).any(2) for t in range(10)]
    conditions, sources = torch.stack(changed, 1).float().mean((1, 2))
    assert 0.4 < conditions < 0.95 < sources  # 0.7, and 1 - 0.3 * 0.1
    assert torch.equal(faces.images, before)


def test_a_degraded_step_is_the_same_whenever_and_wherever_it_is_asked_for(
    faces, sampler, degraded
):
    """So a run that is resumed sees what an uninterrupted one would have seen."""
    straight = [degraded[t] for t in range(6)]
    fresh = PairSampler(faces.persons, batch_size=4, same_image_share=0.5, same_person_share=0.25)
    resumed = PairsOfSteps(faces, fresh, degraded=True)
    np.random.default_rng(0).random(3)
    for t in (5, 3, 4, 3):
        assert_equal(resumed[t], straight[t])
    workers = batches_of_steps(resumed, range(3, 6), num_workers=2)
    for batch, expected in zip(workers, straight[3:], strict=True):
        assert_equal(batch, expected)


def test_mirrored_pairs_are_degraded_after_they_were_mirrored(faces, sampler):
    mirrored = PairsOfSteps(faces, sampler, flip=IBUG_68)[3]
    both = PairsOfSteps(faces, sampler, flip=IBUG_68, degraded=True)[3]
    assert_equal(both, degrade_pairs(mirrored, [(sampler.seed, 7, 3, i) for i in range(4)]))
