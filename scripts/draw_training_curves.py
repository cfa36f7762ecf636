"""How the discriminators of a run fared: `python scripts/draw_training_curves.py RUN --out PNG`."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from matplotlib.figure import Figure

from graphgan.commands import run_command
from graphgan.files import replacing

_SMOOTH = 5  # rows of metrics.csv that a point is the mean of


@dataclass(frozen=True)
class Options:
    """Draw the losses of a run's discriminators, and how often they tell real from generated."""

    run: Annotated[Path, tyro.conf.Positional]
    """The folder of a training run."""
    out: Path
    """The picture."""


def main(options: Options) -> None:
    with (options.run / "metrics.csv").open(newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    if len(rows) < _SMOOTH:
        raise ValueError(f"{options.run}: expected {_SMOOTH} rows of metrics, got {len(rows)}")
    figure = Figure(figsize=(9, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, prefix, title in (
        (left, "d_", "loss of the discriminators"),
        (right, "told_", "share of pairs told apart"),
    ):
        for name in (name for name in rows[0] if name.startswith(prefix)):
            axes.plot(*smoothed(rows, name), label=name)
        axes.set(title=title, xlabel="step")
        axes.legend(frameon=False)
    right.axhline(0.5, color="gray", linewidth=0.5)
    with replacing(options.out) as temporary:
        figure.savefig(temporary, dpi=100, format="png")


def smoothed(rows: list[dict[str, float]], name: str) -> tuple[list[float], list[float]]:
    """Steps, and means over some rows around them."""
    parts = [rows[i : i + _SMOOTH] for i in range(len(rows) - _SMOOTH + 1)]
    steps = [part[_SMOOTH // 2]["step"] for part in parts]
    return steps, [sum(row[name] for row in part) / _SMOOTH for part in parts]


if __name__ == "__main__":
    run_command(main, Options)
