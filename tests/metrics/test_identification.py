import itertools
import math
import statistics

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_auroc, binary_roc

from graphgan.metrics import (
    auc,
    fold_accuracies,
    fold_statistics,
    rank_one,
    roc,
    same_class,
    threshold_at,
    verified,
)

seeds = st.integers(0, 9999)
distance = st.one_of(st.just(math.nan), st.sampled_from([0.0, 0.25, 0.5, 0.6]), st.floats(0, 2))
several = st.lists(distance, min_size=1, max_size=12)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


# descriptor_distances


# rank_one


def identified(distances, probe, gallery):
    """Of one probe, by looking at every nearest face."""
    there = [(d, person) for d, person in zip(distances, gallery, strict=True) if d == d]
    nearest = {person for d, person in there if d == min(there)[0]}
    return float(nearest == {probe})


@given(data=st.data(), people=st.integers(1, 4), faces=st.integers(1, 6), probes=st.integers(1, 5))
def test_agrees_with_a_loop(data, people, faces, probes):
    person = st.integers(0, people - 1)
    gallery = [*range(people), *data.draw(st.lists(person, min_size=faces, max_size=faces))]
    who = data.draw(st.lists(person, min_size=probes, max_size=probes))
    row = st.lists(distance, min_size=len(gallery), max_size=len(gallery))
    rows = [data.draw(row) for _ in who]
    expected = [identified(r, p, gallery) for r, p in zip(rows, who, strict=True)]
    found = rank_one(tensor(rows), torch.tensor(who), torch.tensor(gallery))
    assert found.tolist() == expected


def test_a_face_without_a_descriptor_is_not_identified_and_not_nearest():
    nan = math.nan
    distances = tensor([[nan, nan, nan], [nan, 0.5, 0.9], [nan, 0.9, 0.5], [0.1, nan, 0.5]])
    found = rank_one(distances, torch.tensor([4, 5, 4, 4]), torch.tensor([4, 5, 6]))
    assert found.tolist() == [0, 1, 0, 1]


def test_a_tie_with_another_person_is_wrong():
    distances = tensor([[0.5, 0.5, 0.9], [0.9, 0.5, 0.5]])
    people = torch.tensor([1, 2])
    assert rank_one(distances, people, torch.tensor([1, 2, 2])).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("gallery", "message"),
    [
        ([1, 2, 3], "people of the gallery, got 6 others: 4, 5, 6, 7, 8, ...$"),
        ([1, 2, 3, 4, 5, 6, 7, 8], "people of the gallery, got 1 others: 9$"),
        ([], "at least one face in the gallery"),
    ],
)
def test_refuses_people_who_are_not_in_the_gallery(gallery, message):
    gallery = torch.tensor(gallery, dtype=torch.long)
    with pytest.raises(ValueError, match=message):
        rank_one(torch.zeros(9, len(gallery)), torch.arange(1, 10), gallery)


# verified, threshold_at


def test_a_pair_at_the_threshold_is_accepted_and_a_missing_one_is_not():
    distances = torch.tensor([0.0, 0.5, 0.5000001, torch.nan])
    assert verified(distances, 0.5).tolist() == [1, 1, 0, 0]
    assert verified(distances, math.inf).tolist() == [1, 1, 1, 0]
    with pytest.raises(ValueError, match="expected a threshold, got nan"):
        verified(distances, math.nan)


@given(impostors=several, share=st.floats(0, 1), single=st.booleans())
def test_no_larger_threshold_keeps_the_rate(impostors, share, single):
    pairs = tensor(impostors).float() if single else tensor(impostors)
    rate = max(share, 1 / len(impostors))
    threshold = threshold_at(pairs, rate)
    assert verified(pairs, threshold).mean().item() <= rate + 1e-6
    if threshold < math.inf:
        larger = math.nextafter(threshold, math.inf)
        assert verified(pairs, larger).mean().item() > rate - 1e-6
        assert verified(pairs, larger).sum() > verified(pairs, threshold).sum()
    else:
        assert pairs.isfinite().double().mean().item() <= rate


def test_the_threshold_stands_just_below_the_next_impostor():
    impostors = tensor([0.9, 0.5, 0.7, 0.7, 0.8, math.nan, 1.0, 1.1, 1.2, 1.3])
    assert threshold_at(impostors, 0.1) == pytest.approx(0.7)
    assert threshold_at(impostors, 0.29) == pytest.approx(0.7)  # the two at 0.7 come together
    assert threshold_at(impostors, 0.3) == pytest.approx(0.8)
    assert threshold_at(impostors, 0.9) == math.inf


def test_rates_that_are_no_binary_fractions_are_taken_at_their_word():
    impostors = torch.arange(100, dtype=torch.float64)
    for accepted in range(1, 100):
        assert threshold_at(impostors, accepted / 100) == pytest.approx(accepted)


