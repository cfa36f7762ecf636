"""On paper: training's efficiency on many GPUs: `python benchmarks/many_machines.py --help`.

Nothing is measured here. The formulas and what they leave out: docs/many_machines.md.
"""

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from graphgan.commands import run_command

FIRST_BUCKET, BUCKET = 2**20, 25 * 2**20  # bytes: what torch's DDP sends at once
BYTES_PER_GRADIENT = 4  # single precision under bf16-mixed too
SMALL_MESSAGES = 3  # a step: two counts of selected pairs, one request to stop
RECIPE = Path(__file__).parents[1] / "recipes" / "anonygan"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Expected efficiency of AnonyGAN's training step, GPUs times step time, as a table."""

    preset: str = "paper"
    """Whose networks are trained."""
    step_seconds: tuple[float, ...] = (0.05, 0.1, 0.2)
    """Seconds of a step on one GPU, without communication."""
    gpus: tuple[int, ...] = (8, 64, 512)
    """Numbers of GPUs."""
    gpus_per_node: int = 8
    """GPUs that NVLink joins."""
    bandwidth: float = 25e9
    """Bytes a second from one GPU to the next between nodes."""
    node_bandwidth: float = 200e9
    """The same within a node."""
    latency: float = 10e-6
    """Seconds before a message between nodes arrives."""
    node_latency: float = 3e-6
    """The same within a node."""
    overlap: float = 0.0
    """Share of the communication that is hidden behind the backward pass, 0 to 1."""

    def __post_init__(self) -> None:
        positive = (*self.step_seconds, self.bandwidth, self.node_bandwidth)
        if not all(0 < value < math.inf for value in positive):
            raise ValueError(f"expected seconds and bandwidths above 0, got {positive}")
        if not all(0 <= value < math.inf for value in (self.latency, self.node_latency)):
            raise ValueError(
                f"expected latencies of at least 0, got {self.latency} and {self.node_latency}"
            )
        if min(*self.gpus, self.gpus_per_node) < 1:
            raise ValueError(f"expected one GPU or more, got {self.gpus}, {self.gpus_per_node}")
        if not 0 <= self.overlap <= 1:
            raise ValueError(f"expected an overlap from 0 to 1, got {self.overlap}")


@dataclass(frozen=True)
class Link:
    """From one GPU to the next: bytes a second, and seconds before a message arrives."""

    bandwidth: float
    latency: float


def ring_seconds(size: float, p: int, link: Link) -> float:
    """All-reduce of ``size`` bytes over p GPUs in a ring.

    ``2 (p - 1) / p * size / bandwidth + 2 (p - 1) * latency``
    """
    return 2 * (p - 1) * (size / p / link.bandwidth + link.latency)


def tree_seconds(size: float, p: int, link: Link) -> float:
    """All-reduce of ``size`` bytes up and down two binary trees, each with half of them.

    ``2 * size / bandwidth + 2 * ceil(log2 p) * latency``, 0 for one GPU
    """
    return 0.0 if p == 1 else 2 * (size / link.bandwidth + math.ceil(math.log2(p)) * link.latency)


def buckets(size: int) -> list[int]:
    """Bytes of the messages in which DDP sends ``size`` bytes of gradients, by its defaults."""
    first = min(size, FIRST_BUCKET)
    full, rest = divmod(size - first, BUCKET)
    return [first, *[BUCKET] * full, *([rest] if rest else [])]


def communication_seconds(gradients: list[int], p: int, link: Link) -> tuple[float, float]:
    """Seconds that a step's all-reduces take, one after the other: by rings, by trees.

    Args:
        gradients: bytes of each network's, each all-reduced in its own backward pass.
        p: GPUs.
        link: the slowest one on the way.
    """
    sizes = [size for network in gradients for size in buckets(network)] + [4] * SMALL_MESSAGES
    ring, tree = (
        sum(seconds(size, p, link) for size in sizes) for seconds in (ring_seconds, tree_seconds)
    )
    return ring, tree


def efficiency(step: float, communication: float, overlap: float = 0.0) -> float:
    """Samples a second of a GPU among many over those of one alone.

    ``step / (step + (1 - overlap) * communication)``, every GPU with its own full batch
    """
    return step / (step + (1 - overlap) * communication)


def gradient_bytes(preset: str) -> dict[str, int]:
    """Bytes of the gradients of each network of a preset of AnonyGAN's.

    Raises:
        ValueError: an unknown preset.
    """
    sys.path.insert(0, str(RECIPE))
    from options import PRESETS

    if preset not in PRESETS:
        raise ValueError(f"expected a preset among {', '.join(PRESETS)}; got {preset}")
    model = PRESETS[preset].model
    with torch.device("meta"):
        networks = {"generator": model.generator(), **model.discriminators()}
    return {
        name: BYTES_PER_GRADIENT * sum(x.numel() for x in network.parameters())
        for name, network in networks.items()
    }


def table(options: Options, gradients: list[int]) -> list[str]:
    """Lines of the table, in Markdown: a row a number of GPUs, a cell a step time."""
    steps = [f"{1e3 * step:g} ms" for step in options.step_seconds]
    head = ["GPUs", "all-reduces, ring / tree", *(f"step of {step}" for step in steps)]
    lines = [_row(head), "|" + "---|" * len(head)]
    for p in options.gpus:
        several = p > options.gpus_per_node
        link = (
            Link(options.bandwidth, options.latency)
            if several
            else Link(options.node_bandwidth, options.node_latency)
        )
        times = communication_seconds(gradients, p, link)
        cells = [str(p), " / ".join(f"{1e3 * seconds:.1f}" for seconds in times) + " ms"]
        for step in options.step_seconds:
            shares = (100 * efficiency(step, seconds, options.overlap) for seconds in times)
            cells.append(" / ".join(f"{share:.0f}" for share in shares) + " %")
        lines.append(_row(cells))
    return lines


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(options: Options) -> None:
    gradients = gradient_bytes(options.preset)
    sizes = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in gradients.items())
    print(f"{options.preset}: {sizes} of gradients\n")
    print("\n".join(table(options, list(gradients.values()))))


if __name__ == "__main__":
    run_command(main, Options)
