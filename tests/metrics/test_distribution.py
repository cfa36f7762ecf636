import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax
from torch import nn

from graphgan.extras import MissingExtraError
from graphgan.metrics import (
    InceptionScore,
    frechet_inception_distance,
    inception_score,
    kernel_distance,
    kernel_inception_distance,
)

seeds = st.integers(0, 9999)


class Network(nn.Module):
    """A fixed random layer on 8-bit images of 4 x 4, which keeps what it was given."""

    def __init__(self, width=6, *, seed=0):
        super().__init__()
        self.layer = nn.Linear(48, width)
        numbers = torch.randn(width, 49, generator=torch.Generator().manual_seed(seed))
        self.layer.weight.data, self.layer.bias.data = 2 * numbers[:, :48], numbers[:, 48]
        self.given = []

    def forward(self, images):
        self.given.append((images, self.training, torch.is_grad_enabled()))
        return self.layer(images.flatten(1) / 255).tanh() * 3


def pictures(seed, count, *, low=-1.0, high=1.0):
    torch.manual_seed(seed)
    return low + (high - low) * torch.rand(count, 3, 4, 4)


def as_8_bits(images):
    # In single precision, which decides where a value lies half-way between two.
    return ((images + 1) * 127.5).round().numpy().astype(np.float64)


def seen(network, images):
    """Outputs of the network by numpy alone."""
    weight, bias = (p.detach().numpy().astype(np.float64) for p in network.layer.parameters())
    flat = as_8_bits(images).reshape(len(images), -1) / 255
    return np.tanh(flat @ weight.T + bias) * 3


def frechet(one, other):
    """By the symmetric form ``tr (S^1/2 T S^1/2)^1/2``."""
    s, t = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    values, vectors = np.linalg.eigh(s)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    both = np.sqrt(np.linalg.eigvalsh(root @ t @ root).clip(0)).sum()
    means = one.mean(0) - other.mean(0)
    return means @ means + np.trace(s) + np.trace(t) - 2 * both


# frechet_inception_distance


@given(seed=seeds, count=st.integers(13, 60), width=st.integers(2, 12), low=st.floats(-1, 0.5))
def test_fid_agrees_with_numpy(seed, count, width, low):
    network = Network(width, seed=seed)
    real, generated = pictures(seed, count), pictures(seed + 1, count + 5, low=low)
    expected = frechet(seen(network, real), seen(network, generated))
    found = frechet_inception_distance(real, generated, network)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_fid_of_shifted_features_is_the_square_of_the_shift():
    dark = torch.randint(0, 200, (80, 3, 1, 1)) / 127.5 - 1
    brighter = dark + 10 / 127.5
    distance = frechet_inception_distance(dark, brighter, nn.Flatten())
    assert distance == pytest.approx(3 * 10**2, rel=1e-5)


@given(seed=seeds, count=st.integers(2, 30), low=st.floats(-1, 0.5))
def test_kid_is_the_kernel_distance_of_the_features(seed, count, low):
    network = Network(seed=seed)
    real, generated = pictures(seed, count), pictures(seed + 1, count, low=low)
    rows = [torch.from_numpy(seen(network, images)) for images in (real, generated)]
    expected = kernel_distance(*rows, subsets=2)
    found = kernel_inception_distance(real, generated, network, subsets=2)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)


# inception_score


def score(logits, splits, seed):
    """By the formula, over parts of the shuffled logits."""
    order = torch.randperm(len(logits), generator=torch.Generator().manual_seed(seed)).numpy()
    size = math.ceil(len(logits) / splits)
    parts = [logits[order[i : i + size]] for i in range(0, len(logits), size)]
    scores = []
    for part in parts:
        log_p = log_softmax(part, axis=1)
        p = np.exp(log_p)
        scores.append(np.exp((p * (log_p - np.log(p.mean(0)))).sum(1).mean()))
    return np.mean(scores), np.std(scores, ddof=1) if len(scores) > 1 else math.nan


@given(seed=seeds, count=st.integers(10, 50), splits=st.integers(1, 10))
def test_inception_score_agrees_with_numpy(seed, count, splits):
    classifier, images = Network(5, seed=seed), pictures(seed, count)
    found = inception_score(images, classifier, splits=splits, seed=seed)
    assert isinstance(found, InceptionScore)
    expected = score(seen(classifier, images), splits, seed)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5, nan_ok=True)


class Color(nn.Module):
    """Sure that an image is of the class of its brightest channel."""

    def __init__(self, certainty):
        super().__init__()
        self.certainty = certainty

    def forward(self, images):
        return images.float().mean((2, 3)) * self.certainty


@pytest.mark.parametrize("certainty", [1.0, 1e3, 1e30])
def test_as_many_sure_classes_as_there_are_is_the_most(certainty):
    images = -torch.ones(30, 3, 4, 4)
    for i in range(30):
        images[i, i % 3] = 1
    found = inception_score(images, Color(certainty), splits=1)
    assert found.mean == pytest.approx(3)
    assert inception_score(images, Color(0.0)) == InceptionScore(1.0, 0.0)


