import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance

from graphgan.metrics import frechet_distance, principal_frechet_distance

seeds = st.integers(0, 9999)


def mixed(seed, count, width):
    """Rows of which every column depends on every other."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(width, width, generator=generator, dtype=torch.float64)
    rows = torch.randn(count, width, generator=generator, dtype=torch.float64)
    return rows @ mix + torch.randn(width, generator=generator, dtype=torch.float64)


class Same(nn.Identity):
    num_features = 8


def test_agrees_with_torchmetrics():
    a, b = mixed(0, 100, 8), mixed(1, 70, 8)
    metric = FrechetInceptionDistance(feature=Same())
    metric.update(a, real=True)
    metric.update(b, real=False)
    assert frechet_distance(a, b) == pytest.approx(metric.compute().item(), rel=1e-5)


@given(seed=seeds, shift=st.floats(-9, 9), scale=st.floats(0.1, 5))
def test_a_shift_and_a_stretch_give_what_the_formula_says(seed, shift, scale):
    a = mixed(seed, 60, 6)
    assert frechet_distance(a, a + shift) == pytest.approx(6 * shift**2, rel=1e-5, abs=1e-5)
    stretched = frechet_distance(a - a.mean(0), scale * (a - a.mean(0)))
    expected = (scale - 1) ** 2 * a.var(0).sum().item()
    assert stretched == pytest.approx(expected, rel=1e-5, abs=1e-5)


@given(seed=seeds, width=st.integers(1, 12))
def test_it_is_symmetric_and_0_for_equal_sets_and_never_below(seed, width):
    a, b = mixed(seed, 30, width), mixed(seed + 1, 40, width)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-5)
    assert 0 <= frechet_distance(a, a.flip(0)) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("count", [0, 1, 128])
def test_refuses_sets_whose_covariance_lacks_rank(count):
    few, enough = torch.randn(count, 128), torch.randn(129, 128)
    message = f"more than d = 128 rows in the {{}} set, got {count}: with fewer, the covariances"
    with pytest.raises(ValueError, match=message.format("first")):
        frechet_distance(few, enough)
    with pytest.raises(ValueError, match=message.format("second")):
        frechet_distance(enough, few)
    assert frechet_distance(enough, enough + 1) == pytest.approx(128, rel=1e-4)


# Principal directions


def test_principal_directions_by_hand():
    """Spreads 3 and 1 beside 4 and 5: (3 - 4)^2 along the first axis alone, (1 - 5)^2 by the other.

    The means are apart by 2 along the second axis, which counts in either case.
    """
    cross = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]])  # of variance 2 / 3 along each axis
    unit = cross * 1.5**0.5
    real = unit * torch.tensor([3.0, 1.0])
    other = unit * torch.tensor([4.0, 5.0]) + torch.tensor([0.0, 2.0])
    one = principal_frechet_distance(real, other, directions=1)
    assert one == (pytest.approx(4 + 1, rel=1e-6), 1)
    two = principal_frechet_distance(real, other, directions=2)
    assert two == (pytest.approx(4 + 1 + 16, rel=1e-6), 2)
    assert two.distance == pytest.approx(frechet_distance(real, other), rel=1e-6)


def test_it_rises_with_shift_stretch_and_sameness():
    rows = torch.randn(160, 300) / (1 + torch.arange(300) / 5)  # most vary along a few directions
    real, other = rows[::2], rows[1::2]

    def measure(of):
        return principal_frechet_distance(real, of).distance

    for damaged in (
        [other + shift for shift in (0.0, 0.1, 0.3)],
        [other * scale for scale in (1.0, 1.5, 2.0)],
        [other[torch.arange(80) % people] for people in (80, 20, 4)],
    ):
        distances = [measure(of) for of in damaged]
        assert distances == sorted(distances)
        assert distances[1] > 1.1 * distances[0]


def test_what_does_not_vary_is_no_direction():
    few = mixed(0, 3, 20)[torch.arange(60) % 3]  # three different rows lie in a plane
    assert principal_frechet_distance(few, mixed(1, 60, 20)).directions == 2
    with pytest.raises(ValueError, match="directions from 1 to 2, got 3"):
        principal_frechet_distance(few, few, directions=3)
    with pytest.raises(ValueError, match="real rows that differ"):
        principal_frechet_distance(torch.full((9, 3), 0.1), few[:, :3].float())


def test_refuses_directions_that_are_not_there():
    real, other = torch.randn(9, 30), torch.randn(7, 30)
    for bad in (0, 7):
        with pytest.raises(ValueError, match=f"directions from 1 to 6, got {bad}"):
            principal_frechet_distance(real, other, directions=bad)
    with pytest.raises(ValueError, match="at least 4 rows in each set, got 3"):
        principal_frechet_distance(real, other[:3])
    with pytest.raises(ValueError, match="finite rows in the first set, got 1 that are not"):
        principal_frechet_distance(torch.full((1, 30), torch.nan), other)
