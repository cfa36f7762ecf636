"""Speed, beside the reference and what the machine can do: `python benchmarks/run.py --help`."""

import json
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from cases import CASES
from machine import Machine
from plots import draw_growth, draw_ratios
from timing import Row, SlowReferenceError

from graphgan.commands import run_command
from graphgan.files import replacing
from graphgan.training._devices import torch_device


@dataclass(frozen=True, kw_only=True)
class Options:
    """Tables of seconds: the published order and layout in plain torch layers, and ours."""

    cases: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Among stem, convolution, reasoning, generator, step, operators, data and scaling;
    all by default."""
    device: str = "auto"
    """cpu, cuda or auto."""
    out: Path = Path("runs/benchmarks")
    """Folder for benchmarks.md and .json, ratios.png and growth.png."""
    threads: int | None = None
    """Of torch; as many as there are cores by default."""

    def __post_init__(self) -> None:
        if unknown := set(self.cases) - CASES.keys():
            raise ValueError(f"expected cases among {', '.join(CASES)}; got {min(unknown)}")


def main(options: Options) -> None:
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    device = torch_device(options.device)
    machine = Machine.measure(device)
    print("\n".join(machine.lines()), flush=True)
    tables: dict[str, list[Row]] = {}
    refused = []
    for name in options.cases or CASES:
        tables[name] = []
        print(f"\n## {name}\n\n{HEAD}", flush=True)
        try:
            for row in CASES[name](machine, device):
                tables[name].append(row)
                print(line(row), flush=True)
        except SlowReferenceError as error:
            refused.append(f"{name}: not reported: {error}")
            print(f"\n{refused[-1]}", flush=True)
    write(options.out, machine, tables, refused)
    if refused:
        raise ValueError("; ".join(refused))


HEAD = (
    "| | reference | ours | ratio | floor | ours / floor | reference of matrix rate "
    "| peak memory | |\n|---|---|---|---|---|---|---|---|---|"
)


def line(row: Row) -> str:
    def text(value: float | None, form: str) -> str:
        return "" if value is None or math.isnan(value) else format(value, form)

    over = None if row.floor is None else row.ours / row.floor
    share = None if row.of_matrix_rate is None else 100 * row.of_matrix_rate
    cells = [
        row.what,
        *(_seconds(value) for value in (row.reference, row.ours)),
        text(row.ratio, ".2f"),
        _seconds(row.floor),
        text(over, ".2f"),
        "" if share is None else f"{share:.0f} %",
        "" if row.peaks is None else _memory(*row.peaks),
        row.note,
    ]
    return f"| {' | '.join(cells)} |"


def _seconds(value: float | None) -> str:
    if value is None or math.isnan(value):
        return ""
    return f"{value:.3g} s" if value >= 1 else f"{1e3 * value:.3g} ms"


def _memory(reference: float, ours: float) -> str:
    if math.isnan(reference + ours):
        return ""
    return f"{reference / 2**20:.0f} -> {ours / 2**20:.0f} MiB ({ours / reference:.2f}x)"


def write(out: Path, machine: Machine, tables: dict[str, list[Row]], refused: list[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    parts = ["# Benchmarks\n", f"    python {' '.join(sys.argv)}\n", *machine.lines()]
    for name, rows in tables.items():
        parts += [f"\n## {name}\n", HEAD, *map(line, rows)]
    parts += ["", *refused]
    content = {
        "machine": machine.as_json(),
        "tables": {name: [asdict(row) for row in rows] for name, rows in tables.items()},
        "refused": refused,
    }
    for name, text in (
        ("benchmarks.md", "\n".join(parts) + "\n"),
        ("benchmarks.json", json.dumps(content, indent=2) + "\n"),
    ):
        with replacing(out / name) as path:
            path.write_text(text)
    for name, draw in (("ratios.png", draw_ratios), ("growth.png", draw_growth)):
        if not draw(tables, out / name):
            (out / name).unlink(missing_ok=True)  # of a run before


if __name__ == "__main__":
    run_command(main, Options)
