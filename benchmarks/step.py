"""A whole training step: generator and both discriminators."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import torch
from generator import precisions
from inputs import all_maps, faces
from machine import Machine
from memory import peak_bytes
from reference import ReferenceStep
from timing import Call, Row, check_reference, floor_seconds, in_turns, operations

RECIPE = Path(__file__).parents[1] / "recipes" / "anonygan"
PUBLISHED_MODEL = {
    "dropout": 0.0,
    "blend": "attend_intermediate",
    "base": "context",
    "shape_encoding": "joint",
    "attention_order": "condition_first",
}
PUBLISHED_LOSS = {
    "wfm_first_layer": 1,
    "wfm_pairs": "all",
    "weight_wfm": 0.8,
    "recon_of": "pasted",
    "weight_recon": 10.0,
}


def step(machine: Machine, device: torch.device) -> Iterator[Row]:
    """Of 8 pairs of 128 x 128; on GPUs also 32 pairs of 256 x 256, ours alone."""
    size, batch = 128, 8
    plain = reference_step(size, batch, device)
    flops = operations(plain)
    for precision in precisions(device):
        call = our_step(size, batch, device, precision)
        own = operations(call)
        reference, ours, ratio = in_turns(plain, call, device, least=3)
        builds = [
            partial(reference_step, size, batch, device),
            partial(our_step, size, batch, device, precision),
            partial(our_step, size, batch, device, precision, gradient_checkpointing=True),
        ]
        peak, our_peak, checkpointed = peak_bytes(builds, device)
        yield Row(
            f"{size}x{size}, batch {batch}, {precision}",
            *(reference, ours, ratio),
            floor=floor_seconds(machine, own, precision=precision),
            of_matrix_rate=check_reference(machine, flops, reference, "step"),
            note=f"{flops / 1e9:.0f} -> {own / 1e9:.0f} GFLOP; with gradient checkpointing "
            f"{checkpointed / 2**20:.0f} MiB",
            peaks=(peak, our_peak),
        )
    if device.type == "cuda":
        yield _alone(machine, device, 256, 32)


def _alone(machine: Machine, device: torch.device, size: int, batch: int) -> Row:
    """What share of the chip's matrix rate a large step reaches: floor over ours."""
    precision = precisions(device)[-1]
    call = our_step(size, batch, device, precision)
    floor = floor_seconds(machine, operations(call), precision=precision)
    _, ours, _ = in_turns(lambda: None, call, device)
    what = f"{size}x{size}, batch {batch}, {precision}, ours alone"
    note = f"{floor / ours:.0%} of the matrix rate"
    return Row(what, float("nan"), ours, float("nan"), floor=floor, note=note)


def reference_step(size: int, batch: int, device: torch.device) -> Call:
    given = faces(batch, size, device)
    plain, maps = ReferenceStep(dropout=0.0), all_maps(given)
    for network in (plain.generator, plain.d_app, plain.d_lm):
        network.to(device)
    return partial(plain, given.condition, given.source, maps, given.mask, given.same_person)


def our_step(
    size: int,
    batch: int,
    device: torch.device,
    precision: str,
    *,
    gradient_checkpointing: bool = False,
) -> Call:
    """The recipe's step with the published settings, on networks of the paper's width."""
    step_of = _recipe_step(device, precision, gradient_checkpointing)
    given, steps = faces(batch, size, device), count()
    return lambda: step_of(given, next(steps))


def _recipe_step(
    device: torch.device, precision: str, gradient_checkpointing: bool
) -> Callable[..., Any]:
    if str(RECIPE) not in sys.path:
        sys.path.insert(0, str(RECIPE))
    from lightning_fabric import Fabric
    from objective import AnonyGANObjective
    from options import PRESETS

    from graphgan.training import Experiment
    from graphgan.training._experiment import make_step

    paper = PRESETS["paper"]
    model = replace(paper.model, gradient_checkpointing=gradient_checkpointing, **PUBLISHED_MODEL)
    options = replace(paper, model=model, loss=replace(paper.loss, **PUBLISHED_LOSS))
    name = {"fp32": "32-true", "bf16": "bf16-mixed"}[precision]
    fabric = Fabric(accelerator=device.type, devices=1, precision=name)  # type: ignore[arg-type]
    experiment = Experiment(
        name="benchmark",
        generator=options.model.generator(),
        discriminators=options.model.discriminators(),
        objective=AnonyGANObjective(options.loss),
        pairs=None,  # type: ignore[arg-type]  # batches are given
        to_batch=None,  # type: ignore[arg-type]
        columns=None,  # type: ignore[arg-type]
        learned=None,  # type: ignore[arg-type]
    )
    return make_step(fabric, options, experiment)
