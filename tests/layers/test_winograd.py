import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.layers._convolution import ReflectConv2d
from graphgan.layers.winograd import WinogradConv2d, _is_slower

sides = st.integers(2, 19)


def both(seed, channels, out_channels, *, bias=True, dtype=torch.float64):
    torch.manual_seed(seed)
    conv = ReflectConv2d(channels, out_channels, 3, bias=bias).to(dtype)
    return conv, WinogradConv2d(conv)


@given(
    seed=st.integers(0, 999),
    batch=st.integers(1, 3),
    channels=st.integers(1, 5),
    out_channels=st.integers(1, 5),
    height=sides,
    width=sides,
    bias=st.booleans(),
)
@torch.no_grad()
def test_it_is_the_convolution(seed, batch, channels, out_channels, height, width, bias):
    conv, fast = both(seed, channels, out_channels, bias=bias)
    x = torch.randn(batch, channels, height, width, dtype=torch.float64)
    assert not _is_slower(x)
    for layout in (torch.contiguous_format, torch.channels_last):
        torch.testing.assert_close(fast(x.contiguous(memory_format=layout)), conv(x))


@torch.no_grad()
def test_single_precision_is_as_exact_as_the_plain_convolution():
    conv, fast = both(0, 256, 32, dtype=torch.float32)
    x = torch.randn(1, 256, 16, 16)
    exact = conv.double()(x.double())
    plain = (conv.float()(x) - exact).abs().max()
    assert (fast(x) - exact).abs().max() < 8 * plain


@torch.no_grad()
def test_half_precision_takes_the_plain_way():
    conv, fast = both(0, 8, 8, dtype=torch.float32)
    x = torch.randn(1, 8, 9, 9)
    with torch.autocast("cpu", torch.bfloat16):
        assert _is_slower(x)
        assert torch.equal(fast(x), conv(x))
    assert torch.equal(fast.bfloat16()(x.bfloat16()), conv.bfloat16()(x.bfloat16()))


def test_it_holds_nothing_that_is_saved_or_learned():
    _, fast = both(0, 2, 2)
    assert not fast.state_dict()
    assert not list(fast.parameters())


@pytest.mark.unhooked
def test_other_kernels_are_refused():
    with pytest.raises(ValueError, match=r"expected a 3x3 kernel, got \(7, 7\)"):
        WinogradConv2d(ReflectConv2d(2, 2, 7))


@pytest.mark.unhooked
@torch.no_grad()
def test_it_compiles_and_exports():
    conv, fast = both(0, 3, 4)
    x = torch.randn(2, 3, 10, 7, dtype=torch.float64)
    compiled = torch.compile(fast, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x), conv(x))
    torch.testing.assert_close(torch.export.export(fast, (x,)).module()(x), conv(x))
