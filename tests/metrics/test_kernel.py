import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.image.kid import poly_mmd

from graphgan.metrics import KernelDistance, kernel_distance

seeds = st.integers(0, 9999)


def rows(seed, count, width=5, *, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=generator, dtype=torch.float64) + shift


def by_pairs(x, y):
    """The unbiased estimate, one pair after the other."""

    def mean(one, other, *, same):
        pairs = [
            (float(u @ v) / len(u) + 1) ** 3
            for i, u in enumerate(one)
            for j, v in enumerate(other)
            if not same or i != j
        ]
        return np.mean(pairs)

    return mean(x, x, same=True) + mean(y, y, same=True) - 2 * mean(x, y, same=False)


@given(seed=seeds, count=st.integers(2, 9), width=st.integers(1, 5), shift=st.floats(-2, 2))
def test_whole_sets_give_the_mean_over_all_pairs(seed, count, width, shift):
    real, other = rows(seed, count, width), rows(seed + 1, count, width, shift=shift)
    found = kernel_distance(real, other)
    assert found == KernelDistance(pytest.approx(by_pairs(real, other), rel=1e-9, abs=1e-9), 0.0)


def test_agrees_with_torchmetrics():
    real, other = rows(0, 40), rows(1, 40, shift=0.5)
    expected = float(poly_mmd(real, other))
    assert kernel_distance(real, other).mean == pytest.approx(expected, rel=1e-9)


def test_subsets_tell_how_sure_it_is():
    real, other = rows(0, 300), rows(1, 200, shift=1)
    few, many = (kernel_distance(real, other, subset_size=size) for size in (20, 100))
    assert few.mean == pytest.approx(many.mean, rel=0.1)
    assert few.std > 1.5 * many.std > 0


def test_a_seed_gives_the_same_and_leaves_chance_alone():
    real, other = rows(0, 40), rows(1, 40)
    state = torch.get_rng_state()
    first = kernel_distance(real, other, subset_size=10)
    assert torch.equal(torch.get_rng_state(), state)
    assert kernel_distance(real, other, subset_size=10) == first
    assert kernel_distance(real, other, subset_size=10, seed=1) != first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subset_size": 1}, "subset_size of at least 2, got 1"),
        ({"subset_size": 9}, "at least 9 rows in the second set, got 8"),
        ({"subsets": 0}, "subsets of at least 1, got 0"),
    ],
)
def test_refuses_subsets_that_cannot_be_drawn(options, message):
    with pytest.raises(ValueError, match=message):
        kernel_distance(rows(0, 10), rows(1, 8), **options)


def test_refuses_too_few_rows_and_rows_that_are_missing():
    with pytest.raises(ValueError, match="subset_size of at least 2, got 1"):
        kernel_distance(rows(0, 10), rows(1, 1))
    holed = rows(1, 10)
    holed[3] = torch.nan
    with pytest.raises(ValueError, match="finite rows in the second set, got 1 that are not"):
        kernel_distance(rows(0, 10), holed)
