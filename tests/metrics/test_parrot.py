import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax

from graphgan.metrics import descriptor_distances, parrot_rank_one, rank_one

seeds = st.integers(0, 9999)


def faces(seed, people, each, *, width=16, noise=1.0):
    """Descriptors around a place of each person, and whose they are."""
    generator = torch.Generator().manual_seed(seed)
    who = torch.arange(people).repeat(each)
    places = torch.randn(people, width, generator=generator)
    return places[who] + noise * torch.randn(len(who), width, generator=generator), who


def halves(seed, people, each, **options):
    descriptors, who = faces(seed, people, 2 * each, **options)
    half = people * each
    return descriptors[:half], who[:half], descriptors[half:], who[half:]


def test_people_who_can_be_told_apart_are_all_named():
    assert parrot_rank_one(*halves(0, people=200, each=3, width=128, noise=0.2)).mean() == 1


def test_it_learns_what_no_comparison_with_originals_shows():
    originals, who = faces(0, people=30, each=1, noise=0.0)
    hidden = 40 - 5 * originals  # another place, and turned around
    seen = hidden.repeat(4, 1) + 0.2 * torch.randn(120, 16)
    compared = rank_one(descriptor_distances(seen, originals), who.repeat(4), who)
    assert compared.mean() < 0.2
    assert parrot_rank_one(seen[:60], who.repeat(2), seen[60:], who.repeat(2)).mean() > 0.95


@given(seed=seeds, weight_decay=st.sampled_from([0.3, 3.0, 30.0]), width=st.sampled_from([5, 40]))
def test_agrees_with_the_objective_minimized_by_scipy(seed, weight_decay, width):
    people = 4
    train, who = faces(seed, people, each=8, width=width)
    probes, whose = faces(seed + 1, people, each=1000, width=width)
    mean, std = train.double().mean(0).numpy(), train.double().numpy().std(0)
    z, labels = (train.double().numpy() - mean) / std, who.numpy()

    def objective(numbers):
        weight, bias = numbers[: people * width].reshape(people, width), numbers[people * width :]
        logs = log_softmax(z @ weight.T + bias, axis=1)
        away = np.exp(logs) - np.eye(people)[labels]
        loss = -logs[range(len(z)), labels].sum() + weight_decay / 2 * np.square(weight).sum()
        return loss, np.concatenate([(away.T @ z + weight_decay * weight).ravel(), away.sum(0)])

    options = {"gtol": 1e-9, "ftol": 1e-15, "maxiter": 2000}
    start = np.zeros(people * (width + 1))
    best = minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
    weight, bias = best[: people * width].reshape(people, width), best[people * width :]
    named = ((probes.double().numpy() - mean) / std @ weight.T + bias).argmax(1)
    found = parrot_rank_one(train, who, probes, whose, weight_decay=weight_decay)
    unlike = found.numpy() != (named == whose.numpy())
    assert unlike.sum() <= 1  # a probe of 4,000 may stand on a border


@given(seed=seeds, shift=st.floats(-5, 5))
def test_units_and_places_of_the_descriptors_do_not_matter(seed, shift):
    train, who, probes, whose = (part for part in halves(seed, people=6, each=4))
    scale = torch.logspace(-2, 2, 16, dtype=torch.float64)
    train, probes = train.double(), probes.double()
    moved = parrot_rank_one(scale * train + shift, who, scale * probes + shift, whose)
    assert torch.equal(moved, parrot_rank_one(train, who, probes, whose))


def test_missing_faces_teach_nothing_and_are_wrong():
    train, who, probes, whose = halves(0, people=6, each=4, noise=0.3)
    lost = torch.zeros(24, dtype=torch.bool)
    lost[[0, 7, 13]] = True
    found = parrot_rank_one(train.clone().masked_fill(lost[:, None], torch.nan), who, probes, whose)
    assert torch.equal(found, parrot_rank_one(train[~lost], who[~lost], probes, whose))
    probes[lost, 0] = torch.nan
    assert torch.equal(parrot_rank_one(train, who, probes, whose), (~lost).double())


def test_refuses_people_whom_the_parrot_does_not_hold():
    train, who, probes, whose = halves(0, people=6, each=4)
    with pytest.raises(ValueError, match="people of the training faces, got 1 others: 5"):
        parrot_rank_one(train, who.clamp(max=4), probes, whose)
    with pytest.raises(ValueError, match="at least one face in the training faces, got none"):
        parrot_rank_one(train[:0], who[:0], probes, whose)
