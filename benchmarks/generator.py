"""AnonyGAN's generator at inference, fused, beside the published one."""

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from inputs import all_maps, calibrated, channels_last, faces
from machine import Machine
from memory import peak_bytes
from reference import ReferenceGenerator
from timing import Call, Row, bytes_moved, check_reference, floor_seconds, in_turns, operations
from torch import Tensor, nn

from graphgan.models import AnonyGAN
from graphgan.models.published import to_published
from graphgan.training._devices import best_precision

TensorCall = Callable[[], Tensor]


@torch.no_grad()
def generator(machine: Machine, device: torch.device) -> Iterator[Row]:
    """Of 128 x 128 and 256 x 256, one picture and eight."""
    for size in (128, 256):
        for batch in (1, 8):
            yield from _rows(machine, device, size, batch)


def _rows(machine: Machine, device: torch.device, size: int, batch: int) -> Iterator[Row]:
    torch.manual_seed(0)
    given = faces(batch, size, device)
    model = calibrated(AnonyGAN.published(dropout=0.0).to(device), given)
    plain = reference_of(model, size, batch, device)
    flops = operations(plain)
    direct = flops - 2 * 49 * 136 * 64 * size * size * batch  # nobody has to convolve the maps
    moved = bytes_moved(model, lambda: model(*given[:5]))
    for precision in precisions(device):
        call = ours_of(model, size, batch, device, precision)
        reference, ours, ratio = in_turns(plain, call, device)
        what = f"{size}x{size}, batch {batch}"
        yield Row(
            f"{what}, {precision}",
            *(reference, ours, ratio),
            floor=floor_seconds(machine, direct, moved, precision=precision),
            of_matrix_rate=check_reference(machine, flops, reference, what),
            note=_difference(plain(), call(), precision),
            peaks=_peaks(size, batch, device, precision),
        )


def precisions(device: torch.device) -> list[str]:
    """Those that the hardware multiplies in."""
    return ["fp32", "bf16"] if best_precision(device.type) == "bf16-mixed" else ["fp32"]


def reference_of(model: AnonyGAN, size: int, batch: int, device: torch.device) -> TensorCall:
    given = faces(batch, size, device)
    plain = ReferenceGenerator().to(device).eval()
    plain.load_state_dict(to_published(model))
    maps, context = all_maps(given), given.source * (1 - given.mask)
    return partial(_without_graph, plain, given.condition, context, maps)


def ours_of(
    model: AnonyGAN, size: int, batch: int, device: torch.device, precision: str
) -> TensorCall:
    fused = model.fuse().to(memory_format=torch.channels_last)
    inputs = [channels_last(x) for x in faces(batch, size, device)[:5]]
    half = precision == "bf16"

    def call() -> Tensor:
        with torch.autocast(device.type, torch.bfloat16) if half else nullcontext():
            image: Tensor = _without_graph(fused, *inputs).image
        return image

    return call


@torch.no_grad()
def _without_graph(network: nn.Module, *inputs: Tensor) -> Any:
    return network(*inputs)


def _difference(reference: Tensor, ours: Tensor, precision: str) -> str:
    difference = ours.float() - reference
    if precision == "fp32":
        return f"differs by {difference.abs().max().item():.1e}"
    return f"{10 * math.log10(4 / difference.square().mean().item()):.1f} dB"


def _peaks(size: int, batch: int, device: torch.device, precision: str) -> tuple[float, float]:
    builds = [
        partial(_build_reference, size, batch, device),
        partial(_build_ours, size, batch, device, precision),
    ]
    reference, ours = peak_bytes(builds, device)
    return reference, ours


def _build_reference(size: int, batch: int, device: torch.device) -> Call:
    return reference_of(AnonyGAN.published(dropout=0.0).to(device).eval(), size, batch, device)


def _build_ours(size: int, batch: int, device: torch.device, precision: str) -> Call:
    model = AnonyGAN.published(dropout=0.0).to(device).eval()
    return ours_of(model, size, batch, device, precision)
