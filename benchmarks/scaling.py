"""How time and memory of our generator grow."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from inputs import channels_last
from machine import Machine
from memory import peak_bytes
from timing import Call, Growth, Row, in_turns

from graphgan.models import LandmarkGenerator


@dataclass(frozen=True)
class Setting:
    """A generator of width 32, and what it is given."""

    pixels: int = 128 * 128
    landmarks: int = 68
    nodes: int = 64
    blocks: int = 2
    batch: int = 1


GROWTH = {
    "pixels": [64 * 64, 128 * 128, 256 * 256, 512 * 512],
    "landmarks": [5, 29, 68, 136, 478],
    "nodes": [16, 64, 256, 512],
    "blocks": [1, 3, 6, 12],
    "batch": [1, 4, 16, 64],
}


def scaling(machine: Machine, device: torch.device) -> Iterator[Row]:
    """One number after another; the others as in `Setting`."""
    for name, values in GROWTH.items():
        settings = [replace(Setting(), **{name: value}) for value in values]
        seconds = [seconds_of(setting, device) for setting in settings]
        peaks = peak_bytes([partial(build, setting, device) for setting in settings], device)
        exponents = (exponent(values, seconds), exponent(values, peaks))
        growth = Growth(name, values, seconds, peaks, *exponents)
        yield Row(name, math.nan, seconds[-1], math.nan, note=text(growth), growth=growth)


def build(setting: Setting, device: torch.device) -> Call:
    """The call that is measured: the network as it is at inference, fused."""
    torch.manual_seed(0)
    side = math.isqrt(setting.pixels)
    network = LandmarkGenerator(
        *(6, setting.landmarks), width=32, num_nodes=setting.nodes, num_blocks=setting.blocks
    )
    network = network.to(device).fuse().to(memory_format=torch.channels_last)
    images = channels_last(torch.randn(setting.batch, 6, side, side, device=device))
    points = (side - 1) * torch.rand(setting.batch, setting.landmarks, 2, device=device)

    def call() -> object:
        with torch.no_grad():
            return network(images, (points, points), images[:, :3])

    return call


def seconds_of(setting: Setting, device: torch.device) -> float:
    _, seconds, _ = in_turns(lambda: None, build(setting, device), device, seconds=1, least=3)
    return seconds


def exponent(values: list[int], costs: list[float]) -> float:
    """Slope of log cost over log value, least squares over the larger half of the values."""
    half = len(values) // 2
    x, y = (torch.tensor(numbers[half:]).double().log() for numbers in (values, costs))
    return float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


def text(growth: Growth) -> str:
    """`seconds ~ pixels^1.0, bytes ~ pixels^0.9; 4096: 8 ms, 30 MiB; ...`"""
    points = zip(growth.values, growth.seconds, growth.bytes, strict=True)
    listed = (f"{v}: {1e3 * s:.0f} ms, {b / 2**20:.0f} MiB" for v, s, b in points)
    return (
        f"seconds ~ {growth.name}^{growth.seconds_exponent:.2f}, "
        f"bytes ~ {growth.name}^{growth.bytes_exponent:.2f}; {'; '.join(listed)}"
    )
