from typing import get_args

import pytest
import torch

from graphgan.layers._normalization import Norm, bias_before, make_norm


@pytest.mark.parametrize("norm", ["batch", "instance", "affine_instance", "group"])
def test_every_norm_gives_each_channel_or_group_mean_0_and_variance_1(norm):
    x = 3 * torch.randn(4, 32, 6, 5) + 7
    groups = {"batch": (0, 2, 3), "group": None}.get(norm, (2, 3))
    y = make_norm(norm, 32).train()(x)
    if groups is None:
        y, groups = y.reshape(4, 2, 16, 6, 5), (2, 3, 4)
    torch.testing.assert_close(y.mean(groups), torch.zeros_like(y.mean(groups)), atol=1e-5, rtol=0)
    variance = y.var(groups, unbiased=False)
    torch.testing.assert_close(variance, torch.ones_like(variance), atol=1e-3, rtol=0)


def test_only_a_norm_without_a_shift_asks_for_a_bias_before_it():
    shifts = {norm: make_norm(norm, 8).state_dict() for norm in get_args(Norm)}
    assert {norm: bias_before(norm) for norm in shifts} == {
        norm: "bias" not in state for norm, state in shifts.items()
    }


@pytest.mark.unhooked
def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="'affine_instance', 'group'; got 'layer'"):
        make_norm("layer", 8)
