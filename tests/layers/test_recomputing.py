"""Gradient checkpointing: what a plain call gives, of fewer kept bytes."""

import copy

import pytest
import torch
from torch import Tensor, nn

from graphgan.layers import ImageHead, LandmarkAppearanceAggregation
from graphgan.layers._recomputing import recomputed


def trained(module: nn.Module, inputs: list[Tensor], *, again: bool) -> list[Tensor]:
    """Results, gradients, statistics and the next random number of one step in training mode."""
    module, inputs = copy.deepcopy(module), [x.clone().requires_grad_() for x in inputs]
    torch.manual_seed(1)
    out = recomputed(module, *inputs) if again else module(*inputs)
    results = list(out) if isinstance(out, tuple) else [out]
    torch.stack([x.square().sum() for x in results]).sum().backward()
    gradients = [x.grad for x in (*inputs, *module.parameters())]
    assert all(gradient is not None for gradient in gradients)
    return [*results, *gradients, *module.buffers(), torch.rand(1)]  # type: ignore[list-item]


@pytest.mark.parametrize("reasoning", ["bipartite", "none", "cross_attention", "pose_attention"])
def test_step_is_that_of_a_plain_call(reasoning) -> None:
    torch.manual_seed(0)
    block = LandmarkAppearanceAggregation(8, dropout=0.5, reasoning=reasoning)
    inputs = [torch.randn(2, 8, 8, 8), torch.randn(2, 8, 8, 8)]

    plain, again = (trained(block, inputs, again=again) for again in (False, True))

    torch.testing.assert_close(again, plain, rtol=0, atol=0)


def test_statistics_are_counted_once() -> None:
    head = ImageHead(8)
    recomputed(head, torch.randn(2, 8, 4, 4, requires_grad=True)).sum().backward()

    norms = [module for module in head.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    for norm in norms:
        assert norm.momentum == 0.1
        assert norm.num_batches_tracked == 1


def test_less_is_kept() -> None:
    block = LandmarkAppearanceAggregation(8)
    inputs = [torch.randn(2, 8, 8, 8), torch.randn(2, 8, 8, 8)]

    def kept(*, again: bool) -> int:
        sizes: dict[int, int] = {}

        def keep(x: Tensor) -> Tensor:
            sizes[x.data_ptr()] = x.nbytes
            return x

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
            _ = recomputed(block, *inputs) if again else block(*inputs)
        return sum(sizes.values())

    assert kept(again=True) < kept(again=False) / 3