# All

every = pytest.mark.parametrize(
    "measure",
    [
        lambda images, module, **options: frechet_inception_distance(
            images, pictures(9, 30), module, **options
        ),
        lambda images, module, **options: (
            kernel_inception_distance(images, pictures(9, 30), module, subsets=5, **options).mean
        ),
        lambda images, module, **options: inception_score(images, module, **options).mean,
    ],
    ids=["fid", "kid", "inception score"],
)


@every
def test_batches_make_no_difference(measure):
    network, images = Network(), pictures(0, 30)
    expected = measure(images, network)
    assert measure(images, network, batch_size=7) == pytest.approx(expected, rel=1e-5)
    parts = list(images.split([1, 20, 9]))
    assert measure(parts, network) == pytest.approx(expected, rel=1e-5)
    assert measure(iter(parts), network, batch_size=4) == pytest.approx(expected, rel=1e-5)


@every
def test_the_network_gets_8_bits_and_nothing_but_the_pictures(measure):
    network, images = Network(), pictures(0, 30)
    network.num_features = 2048  # of another layer, as some networks say
    measure(images, network, batch_size=8)
    given = torch.cat([batch for batch, _, _ in network.given])
    assert given.dtype == torch.uint8 and len(given) in (30, 60)
    np.testing.assert_array_equal(given[:30].numpy(), as_8_bits(images))
    assert max(len(batch) for batch, _, _ in network.given) == 8
    assert {(training, grad) for _, training, grad in network.given} == {(False, False)}


@every
def test_the_network_is_left_as_it_was(measure):
    network = nn.Sequential(Network(), nn.BatchNorm1d(6), nn.Dropout())
    network[1].eval()
    state = {key: value.clone() for key, value in network.state_dict().items()}
    expected = measure(pictures(0, 30), network)
    assert measure(pictures(0, 30), network) == expected
    assert [part.training for part in network] == [True, False, True]
    with pytest.raises(ValueError, match="images in"):
        measure(9 * pictures(0, 30), network)
    assert [part.training for part in network] == [True, False, True]
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


class Bad(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, images):
        return self.output(images)


@every
@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda x: x.float(), r"shape \(30, d\), got \(30, 3, 4, 4\)"),
        (lambda x: x.float().mean((1, 2, 3)), r"shape \(30, d\), got \(30,\)"),
        (lambda x: x.flatten(1)[:1], r"shape \(30, d\), got \(1, 48\)"),
        (lambda x: (x, x), r"shape \(30, d\), got tuple"),
        (lambda x: x.flatten(1) / 0.0, "finite outputs"),
    ],
)
def test_refuses_other_outputs(measure, output, message):
    with pytest.raises(ValueError, match=message):
        measure(pictures(0, 30), Bad(output))


@every
@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (0.0, 255.0, "in .-1, 1., got .* to 2"),
        (-1.2, 1.0, "in .-1, 1., got -1.2 to"),
        (math.nan, math.nan, "in .-1, 1., got nan to nan"),
        (-math.inf, -math.inf, "in .-1, 1., got "),
    ],
)
def test_refuses_pictures_of_another_range(measure, low, high, message):
    with pytest.raises(ValueError, match=message):
        measure(pictures(0, 30, low=low, high=high), Network())


def test_refuses_too_few_pictures():
    one, many = pictures(0, 1), pictures(0, 5)
    for real, generated in ((one, many), (many, one)):
        for distance in (frechet_inception_distance, kernel_inception_distance):
            with pytest.raises(ValueError, match="at least 2 images, got 1"):
                distance(real, generated, Network())
    with pytest.raises(ValueError, match="at least 2 images, got 0"):
        frechet_inception_distance([], many, Network())
    with pytest.raises(ValueError, match="at least 2 images, got 1"):
        inception_score(one, Network(), splits=1)
    with pytest.raises(ValueError, match="at least 10 images, got 5"):
        inception_score(many, Network())


@pytest.mark.unhooked
@every
@pytest.mark.parametrize("kind", [lambda x: x, lambda x: [x]], ids=["at once", "batches"])
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(3, 4, 4), r"\(n, 3, h, w\), got torch.float32 \(3, 4, 4\)"),
        (torch.zeros(30, 1, 4, 4), r"got torch.float32 \(30, 1, 4, 4\)"),
        (torch.zeros(30, 3, 4, 4, dtype=torch.uint8), r"floating-point .* got torch.uint8"),
    ],
)
def test_refuses_other_pictures(measure, kind, images, message):
    with pytest.raises(ValueError, match=message):
        measure(kind(images), Network())


def test_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.image.inception", None)
    with pytest.raises(MissingExtraError, match=r"graphgan\[recipes\]"):
        inception_score(pictures(0, 30), Network())
