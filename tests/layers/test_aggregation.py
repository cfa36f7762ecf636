import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graphgan.layers import (
    BipartiteReasoning,
    CrossAttention,
    LandmarkAppearanceAggregation,
    PoseAttentionalTransfer,
)
from graphgan.layers._aggregation import PositionwiseUpdate

INSTEAD = ("none", "cross_attention", "pose_attention")


def conv(x: Tensor, layer) -> Tensor:
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), layer.weight, layer.bias)


def count(module) -> int:
    return sum(p.numel() for p in module.parameters())


def inputs(channels: int, shape_channels: int) -> tuple[Tensor, Tensor]:
    shapes = ((2, channels, 5, 6), (2, shape_channels, 5, 6))
    return tuple(torch.randn(shape).double() for shape in shapes)


@pytest.mark.parametrize("shape_channels", [8, 16])
@pytest.mark.parametrize("training", [True, False])
def test_agrees_with_the_formula(shape_channels, training):
    block = LandmarkAppearanceAggregation(8, shape_channels, dropout=0.0).double().train(training)
    a, s = inputs(8, shape_channels)
    out, shape = block(a, s)
    first, norm_1, *_, second, norm_2 = block.appearance
    update = norm_2(conv(norm_1(conv(a, first)).relu(), second))
    first, norm, *_, second = block.shape
    halves = conv(norm(conv(s, first)).relu(), second).chunk(2, dim=1)
    steered = torch.cat(block.reasoning(*halves), dim=1)
    expected = a + update * steered.sigmoid()
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(shape, torch.cat([steered, expected], dim=1))


def test_dropout_acts_in_training_only():
    block, (a, s) = LandmarkAppearanceAggregation(8).double(), inputs(8, 8)
    assert not torch.equal(block(a, s)[0], block(a, s)[0])
    block.eval()
    assert torch.equal(block(a, s)[0], block(a, s)[0])


def test_the_published_sizes():
    block = LandmarkAppearanceAggregation(256)
    assert (block.reasoning.channels, block.reasoning.num_nodes) == (128, (64, 64))
    assert block.reasoning.num_states == 128
    assert {m.p for m in block.modules() if isinstance(m, torch.nn.Dropout)} == {0.5}
    assert all(m.bias is None for m in block.modules() if isinstance(m, torch.nn.Conv2d))


# What stands in the place of bipartite reasoning


def test_bipartite_reasoning_is_the_default_and_draws_the_same_weights():
    torch.manual_seed(0)
    default = LandmarkAppearanceAggregation(8).state_dict()
    torch.manual_seed(0)
    chosen = LandmarkAppearanceAggregation(8, reasoning="bipartite")
    assert isinstance(chosen.reasoning, BipartiteReasoning)
    torch.testing.assert_close(chosen.state_dict(), default, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("reasoning", "kind"), [("none", PositionwiseUpdate), ("cross_attention", CrossAttention)]
)
def test_another_module_stands_where_the_reasoning_stood(reasoning, kind):
    block = LandmarkAppearanceAggregation(8, 16, reasoning=reasoning, dropout=0.0).double().eval()
    assert type(block.reasoning) is kind
    a, s = inputs(8, 16)
    steered = torch.cat(block.reasoning(*block.shape(s).chunk(2, dim=1)), dim=1)
    expected = a + block.appearance(a) * steered.sigmoid()
    out, shape = block(a, s)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(shape, torch.cat([steered, expected], dim=1))


def test_without_anything_in_its_place_it_is_the_pose_attentional_transfer():
    block = LandmarkAppearanceAggregation(32, 64, reasoning="pose_attention").double().eval()
    hidden = block.shape[0].out_channels
    assert hidden > 64  # for as many parameters as the reasoning had
    other = PoseAttentionalTransfer(32, 64, hidden_channels=hidden).double().eval()
    other.load_state_dict(block.state_dict())
    a, s = inputs(32, 64)
    torch.testing.assert_close(block(a, s), other(a, s), rtol=0, atol=0)


@pytest.mark.parametrize("reasoning", INSTEAD)
@pytest.mark.parametrize("shape_channels", [64, 128])
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_every_variant_has_as_many_parameters(reasoning, shape_channels, norm):
    sizes = {"norm": norm, "reasoning_norm": norm}
    published = LandmarkAppearanceAggregation(64, shape_channels, **sizes)
    block = LandmarkAppearanceAggregation(64, shape_channels, reasoning=reasoning, **sizes)
    assert count(block) == pytest.approx(count(published), rel=0.005)


@pytest.mark.unhooked
def test_an_unknown_reasoning_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'bipartite', 'none', .*; got 'graph'"):
        LandmarkAppearanceAggregation(8, reasoning="graph")


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("appearance", "shape", "message"),
    [
        ((2, 6, 4, 4), (2, 8, 4, 4), r"appearance of shape \(b, 8, h, w\), got \(2, 6, 4, 4\)"),
        ((2, 8, 4, 4), (2, 16, 4, 4), r"shape of shape \(b, 8, h, w\), got \(2, 16, 4, 4\)"),
        (
            (2, 8, 4, 4),
            (2, 8, 4, 5),
            r"one batch and one size, got \(2, 8, 4, 4\) and \(2, 8, 4, 5\)",
        ),
        ((2, 8, 4, 1), (2, 8, 4, 1), "appearance with sides of at least 2 pixels, got 4 x 1"),
        (
            (1, 8, 4, 4),
            (2, 8, 4, 4),
            r"one batch and one size, got \(1, 8, 4, 4\) and \(2, 8, 4, 4\)",
        ),
    ],
)
def test_refuses_other_maps(appearance, shape, message):
    with pytest.raises(ValueError, match=message):
        LandmarkAppearanceAggregation(8)(torch.ones(appearance), torch.ones(shape))
