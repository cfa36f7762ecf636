"""Two ways of the same work, timed in turns; work counted."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from machine import Machine, synchronize
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten
from torch.utils.flop_counter import FlopCounterMode

LEAST_OF_MATRIX_RATE = 0.6  # below it the reference is held back by something else

Call = Callable[[], object]


@dataclass(frozen=True)
class Growth:
    """What one number costs as it grows.

    Args:
        name: of the number.
        values: it takes.
        seconds, bytes: of each.
        seconds_exponent, bytes_exponent: of the power fitted to the larger half of the values,
            where what does not grow with them counts least.
    """

    name: str
    values: list[int]
    seconds: list[float]
    bytes: list[float]
    seconds_exponent: float
    bytes_exponent: float


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Args:
        what: was done.
        reference, ours: median seconds.
        ratio: median of reference over ours, pair by pair.
        floor: seconds that the machine would need for the reference's operations and bytes.
        of_matrix_rate: what the reference makes of the measured matrix rate.
        note: such as the largest difference of the results.
        peaks: bytes that the reference and ours hold at most.
        growth: seconds and bytes of ours as one number grows, see `scaling`.
    """

    what: str
    reference: float
    ours: float
    ratio: float
    floor: float | None = None
    of_matrix_rate: float | None = None
    note: str = ""
    peaks: tuple[float, float] | None = None
    growth: "Growth | None" = None


def in_turns(
    reference: Call, ours: Call, device: torch.device, *, seconds: float = 6.0, least: int = 3
) -> tuple[float, float, float]:
    """Medians of both, and of the ratios of neighbors in time, over ``seconds`` or so."""
    pairs = []
    for call in (reference, ours):
        call()
    began = time.perf_counter()
    while len(pairs) < least or time.perf_counter() - began < seconds:
        pairs.append((_timed(reference, device), _timed(ours, device)))
    first, second = zip(*pairs, strict=True)
    ratios = [a / b for a, b in pairs]
    return statistics.median(first), statistics.median(second), statistics.median(ratios)


def _timed(call: Call, device: torch.device) -> float:
    synchronize(device)
    began = time.perf_counter()
    call()
    synchronize(device)
    return time.perf_counter() - began


def operations(call: Call) -> float:
    """Floating-point operations of products and convolutions."""
    with FlopCounterMode(display=False) as counter:
        call()
    return float(counter.get_total_flops())


def bytes_moved(network: nn.Module, call: Call) -> float:
    """Inputs, outputs and parameters of every leaf of a network, each once."""
    total = 0.0

    def count(module: nn.Module, inputs: object, output: object) -> None:
        nonlocal total
        leaves = tree_flatten((inputs, output, list(module.parameters(recurse=False))))[0]
        total += sum(x.numel() * x.element_size() for x in leaves if isinstance(x, Tensor))

    leaves = [module for module in network.modules() if not list(module.children())]
    handles = [leaf.register_forward_hook(count) for leaf in leaves]
    try:
        call()
    finally:
        for handle in handles:
            handle.remove()
    return total


def floor_seconds(
    machine: Machine, flops: float, moved: float = 0.0, *, precision: str = "fp32"
) -> float:
    """The larger of both times."""
    return max(flops / machine.matrix_rate[precision], moved / machine.copy_rate)


class SlowReferenceError(RuntimeError):
    """A slow reference flatters every ratio."""


def check_reference(machine: Machine, flops: float, seconds: float, what: str) -> float:
    """The share of the matrix rate that the reference reaches.

    Raises:
        SlowReferenceError: less than `LEAST_OF_MATRIX_RATE`.
    """
    share = flops / seconds / machine.matrix_rate["fp32"]
    if share < LEAST_OF_MATRIX_RATE:
        raise SlowReferenceError(
            f"{what}: the reference reaches {share:.0%} of the measured matrix rate, expected "
            f"{LEAST_OF_MATRIX_RATE:.0%} and more; is something else running?"
        )
    return share
