import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphgan.layers import LandmarkAppearanceAggregation, PoseAttentionalTransfer


def conv(x: Tensor, layer) -> Tensor:
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), layer.weight, layer.bias)


def inputs(channels: int, shape_channels: int) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, c, 5, 6).double() for c in (channels, shape_channels)]


def stays(x_1: Tensor, x_2: Tensor) -> tuple[Tensor, Tensor]:
    """A reasoning that does nothing."""
    return x_1, x_2


@pytest.mark.parametrize("hidden", [None, 5])
@pytest.mark.parametrize("shape_channels", [3, 6])
@pytest.mark.parametrize("training", [True, False])
def test_agrees_with_the_equations(shape_channels, hidden, training):
    block = PoseAttentionalTransfer(3, shape_channels, hidden_channels=hidden, dropout=0.0)
    block = block.double().train(training)
    a, s = inputs(3, shape_channels)
    out, shape = block(a, s)
    first, norm_1, *_, second, norm_2 = block.appearance
    of_image = norm_2(conv(norm_1(conv(a, first)).relu(), second))
    first, norm, *_, second = block.shape
    of_pose = conv(norm(conv(s, first)).relu(), second)
    assert first.weight.shape[:2] == (hidden or shape_channels, shape_channels)
    expected = of_pose.sigmoid() * of_image + a
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(shape, torch.cat([of_pose, expected], dim=1))


def test_a_mask_of_zeros_leaves_the_appearance_and_one_of_ones_adds_all():
    block, (a, s) = PoseAttentionalTransfer(3, norm="instance").double().eval(), inputs(3, 3)
    last = block.shape[-1]
    nn.init.zeros_(last.weight)
    for bias, share in ((-1e3, 0), (1e3, 1)):
        nn.init.constant_(last.bias, bias)
        torch.testing.assert_close(block(a, s)[0], a + share * block.appearance(a))


@pytest.mark.parametrize("norm", ["batch", "instance", "group"])
def test_the_aggregation_without_its_reasoning_is_this_block(norm):
    torch.manual_seed(0)
    aggregation = LandmarkAppearanceAggregation(8, 16, num_nodes=6, norm=norm).double().eval()
    block = PoseAttentionalTransfer(8, 16, norm=norm).double().eval()
    state = aggregation.state_dict()
    block.load_state_dict({k: v for k, v in state.items() if not k.startswith("reasoning.")})
    a, s = inputs(8, 16)
    expected = block(a, s)
    assert not torch.allclose(aggregation(a, s)[0], expected[0])
    del aggregation.reasoning
    aggregation.reasoning = stays
    for ours, theirs in zip(aggregation(a, s), expected, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"channels": 0}, "channels of at least 1, got 0"),
        ({"channels": 4, "shape_channels": 0}, "shape_channels of at least 1, got 0"),
        ({"channels": 4, "hidden_channels": 0}, "hidden_channels of at least 1, got 0"),
        ({"channels": 4, "dropout": 1.0}, r"dropout in \[0, 1\), got 1.0"),
        ({"channels": 4, "dropout": -0.1}, r"dropout in \[0, 1\), got -0.1"),
    ],
)
def test_refuses_sizes_that_cannot_be(values, message):
    with pytest.raises(ValueError, match=message):
        PoseAttentionalTransfer(**values)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("appearance", "shape", "message"),
    [
        ((2, 3, 4, 4), (2, 4, 4, 4), r"appearance of shape \(b, 4, h, w\), got \(2, 3, 4, 4\)"),
        ((2, 4, 4, 4), (2, 8, 4, 4), r"shape of shape \(b, 4, h, w\), got \(2, 8, 4, 4\)"),
        ((2, 4, 4, 4), (2, 4, 4, 5), r"one size, got \(2, 4, 4, 4\) and \(2, 4, 4, 5\)"),
        ((1, 4, 4, 4), (2, 4, 4, 4), r"one batch .*, got \(1, 4, 4, 4\) and \(2, 4, 4, 4\)"),
        ((2, 4, 4, 1), (2, 4, 4, 1), "appearance with sides of at least 2 pixels, got 4 x 1"),
        ((0, 4, 4, 4), (0, 4, 4, 4), "got an empty batch"),
    ],
)
def test_refuses_other_maps(appearance, shape, message):
    with pytest.raises(ValueError, match=message):
        PoseAttentionalTransfer(4)(torch.ones(appearance), torch.ones(shape))
