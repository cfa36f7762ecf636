import pytest
import torch
from torch import nn

from graphgan.layers._convolution import ReflectConv2d


@pytest.fixture(params=[1, 3, 7])
def pair(request):
    """A convolution and torch's own of the same weights."""
    ours = ReflectConv2d(2, 3, request.param)
    theirs = nn.Conv2d(2, 3, request.param, padding=request.param // 2, padding_mode="reflect")
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def test_is_torch_s_convolution_with_reflection(pair):
    ours, theirs = pair
    x = torch.randn(2, 2, 8, 9)
    assert torch.equal(ours(x), theirs(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_under_autocast_too(pair, dtype):
    ours, theirs = pair
    x = torch.randn(2, 2, 8, 9, dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16):
        out = ours(x)
        assert out.dtype == torch.bfloat16
        torch.testing.assert_close(out, theirs(x))
