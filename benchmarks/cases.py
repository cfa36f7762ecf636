"""What is timed: the stem, the reasoning, the generator, a training step, growth."""

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from machine import Machine
from reference import ReferenceGenerator, ReferenceReasoning, ReferenceStep
from timing import Row, bytes_moved, check_reference, floor_seconds, in_turns, operations
from torch import Tensor, nn

from graphgan.data.face_batch import FaceBatch
from graphgan.data.pairs import PairKind
from graphgan.landmarks.maps import one_hot_maps
from graphgan.layers import BipartiteReasoning, LandmarkStem
from graphgan.layers.winograd import is_faster, winograd_conv2d
from graphgan.models import AnonyGAN
from graphgan.models._published_layouts import bipartite_reasoning
from graphgan.models.published import to_published
from graphgan.training.devices import best_precision

RECIPE = Path(__file__).parents[1] / "recipes" / "anonygan"
PUBLISHED_STEP = {
    "blend": "attend_intermediate",
    "base": "context",
    "shape_encoding": "joint",
    "attention_order": "condition_first",
}


def stem(machine: Machine, device: torch.device) -> Iterator[Row]:
    """The first convolution over 136 maps of 256 x 256, forward and backward."""
    torch.manual_seed(0)
    size, layer = (256, 256), LandmarkStem(136, 64).to(device)
    landmarks = 255 * torch.rand(2, 136, 2, device=device)
    maps = one_hot_maps(landmarks, size)
    upstream = torch.randn(2, 64, *size, device=device)
    upstream_last = upstream.contiguous(memory_format=torch.channels_last)

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
    share = check_reference(machine, flops, reference, "stem")
    floor = floor_seconds(machine, flops)
    note = f"differs by {difference:.1e}; maps were ready"
    yield Row("136 landmarks, 256x256, batch 2", reference, ours, ratio, floor, share, note)


def convolution(machine: Machine, device: torch.device) -> Iterator[Row]:
    """3x3 convolutions of the blocks, forward and backward, by channels and tiles of 4x4."""
    for channels in (64, 128, 256, 512):
        for batch, side in ((2, 16), (4, 16), (16, 16), (4, 32)):
            torch.manual_seed(0)
            weight = torch.randn(channels, channels, 3, 3, device=device)
            x = torch.randn(batch, channels, side + 2, side + 2, device=device)
            grad = torch.randn(batch, channels, side, side, device=device)
            weight, x, grad = (
                t.contiguous(memory_format=torch.channels_last) for t in (weight, x, grad)
            )
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
            yield Row(f"{channels} channels, {tiles} tiles", *times, floor, None, taken)


def _both_ways(
    convolve: Callable[[Tensor, Tensor], Tensor], x: Tensor, weight: Tensor, grad: Tensor
) -> None:
    x.grad = weight.grad = None
    convolve(x, weight).backward(grad)


@torch.no_grad()
def reasoning(machine: Machine, device: torch.device) -> Iterator[Row]:
    """One bipartite reasoning, c = 128, N = 64, of 64 x 64 positions."""
    torch.manual_seed(0)
    ours_module = BipartiteReasoning(128, 64).to(device).eval()
    plain = ReferenceReasoning(128, 64).to(device).eval()
    state = ours_module.state_dict()
    plain.load_state_dict(
        {row.published: row.to_published(state[row.ours]) for row in bipartite_reasoning()}
    )
    x = torch.randn(4, 256, 64, 64, device=device)
    halves = [half.contiguous(memory_format=torch.channels_last) for half in x.chunk(2, dim=1)]

    def reference_call() -> Tensor:
        out: Tensor = plain(x)
        return out

    def ours_call() -> tuple[Tensor, Tensor]:
        out: tuple[Tensor, Tensor] = ours_module(*halves)
        return out

    difference = (reference_call() - torch.cat(ours_call(), dim=1)).abs().max().item()
    flops, fewer = operations(reference_call), operations(ours_call)
    reference, ours, ratio = in_turns(reference_call, ours_call, device, seconds=4)
    floor = floor_seconds(machine, fewer, bytes_moved(plain, reference_call))
    note = f"{flops / 1e9:.1f} -> {fewer / 1e9:.1f} GFLOP, differs by {difference:.1e}"
    yield Row("c 128, N 64, 64x64, batch 4", reference, ours, ratio, floor, None, note)


