import pytest
import torch
import torch.nn.functional as F

from graphgan.layers import ResidualBlock


@pytest.mark.parametrize("spectral", [False, True])
@pytest.mark.parametrize("norm", ["batch", "instance", "affine_instance", "group"])
def test_agrees_with_the_formula(norm, spectral):
    block = ResidualBlock(4, norm=norm, spectral=spectral).double().eval()
    x = torch.randn(2, 4, 5, 6).double()
    first, norm_1, _, second, norm_2 = block.body

    def conv(x, layer):
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), layer.weight, layer.bias)

    expected = x + norm_2(conv(norm_1(conv(x, first)).relu(), second))
    torch.testing.assert_close(block(x), expected)
    assert (first.bias is not None) == (norm == "instance" or spectral)
    if spectral:  # near 1 from the start, by its estimate
        largest = torch.linalg.matrix_norm(first.weight.flatten(1), 2)
        assert 0.9 < largest < 1.1


def test_refuses_a_single_row():
    with pytest.raises(ValueError, match="at least 2 pixels, got 1 x 5"):
        ResidualBlock(4)(torch.ones(2, 4, 1, 5))
