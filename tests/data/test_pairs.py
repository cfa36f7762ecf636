from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.data import (
    ListedPairSampler,
    PairKind,
    PairSampler,
    next_person_pairs,
    next_picture_pairs,
    possible_kinds,
    self_pairs,
    some_pairs,
)

PERSONS = [0, 0, 0, 1, 1, 2, 2, 2, 3, 4]  # ten faces of five people, two of them seen once
shares = st.integers(0, 20).map(lambda twentieths: twentieths / 20)


def drawn(sampler: PairSampler, steps: range) -> dict[PairKind, list[tuple[int, int]]]:
    """(condition, source) of every pair of some steps, by kind."""
    pairs = {kind: [] for kind in PairKind}
    for step in steps:
        for condition, source, kind in zip(
            *map(torch.Tensor.tolist, sampler.batch(step)), strict=True
        ):
            pairs[PairKind(kind)].append((condition, source))
    return pairs


@given(
    batch_size=st.integers(1, 10),
    same_image=shares,
    same_person=shares,
    num_pairs=st.sampled_from([None, 10, 37]),
)
def test_every_batch_holds_its_exact_shares(batch_size, same_image, same_person, num_pairs):
    if same_image + same_person > 1:
        same_person = 1 - same_image
    sampler = PairSampler(
        PERSONS,
        batch_size=batch_size,
        same_image_share=same_image,
        same_person_share=same_person,
        num_pairs=num_pairs,
    )
    twentieths = (round(20 * same_image), round(20 * same_person))
    first, second = ((2 * n * batch_size + 20) // 40 for n in twentieths)  # halves round up
    second = min(second, batch_size - first)
    for step in (0, 1, 12345):
        counts = Counter(sampler.batch(step).kind.tolist())
        assert [counts[kind] for kind in PairKind] == [first, second, batch_size - first - second]


@given(step=st.integers(0, 10**6), seed=st.integers(0, 99), num_pairs=st.sampled_from([None, 50]))
def test_pairs_are_what_their_kind_says(step, seed, num_pairs):
    sampler = PairSampler(
        PERSONS,
        batch_size=10,
        same_image_share=0.4,
        same_person_share=0.3,
        num_pairs=num_pairs,
        seed=seed,
    )
    pairs = drawn(sampler, range(step, step + 1))
    assert all(condition == source for condition, source in pairs[PairKind.SAME_IMAGE])
    for condition, source in pairs[PairKind.SAME_PERSON]:
        assert PERSONS[condition] == PERSONS[source]
        assert condition != source
    for condition, source in pairs[PairKind.DIFFERENT]:
        assert PERSONS[condition] != PERSONS[source]


@pytest.mark.parametrize("num_pairs", [None, 24])
def test_a_run_that_resumes_at_a_step_needs_only_its_number(num_pairs):
    options = {"batch_size": 8, "same_person_share": 0.125, "num_pairs": num_pairs, "seed": 3}
    straight = PairSampler(PERSONS, **options)
    batches = [straight.batch(step) for step in range(30)]
    resumed = PairSampler(PERSONS, **options)
    for step in (29, 17, 5, 17):
        for first, second in zip(resumed.batch(step), batches[step], strict=True):
            assert torch.equal(first, second)


@pytest.mark.parametrize(("num_pairs", "steps"), [(40, 5), (40, 10), (44, 11), (30, 60)])
def test_a_pass_uses_every_fixed_pair_once(num_pairs, steps):
    """Where a pool is no multiple of a batch's 4, 2 and 2 pairs, batches run over a pass's end."""
    sampler = PairSampler(
        PERSONS, batch_size=8, same_image_share=0.5, same_person_share=0.25, num_pairs=num_pairs
    )
    first, second = (drawn(sampler, range(n * steps, (n + 1) * steps)) for n in (0, 1))
    whole = drawn(sampler, range(20 * steps))
    for kind in PairKind:
        pool_size = round(num_pairs * len(first[kind]) / steps / 8)
        passes = len(first[kind]) // pool_size
        assert len(first[kind]) == passes * pool_size
        used = Counter(first[kind])
        assert used == Counter(second[kind])
        assert all(times % passes == 0 for times in used.values())
        assert Counter(whole[kind]) == Counter({pair: 20 * n for pair, n in used.items()})


@pytest.mark.parametrize("num_pairs", [None, 20])
def test_every_face_is_a_source_equally_often(num_pairs):
    sampler = PairSampler(PERSONS, batch_size=10, same_image_share=0.0, num_pairs=num_pairs)
    sources = [source for _, source in drawn(sampler, range(4))[PairKind.DIFFERENT]]
    assert set(Counter(sources).values()) == {4}


def test_fresh_pairs_are_drawn_without_repetition_within_a_batch():
    sampler = PairSampler(PERSONS, batch_size=10, same_image_share=1.0, num_pairs=None)
    for step in range(5):
        assert sorted(sampler.batch(step).source.tolist()) == list(range(10))


@pytest.mark.parametrize(
    ("persons", "options", "message"),
    [
        (PERSONS, {"batch_size": 0}, "from 1 to the 10 images there are, got 0"),
        (PERSONS, {"batch_size": 11}, "from 1 to the 10 images there are, got 11"),
        ([], {"batch_size": 1}, "from 1 to the 0 images there are, got 1"),
        (PERSONS, {"batch_size": 4, "same_image_share": -0.1}, "of at least 0.* got -0.1 and 0"),
        (
            PERSONS,
            {"batch_size": 4, "same_person_share": 0.5},
            "1 together at most; got 0.75 and 0.5",
        ),
        (PERSONS, {"batch_size": 4, "num_pairs": 3}, "at least 4 pairs, a batch, got 3"),
        ([0, 0, 0, 0], {"batch_size": 4}, "at least two people .* got one"),
        (
            [0, 1, 2, 3],
            {"batch_size": 4, "same_person_share": 0.25},
            "a person with two images for same-person pairs, got none",
        ),
    ],
)
def test_refuses_what_cannot_be_paired(persons, options, message):
    with pytest.raises(ValueError, match=message):
        PairSampler(persons, **options)


@pytest.mark.parametrize(
    ("persons", "kinds"),
    [
        ([], []),
        ([7], ["SAME_IMAGE"]),
        ([7, 7], ["SAME_IMAGE", "SAME_PERSON"]),
        ([0, 1, 2], ["SAME_IMAGE", "DIFFERENT"]),
        ([0, 1, 0], ["SAME_IMAGE", "SAME_PERSON", "DIFFERENT"]),
    ],
)
def test_the_kinds_that_pictures_allow(persons, kinds):
    assert possible_kinds(persons) == {PairKind[kind] for kind in kinds}


# Pairs for testing


def test_the_next_person_lends_the_identity():
    pairs = next_person_pairs(PERSONS)
    assert pairs.source.tolist() == list(range(10))
    assert set(pairs.kind.tolist()) == {PairKind.DIFFERENT}
    for condition, source in zip(pairs.condition.tolist(), pairs.source.tolist(), strict=True):
        assert PERSONS[condition] == (PERSONS[source] + 1) % 5


def test_some_pairs_are_spread_over_all():
    pairs = self_pairs(101)
    assert some_pairs(pairs, 5).source.tolist() == [0, 25, 50, 75, 100]
    assert some_pairs(pairs, 500).source.tolist() == list(range(101))
    assert len(set(some_pairs(pairs, 60).source.tolist())) == 60


def test_the_next_picture_of_a_person_shows_it_otherwise():
    pairs = next_picture_pairs([0, 1, 0, 2, 0, 1])
    assert pairs.source.tolist() == [0, 1, 2, 4, 5]  # the third person has one image
    assert pairs.condition.tolist() == [2, 5, 4, 0, 1]
    assert pairs.kind.tolist() == 5 * [PairKind.SAME_PERSON]
    with pytest.raises(ValueError, match="a person with at least two images, got none"):
        next_picture_pairs([0, 1])


# Pairs of a list


@given(st.integers(1, 12), st.integers(0, 12), st.integers(0, 5))
def test_a_pass_uses_every_listed_pair_once(batch_size, more, seed):
    size = batch_size + more
    sampler = ListedPairSampler(self_pairs(size), batch_size=batch_size, seed=seed)
    drawn = torch.cat([sampler.batch(step).source for step in range(size)])  # batch_size passes
    for one_pass in drawn.view(batch_size, size):
        assert sorted(one_pass.tolist()) == list(range(size))
