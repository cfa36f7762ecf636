"""What blocks cost: `python scripts/measure_block_costs.py --help`."""

import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from unittest.mock import patch

import torch
from _block_costs import CASES, Case
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.flop_counter import FlopCounterMode

from graphgan.commands import run_command

ROWS = ("parameters", "multiply-adds", "floats kept for the backward pass")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Print the tables of docs/blocks: parameters, multiply-adds, memory, and their formulas."""

    pages: tuple[str, ...] = tuple(CASES)
    """Pages, such as channel_attention."""
    time: bool = False
    """Time each block beside a 3x3 convolution of its width, in turns."""
    turns: int = 21
    """How often; the medians of the ratios are told."""


def main(options: Options) -> None:
    if unknown := set(options.pages) - set(CASES):
        raise ValueError(f"expected pages in {tuple(CASES)}, got {', '.join(sorted(unknown))}")
    for page in options.pages:
        print("\n".join(tables(page, options.turns if options.time else 0)))


def tables(page: str, turns: int = 0) -> Iterator[str]:
    """Lines of Markdown; with ``turns`` above 0 times too."""
    for case in (case for case in CASES[page] if case.parameters):
        sizes = ", ".join(f"{letter} = {value:,}" for letter, value in case.sizes.items())
        yield f"`{case.title}` with {sizes}:"
        yield ""
        yield "| | formula | number |"
        yield "|---|---|---|"
        formulas = (case.parameters, case.products, case.kept)
        for name, formula, number in zip(ROWS, formulas, measured(case), strict=True):
            size = f" ({mebibytes(number)} MiB)" if name == ROWS[2] else ""
            yield f"| {name} | {shown(formula)} | {number:,}{size} |"
        if turns:
            ratios = " / ".join(f"{ratio:.2g}" for ratio in time_ratios(case, turns))
            yield f"| time, forward / with backward | {beside(case)} | {ratios} |"
        yield ""
    if others := [case for case in CASES[page] if not case.parameters]:
        yield from _table_without_formulas(others, turns)


def _table_without_formulas(cases: list[Case], turns: int) -> Iterator[str]:
    timed = "| time, forward / with backward | beside " if turns else ""
    yield f"| block | input | parameters | multiply-adds | kept {timed}|"
    yield "|---" * (7 if turns else 5) + "|"
    for case in cases:
        parameters, products, kept = measured(case)
        shape = " ".join(map(str, tree_leaves(case.inputs())[0].shape))
        line = (
            f"| `{case.title}` | {shape} | {parameters:,} | {products:,} | {mebibytes(kept)} MiB "
        )
        if turns:
            ratios = " / ".join(f"{ratio:.2g}" for ratio in time_ratios(case, turns))
            line += f"| {ratios} | {beside(case)} "
        yield line + "|"
    yield ""


def beside(case: Case) -> str:
    """The convolution that the time is a multiple of."""
    c, h, w = case.convolution
    return f"in 3x3 convolutions of {c} channels, {h} x {w}"


def mebibytes(floats: int) -> str:
    return f"{float(f'{floats * 4 / 2**20:.2g}'):g}"


def shown(formula: str) -> str:
    """``9*c**2*h`` as ``9 c² h``."""
    formula = re.sub(r"(?<=\d)\*(?=\d)", " · ", formula)
    for written, printed in (("**2", "²"), ("**4", "⁴"), ("//", " / "), ("*", " ")):
        formula = formula.replace(written, printed)
    return f"`{formula}`"


@cache
def measured(case: Case) -> tuple[int, int, int]:
    """The numbers of ROWS."""
    return count_parameters(case), count_products(case), count_kept(case)


def expected(case: Case) -> tuple[int, int, int]:
    """What the formulas say, the same three."""
    parts = (0, 0, 0) if case.part is None else measured(case.part)
    formulas = (case.parameters, case.products, case.kept)
    letters = [case.sizes | {"R": part} for part in parts]
    first, second, third = (eval(f, {}, x) for f, x in zip(formulas, letters, strict=True))
    return first, second, third


def count_parameters(case: Case) -> int:
    return sum(parameter.numel() for parameter in _parameters(case.build()))


def count_products(case: Case) -> int:
    """Forward, of matrix products and convolutions, these as they are written: no Winograd, and no
    attention by a kernel that the counter does not know."""
    block, inputs = case.build(), case.inputs()
    directly = patch("graphgan.layers._convolution.is_faster", return_value=False)
    plainly = sdpa_kernel(SDPBackend.MATH)
    with torch.no_grad(), directly, plainly, FlopCounterMode(display=False) as counter:
        block(*inputs)
    return counter.get_total_flops() // 2


def count_kept(case: Case) -> int:
    """Floats that autograd holds after the forward pass, inputs with them, parameters without."""
    block, inputs = case.build(), _learning(case.inputs())
    own = {parameter.untyped_storage().data_ptr() for parameter in _parameters(block)}
    kept: dict[int, int] = {}

    def pack(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        out = block(*inputs)  # held, lest a storage's place be given away
        total = sum(size for place, size in kept.items() if place not in own)
    del out
    return total // 4


def time_ratios(case: Case, turns: int) -> tuple[float, float]:
    """Forward alone, and with the backward pass."""
    c, h, w = case.convolution
    conv, x = nn.Conv2d(c, c, 3, padding=1, bias=False), torch.randn(1, c, h, w)
    block, inputs = case.build(), case.inputs()
    with torch.no_grad():
        forward = _median_ratio(lambda: block(*inputs), lambda: conv(x), turns)
    inputs, x = _learning(inputs), x.requires_grad_()
    both = _median_ratio(lambda: _backward(block(*inputs)), lambda: _backward(conv(x)), turns)
    return forward, both


def _median_ratio(ours: Callable[[], object], theirs: Callable[[], object], turns: int) -> float:
    ratios = [_seconds(ours) / _seconds(theirs) for _ in range(turns + 2)]
    return statistics.median(ratios[2:])  # the first calls warm up


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _backward(out: object) -> None:
    torch.stack([x.sum() for x in tree_leaves(out) if isinstance(x, Tensor)]).sum().backward()


def _parameters(block: object) -> list[nn.Parameter]:
    return list(block.parameters()) if isinstance(block, nn.Module) else []


def _learning(inputs: tuple) -> tuple:
    return tree_map(
        lambda x: x.requires_grad_() if isinstance(x, Tensor) and x.is_floating_point() else x,
        inputs,
    )


if __name__ == "__main__":
    run_command(main, Options)