@torch.no_grad()
def generator(machine: Machine, device: torch.device) -> Iterator[Row]:
    """AnonyGAN's generator at inference."""
    for size in (128, 256):
        for batch in (1, 8):
            yield from _generator_rows(machine, device, size, batch)


def _generator_rows(machine: Machine, device: torch.device, size: int, batch: int) -> Iterator[Row]:
    torch.manual_seed(0)
    given = faces(batch, size, device)
    model = calibrated(AnonyGAN.published(dropout=0.0).to(device), given)
    plain = ReferenceGenerator().to(device).eval()
    plain.load_state_dict(to_published(model))
    fused = model.fuse().to(memory_format=torch.channels_last)
    maps = all_maps(given)
    context = given.source * (1 - given.mask)
    inputs = given[:5]
    last = [x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x for x in inputs]

    def reference_call() -> Tensor:
        out: Tensor = plain(given.condition, context, maps)
        return out

    def ours_call() -> Tensor:
        out: Tensor = fused(*last).image
        return out

    what = f"{size}x{size}, batch {batch}"
    of_stem = 2 * 49 * 136 * 64 * size * size * batch  # work that nobody has to do
    of_reference = operations(reference_call)
    flops = of_reference - of_stem
    difference = (reference_call() - ours_call()).abs().max().item()
    reference, ours, ratio = in_turns(reference_call, ours_call, device)
    share = check_reference(machine, of_reference, reference, what)
    floor = floor_seconds(machine, flops, bytes_moved(model, lambda: model(*inputs)))
    note = f"differs by {difference:.1e}"
    yield Row(f"{what}, fp32", reference, ours, ratio, floor, share, note)
    if best_precision(device.type) != "bf16-mixed":
        return

    def half_call() -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            out: Tensor = fused(*last).image
        return out

    error = (half_call().float() - ours_call()).square().mean().item()
    psnr = 10 * math.log10(4 / error)
    reference, ours, ratio = in_turns(reference_call, half_call, device)
    floor = floor_seconds(machine, flops, precision="bf16")
    yield Row(f"{what}, bf16", reference, ours, ratio, floor, share, f"{psnr:.1f} dB")


def step(machine: Machine, device: torch.device) -> Iterator[Row]:
    """A whole training step: generator and both discriminators, batch 8, 128 x 128."""
    given = faces(8, 128, device)
    maps = all_maps(given)
    same = given.same_person
    plain = ReferenceStep(dropout=0.0)
    for network in (plain.generator, plain.d_app, plain.d_lm):
        network.to(device)

    def reference_call() -> object:
        return plain(given.condition, given.source, maps, given.mask, same)

    precisions = ["32-true"]
    if best_precision(device.type) == "bf16-mixed":
        precisions.append("bf16-mixed")
    for precision in precisions:
        ours_step = our_step(device, precision)
        counter = iter(range(10**9))

        def ours_call(run: Callable[..., Any] = ours_step, steps: Any = counter) -> object:
            return run(given, next(steps))

        flops = operations(reference_call)
        reference, ours, ratio = in_turns(reference_call, ours_call, device, least=3)
        share = check_reference(machine, flops, reference, "step")
        name = "fp32" if precision == "32-true" else "bf16"
        floor = floor_seconds(machine, operations(ours_call), precision=name)
        yield Row(f"128x128, batch 8, {name}", reference, ours, ratio, floor, share)


def our_step(device: torch.device, precision: str) -> Any:
    """The recipe's step with the published settings, on networks of the paper's width."""
    if str(RECIPE) not in sys.path:
        sys.path.insert(0, str(RECIPE))
    from lightning_fabric import Fabric
    from objective import AnonyGANObjective
    from options import PRESETS

    from graphgan.training.experiment import Experiment, make_step

    options = PRESETS["paper"]
    options = replace(
        options,
        model=replace(options.model, dropout=0.0, **PUBLISHED_STEP),
        loss=replace(
            options.loss,
            wfm_first_layer=1,
            wfm_pairs="all",
            weight_wfm=0.8,
            recon_of="pasted",
            weight_recon=10.0,
        ),
    )
    fabric = Fabric(accelerator=device.type, devices=1, precision=precision)  # type: ignore[arg-type]
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


