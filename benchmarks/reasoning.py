"""One bipartite reasoning, reassociated and as published."""

from collections.abc import Iterator

import torch
from inputs import channels_last
from machine import Machine
from reference import ReferenceReasoning
from timing import Row, bytes_moved, floor_seconds, in_turns, operations
from torch import Tensor

from graphgan.layers import BipartiteReasoning
from graphgan.models._published_layouts import bipartite_reasoning


@torch.no_grad()
def reasoning(machine: Machine, device: torch.device) -> Iterator[Row]:
    """c = 128, N = 64, of 64 x 64 positions."""
    torch.manual_seed(0)
    ours_module = BipartiteReasoning(128, 64).to(device).eval()
    plain = ReferenceReasoning(128, 64).to(device).eval()
    state = ours_module.state_dict()
    plain.load_state_dict(
        {row.published: row.to_published(state[row.ours]) for row in bipartite_reasoning()}
    )
    x = torch.randn(4, 256, 64, 64, device=device)
    halves = [channels_last(half) for half in x.chunk(2, dim=1)]

    def reference_call() -> Tensor:
        out: Tensor = plain(x)
        return out

    def ours_call() -> tuple[Tensor, Tensor]:
        out: tuple[Tensor, Tensor] = ours_module(*halves)
        return out

    difference = (reference_call() - torch.cat(ours_call(), dim=1)).abs().max().item()
    flops, fewer = operations(reference_call), operations(ours_call)
    times = in_turns(reference_call, ours_call, device, seconds=4)
    floor = floor_seconds(machine, fewer, bytes_moved(plain, reference_call))
    note = f"{flops / 1e9:.1f} -> {fewer / 1e9:.1f} GFLOP, differs by {difference:.1e}"
    yield Row("c 128, N 64, 64x64, batch 4", *times, floor=floor, note=note)
