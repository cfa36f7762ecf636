"""The first convolution over 136 one-hot maps, forward and backward."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from inputs import channels_last
from machine import Machine
from timing import Row, check_reference, floor_seconds, in_turns, operations
from torch import Tensor

from graphgan.landmarks import one_hot_maps
from graphgan.layers import LandmarkStem


def stem(machine: Machine, device: torch.device) -> Iterator[Row]:
    """Of 256 x 256; the maps of the reference are ready."""
    torch.manual_seed(0)
    size, layer = (256, 256), LandmarkStem(136, 64).to(device)
    landmarks = 255 * torch.rand(2, 136, 2, device=device)
    maps = one_hot_maps(landmarks, size)
    upstream = torch.randn(2, 64, *size, device=device)
    upstream_last = channels_last(upstream)

    def dense() -> Tensor:
        layer.zero_grad()
        out = F.conv2d(F.pad(maps, (3, 3, 3, 3), mode="reflect"), layer.conv.weight)
        out.backward(upstream)
        return out

    def sparse() -> Tensor:
        layer.zero_grad()
        out: Tensor = layer(landmarks, size)
        out.backward(upstream_last)
        return out

    difference = (dense() - sparse()).abs().max().item()
    flops = operations(dense)
    reference, ours, ratio = in_turns(dense, sparse, device)
    yield Row(
        "136 landmarks, 256x256, batch 2",
        *(reference, ours, ratio),
        floor=floor_seconds(machine, flops),
        of_matrix_rate=check_reference(machine, flops, reference, "stem"),
        note=f"differs by {difference:.1e}; maps were ready",
    )
