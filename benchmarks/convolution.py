"""3x3 convolutions of the blocks, forward and backward: direct, and Winograd's."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
import torch.nn.functional as F
from inputs import channels_last
from machine import Machine
from timing import Row, floor_seconds, in_turns, operations
from torch import Tensor

from graphgan.layers._winograd import is_faster, winograd_conv2d


def convolution(machine: Machine, device: torch.device) -> Iterator[Row]:
    """By channels and tiles of 4x4, and whether the blocks take Winograd's there."""
    for channels in (64, 128, 256, 512):
        for batch, side in ((2, 16), (4, 16), (16, 16), (4, 32)):
            torch.manual_seed(0)
            weight = torch.randn(channels, channels, 3, 3, device=device)
            x = torch.randn(batch, channels, side + 2, side + 2, device=device)
            grad = torch.randn(batch, channels, side, side, device=device)
            weight, x, grad = map(channels_last, (weight, x, grad))
            weight.requires_grad_()
            x.requires_grad_()
            calls = [
                partial(_both_ways, convolve, x, weight, grad)
                for convolve in (F.conv2d, winograd_conv2d)
            ]
            times = in_turns(*calls, device, seconds=0.5, least=3)
            floor = floor_seconds(machine, operations(calls[0]))
            tiles = batch * side * side // 16
            taken = "taken" if is_faster(x, weight) else "not taken"
            what = f"{channels} channels, {side}x{side}, batch {batch}"
            yield Row(what, *times, floor=floor, note=f"{tiles} tiles, {taken}")


def _both_ways(
    convolve: Callable[[Tensor, Tensor], Tensor], x: Tensor, weight: Tensor, grad: Tensor
) -> None:
    x.grad = weight.grad = None
    convolve(x, weight).backward(grad)
