import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from graphgan.layers._convolution import ReflectConv2d
from graphgan.layers._fusion import fuse
from graphgan.layers._winograd import (
    convolve_transformed,
    is_faster,
    transformed_kernel,
    winograd_conv2d,
)

shapes = {
    "seed": st.integers(0, 999),
    "batch": st.integers(1, 3),
    "channels": st.integers(1, 5),
    "out_channels": st.integers(1, 5),
    "height": st.integers(3, 19),
    "width": st.integers(3, 19),
}


def drawn(seed, batch, channels, out_channels, height, width, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, channels, height, width, generator=generator, dtype=dtype)
    weight = torch.randn(out_channels, channels, 3, 3, generator=generator, dtype=dtype)
    return x.requires_grad_(), weight.requires_grad_()


@given(**shapes)
def test_it_is_the_convolution_and_so_are_its_gradients(**shape):
    x, weight = drawn(**shape)
    out, expected = winograd_conv2d(x, weight), F.conv2d(x, weight)
    torch.testing.assert_close(out, expected)
    upstream = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(out, (x, weight), upstream),
        torch.autograd.grad(expected, (x, weight), upstream),
    )


def test_gradients_of_gradients_are_those_of_finite_differences():
    inputs = drawn(0, 1, 2, 3, 7, 6)
    assert torch.autograd.gradcheck(winograd_conv2d, inputs)
    assert torch.autograd.gradgradcheck(winograd_conv2d, inputs)


@torch.no_grad()
def test_the_memory_layout_of_what_comes_changes_nothing_and_what_goes_is_channels_last():
    x, weight = drawn(0, 2, 5, 4, 10, 14)
    last = x.contiguous(memory_format=torch.channels_last)
    out = winograd_conv2d(x, weight)
    assert torch.equal(winograd_conv2d(last, weight), out)
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(convolve_transformed(x, transformed_kernel(weight)), out)


@torch.no_grad()
def test_single_precision_is_nearly_as_exact_as_the_plain_convolution():
    """A digit is lost: 1e-5 of the results' spread, 1e-6 plainly (which depends on processors)."""
    x, weight = drawn(0, 1, 256, 32, 18, 18, torch.float32)
    exact = F.conv2d(x.double(), weight.double())
    assert (winograd_conv2d(x, weight) - exact).abs().max() < 2e-5 * exact.std()


def test_it_is_taken_where_it_pays_and_nowhere_else():
    x, weight = drawn(0, 4, 128, 128, 18, 18, torch.float32)
    assert is_faster(x, weight)
    assert not is_faster(x[:, :64], weight[:, :64])
    assert not is_faster(x[:2], weight)
    assert is_faster(x[:2], weight, transformed=True)
    assert not is_faster(x[:1], weight, transformed=True)
    assert not is_faster(x, torch.randn(128, 128, 7, 7))
    assert not is_faster(x.bfloat16(), weight.bfloat16())
    assert not is_faster(x.to("meta"), weight.to("meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not is_faster(x, weight)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@torch.no_grad()
def test_a_block_s_convolution_is_the_same_by_each_way(bias, dtype):
    torch.manual_seed(0)
    conv = ReflectConv2d(128, 130, 3, bias=bias).to(dtype)
    x = torch.randn(2, 128, 23, 22, dtype=dtype)
    plain = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), conv.weight, conv.bias)
    torch.testing.assert_close(conv(x), plain)
    torch.testing.assert_close(fuse(conv)(x), plain)


@pytest.mark.unhooked
@pytest.mark.slow
def test_it_compiles_and_exports():
    torch.manual_seed(0)
    conv, x = ReflectConv2d(128, 128, 3).double(), torch.randn(2, 128, 23, 22).double()
    x.requires_grad_()
    results = []
    for call in (conv, torch.compile(conv, fullgraph=True, backend="eager")):
        out = call(x)
        results.append([out, *torch.autograd.grad(out.square().sum(), [x, conv.weight])])
    torch.testing.assert_close(*results)
    for module in (conv, fuse(conv)):
        program = torch.export.export(module.requires_grad_(False), (x.detach(),))
        torch.testing.assert_close(program.module()(x.detach()), conv(x).detach())
