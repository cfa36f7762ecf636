import golden
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.layers import ChannelGate, EfficientChannelAttention, adaptive_kernel_size


def test_gives_the_published_numbers():
    attention = EfficientChannelAttention(10, kernel_size=3)
    weights = golden.state(golden.layout("eca"))["conv.weight"]
    attention.load_state_dict({"gate.conv.weight": weights})
    out = attention(golden.images("eca/input", 2, 10, 6, 5))
    torch.testing.assert_close(out, golden.expected("eca")["output"], rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("channels", "size"),
    [(1, 1), (2, 1), (8, 3), (16, 3), (64, 3), (128, 5), (256, 5), (512, 5), (1024, 5), (2048, 7)],
)
def test_the_kernel_grows_with_the_logarithm_of_the_channels(channels, size):
    assert adaptive_kernel_size(channels) == size
    assert EfficientChannelAttention(channels).gate.conv.weight.shape == (1, 1, size)


@given(channels=st.integers(1, 9), reach=st.integers(0, 3), seed=st.integers(0, 99))
def test_agrees_with_the_formula(channels, reach, seed):
    torch.manual_seed(seed)
    attention = EfficientChannelAttention(channels, kernel_size=2 * reach + 1).double()
    x = torch.randn(2, channels, 3, 4).double()
    kernel, means = attention.gate.conv.weight[0, 0], x.mean((2, 3))
    for c in range(channels):
        neighbors = range(max(0, c - reach), min(channels, c + reach + 1))
        logit = sum(kernel[n - c + reach] * means[:, n] for n in neighbors)
        expected = x[:, c] * torch.sigmoid(logit)[:, None, None]
        torch.testing.assert_close(attention(x)[:, c], expected)


@pytest.mark.parametrize("size", [0, 2, -1, -3])
def test_refuses_a_kernel_without_a_middle(size):
    with pytest.raises(ValueError, match=f"odd kernel_size, got {size}"):
        ChannelGate(size)
