import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from graphgan.layers._smoothing import box_filter, smooth, with_details_of


@given(value=st.floats(-5, 5), side=st.sampled_from([1, 3, 5]))
def test_a_flat_picture_stays_flat_up_to_its_edges(value, side):
    flat = torch.full((1, 2, 7, 9), value)
    torch.testing.assert_close(smooth(flat, side), flat)


@pytest.mark.parametrize("side", [3, 5, 7])
def test_a_point_is_spread_as_far_as_a_gaussian_of_that_sigma(side):
    point = torch.zeros(1, 1, 41, 41)
    point[..., 20, 20] = 1
    spread = smooth(point, side)[0, 0]
    assert spread.sum() == pytest.approx(1)
    distance = torch.arange(41.0) - 20
    assert (spread.sum(0) * distance**2).sum().sqrt() == pytest.approx(math.sqrt((side**2 - 1) / 6))


def test_what_is_finer_comes_from_one_picture_and_what_is_coarser_from_the_other():
    x = torch.arange(64) * 2 * torch.pi
    fine, coarse = (torch.sin(x / period).expand(1, 1, 64, -1) for period in (2.5, 64.0))
    made = with_details_of(fine, coarse, 5)[..., 8:-8, 8:-8]
    expected = (fine + coarse)[..., 8:-8, 8:-8]
    assert (made - expected).abs().max() < 0.15


@pytest.mark.parametrize("side", [1, 3, 7, 41])
def test_filters_average_as_pooling_does(side):
    x = torch.rand(2, 3, 37, 52)

    def pooled(x):
        return F.avg_pool2d(x, side, stride=1, padding=side // 2, count_include_pad=False)

    torch.testing.assert_close(box_filter(x, side), pooled(x))
    torch.testing.assert_close(smooth(x, side), pooled(pooled(x)))