@pytest.mark.parametrize(
    ("count", "rate"), [(10, 0.09), (1000, 0.0009), (10, 0.0), (10, 1.1), (10, math.nan), (0, 1.0)]
)
def test_refuses_rates_that_so_few_pairs_cannot_show(count, rate):
    with pytest.raises(ValueError, match=f"from 1/n to 1 with n = {count} impostor pairs, got"):
        threshold_at(torch.rand(count), rate)


# roc


@given(seed=seeds, missing=st.booleans())
def test_the_curve_agrees_with_torchmetrics(seed, missing):
    generator = torch.Generator().manual_seed(seed)
    genuine = torch.rand(30, generator=generator, dtype=torch.float64).mul(20).round() / 20
    impostors = 0.3 + torch.rand(50, generator=generator, dtype=torch.float64)
    if missing:
        genuine[:7], impostors[:4] = torch.nan, torch.nan
    likeness = (1 / (1 + torch.cat([genuine, impostors]))).nan_to_num(nan=0)
    labels = torch.cat([torch.ones(30), torch.zeros(50)]).long()
    false_rate, true_rate, _ = binary_roc(likeness, labels)
    found = roc(genuine, impostors)
    np.testing.assert_allclose(found.false_accept_rate, false_rate)
    np.testing.assert_allclose(found.true_accept_rate, true_rate)


# auc


def test_the_area_agrees_with_torchmetrics_on_many_pairs():
    generator = torch.Generator().manual_seed(0)
    genuine = torch.rand(300, generator=generator, dtype=torch.float64)
    impostors = 0.4 + torch.rand(500, generator=generator, dtype=torch.float64)
    labels = torch.cat([torch.ones(300), torch.zeros(500)]).long()
    likeness = 1 / (1 + torch.cat([genuine, impostors]))
    assert auc(genuine, impostors) == pytest.approx(binary_auroc(likeness, labels).item())


# same_class


def test_the_first_class_of_both_has_to_be_the_same():
    nan = math.nan
    logits = tensor([[3, 1, 2], [3, 1, 2], [0, 0, 1], [3, 1, 2], [nan, nan, nan]])
    other = tensor([[9, 8, 1], [1, 2, 3], [nan, 0, 1], [3, 1, nan], [nan, nan, nan]])
    assert same_class(logits, other).tolist() == [1, 0, 0, 0, 0]


# fold_statistics


@given(
    folds=st.lists(st.lists(st.floats(-9, 9), min_size=1, max_size=5), min_size=2, max_size=6),
    seed=seeds,
)
def test_folds_agree_with_the_statistics_module(folds, seed):
    means = [statistics.fmean(values) for values in folds]
    values = tensor(list(itertools.chain(*folds)))
    names = torch.tensor([3 * i - 4 for i, fold in enumerate(folds) for _ in fold])
    order = torch.randperm(len(values), generator=torch.Generator().manual_seed(seed))
    expected = statistics.fmean(means), statistics.stdev(means)
    assert fold_statistics(values[order], names[order]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "folds", "message"),
    [
        ([1.0, math.nan], [0, 7], "values in every fold, got none in fold 7"),
        ([1.0, 0.0], [3, 3], "at least two folds, got 1"),
        ([], [], "at least two folds, got 0"),
    ],
)
def test_refuses_folds_that_say_nothing(values, folds, message):
    with pytest.raises(ValueError, match=message):
        fold_statistics(tensor(values), torch.tensor(folds, dtype=torch.long))


# Corners of curves, and accuracies in folds


@given(seed=st.integers(0, 999), genuine=st.integers(1, 8), impostors=st.integers(1, 40))
def test_corners_draw_the_same_curve(seed, genuine, impostors):
    generator = torch.Generator().manual_seed(seed)
    draw = lambda n: torch.randint(12, (n,), generator=generator).float()  # noqa: E731
    whole = roc(draw(genuine), draw(impostors))
    few = whole.corners()
    assert len(few.true_accept_rate) <= 2 * genuine + 2
    at = torch.linspace(0, 1, 57, dtype=torch.float64)

    def highest(curve):
        """The best true rate at each false one."""
        return torch.stack([curve.true_accept_rate[curve.false_accept_rate <= f].max() for f in at])

    assert torch.equal(highest(whole), highest(few))


def test_a_fold_is_judged_by_what_is_best_in_the_others():
    # Each fold alone could be told apart, by 0.25 and by 0.5; the other one says otherwise.
    distances = torch.tensor([0.1, 0.4, 0.3, 0.7])
    same, folds = torch.tensor([True, False, True, False]), torch.tensor([1, 1, 2, 2])
    assert fold_accuracies(distances, same, folds).tolist() == [1, 0, 0, 1]