@torch.no_grad()
def scaling(machine: Machine, device: torch.device) -> Iterator[Row]:
    """Seconds of our generator as one number grows; the exponent of a fitted power."""
    base = {"size": 128, "num_landmarks": 68, "num_nodes": 64, "num_blocks": 2, "batch": 1}
    growth: dict[str, list[int]] = {
        "size": [64, 128, 256, 512],
        "num_landmarks": [5, 29, 68, 136, 478],
        "num_nodes": [16, 64, 256, 512],
        "num_blocks": [1, 3, 6, 12],
        "batch": [1, 4, 16, 64],
    }
    for name, values in growth.items():
        seconds = [_seconds_of(device, **(base | {name: value})) for value in values]
        measure = [v * v for v in values] if name == "size" else values
        exponent = _exponent(measure, seconds)
        unit = "pixels" if name == "size" else name
        spread = ", ".join(f"{v}: {1e3 * s:.0f} ms" for v, s in zip(values, seconds, strict=True))
        note = f"seconds ~ {unit}^{exponent:.2f}; {spread}"
        yield Row(name, math.nan, seconds[-1], math.nan, None, None, note)


def _seconds_of(
    device: torch.device, size: int, num_landmarks: int, num_nodes: int, num_blocks: int, batch: int
) -> float:
    from graphgan.models.generator import LandmarkGenerator

    torch.manual_seed(0)
    network = LandmarkGenerator(
        6, num_landmarks, width=32, num_nodes=num_nodes, num_blocks=num_blocks
    )
    network = network.to(device).fuse().to(memory_format=torch.channels_last)
    images = torch.randn(batch, 6, size, size, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    points = (size - 1) * torch.rand(batch, num_landmarks, 2, device=device)

    def call() -> object:
        return network(images, (points, points), images[:, :3])

    _, seconds, _ = in_turns(lambda: None, call, device, seconds=1.5, least=3)
    return seconds


def _exponent(values: list[int], seconds: list[float]) -> float:
    x = torch.tensor(values, dtype=torch.float64).log()
    y = torch.tensor(seconds, dtype=torch.float64).log()
    return float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


def calibrated(model: AnonyGAN, given: FaceBatch) -> AnonyGAN:
    """With statistics of these codes: nothing else bounds them, block after block, at random
    weights."""
    for module in model.modules():
        if isinstance(module, BipartiteReasoning):  # both directions share its norm's statistics
            nn.init.constant_(cast(Tensor, module.norm.weight), 0.05)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    model.train()(*given[:5])
    for norm in norms:
        norm.momentum = 0.1
    return model.eval()


def faces(batch: int, size: int, device: torch.device) -> FaceBatch:
    """Random pictures and landmarks; the first pair is of one picture."""
    torch.manual_seed(1)
    condition, source = 2 * torch.rand(2, batch, 3, size, size, device=device) - 1
    points = (size - 1) * torch.rand(2, batch, 68, 2, device=device)
    mask = torch.zeros(batch, 1, size, size, device=device)
    mask[:, :, size // 4 : 3 * size // 4, size // 4 : 3 * size // 4] = 1
    kind = torch.full((batch,), PairKind.DIFFERENT, device=device)
    kind[0] = PairKind.SAME_IMAGE
    source[0], points[1, 0] = condition[0], points[0, 0]
    return FaceBatch(condition, source, points[0].round(), points[1].round(), mask, kind)


def all_maps(given: FaceBatch) -> Tensor:
    size = (given.source.shape[2], given.source.shape[3])
    points = torch.cat([given.condition_landmarks, given.source_landmarks], dim=1)
    return one_hot_maps(points, size).contiguous()


CASES: dict[str, Callable[[Machine, torch.device], Iterator[Row]]] = {
    "stem": stem,
    "convolution": convolution,
    "reasoning": reasoning,
    "generator": generator,
    "step": step,
    "scaling": scaling,
}
