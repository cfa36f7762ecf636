"""Where the time of ours goes, operator by operator."""

import math
from collections.abc import Iterator

import torch
from generator import ours_of, precisions
from inputs import calibrated, faces
from machine import Machine
from step import our_step
from timing import Call, Row
from torch.profiler import ProfilerActivity, profile

from graphgan.models import AnonyGAN

_SHOWN = 10
_REPEATS = 3


def operators(machine: Machine, device: torch.device) -> Iterator[Row]:
    """A fused generator on one picture of 128 x 128, and a step of 8 pairs."""
    precision = precisions(device)[-1]
    torch.manual_seed(0)
    given = faces(1, 128, device)
    model = calibrated(AnonyGAN.published(dropout=0.0).to(device), given)
    yield from _rows("generator", ours_of(model, 128, 1, device, precision), device)
    yield from _rows("step", our_step(128, 8, device, precision), device)


def _rows(name: str, call: Call, device: torch.device) -> Iterator[Row]:
    """The operators that took longest themselves, without those that they call."""
    call()  # what is done once does not count
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as profiled:
        for _ in range(_REPEATS):
            call()
    kind = "device" if device.type == "cuda" else "cpu"
    own = {
        event.key: getattr(event, f"self_{kind}_time_total") / 1e6 / _REPEATS
        for event in profiled.key_averages()
    }
    calls = {event.key: event.count / _REPEATS for event in profiled.key_averages()}
    total = sum(own.values())
    longest = sorted(own, key=lambda key: -own[key])[:_SHOWN]
    for key in longest:
        note = f"{own[key] / total:.0%}, {calls[key]:.0f} calls"
        yield Row(f"{name}: {key.removeprefix('aten::')}", math.nan, own[key], math.nan, note=note)
    rest = total - sum(own[key] for key in longest)
    yield Row(f"{name}: all others", math.nan, rest, math.nan, note=f"{rest / total:.0%}")
