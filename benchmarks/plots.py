"""Plots of the tables."""

import math
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from timing import Growth, Row

from graphgan.files import replacing

BLUE, ORANGE = "#0072B2", "#D55E00"  # Okabe and Ito's


def draw_ratios(tables: dict[str, list[Row]], path: Path) -> bool:
    """How many times faster than the reference, a bar a row; whether there was anything."""
    rows = [
        (f"{name}: {row.what}", row.ratio)
        for name, table in tables.items()
        for row in table
        if math.isfinite(row.ratio)
    ]
    if not rows:
        return False
    figure = Figure(figsize=(8, 1.2 + 0.3 * len(rows)), layout="constrained")
    ax: Axes = figure.subplots()
    names, ratios = zip(*reversed(rows), strict=True)
    bars = ax.barh(range(len(names)), ratios, tick_label=names, color=BLUE, height=0.65)
    ax.bar_label(bars, fmt=lambda ratio: f" {ratio:.0f}" if ratio > 99 else f" {ratio:.3g}")
    ax.axvline(1, color="0.4", linewidth=1)
    ax.set_xscale("log")
    ax.margins(x=0.12, y=0.5 / len(names))
    ax.set_xlabel("times the speed of the reference")
    _finish([ax], figure, path)
    return True


def draw_growth(tables: dict[str, list[Row]], path: Path) -> bool:
    """Seconds and peak memory over each number that grows; whether there was anything."""
    growths = [row.growth for table in tables.values() for row in table if row.growth]
    if not growths:
        return False
    figure = Figure(figsize=(2.9 * len(growths), 5.2), layout="constrained")
    axes = figure.subplots(2, len(growths), sharey="row", squeeze=False)
    for (upper, lower), growth in zip(axes.T, growths, strict=True):
        _panel(upper, growth, growth.seconds, growth.seconds_exponent, BLUE)
        mebibytes = [value / 2**20 for value in growth.bytes]
        _panel(lower, growth, mebibytes, growth.bytes_exponent, ORANGE)
        lower.set_xlabel(growth.name)
    axes[0, 0].set_ylabel("seconds")
    axes[1, 0].set_ylabel("peak memory (MiB)")
    _finish(list(axes.flat), figure, path)
    return True


def _panel(ax: Axes, growth: Growth, costs: list[float], power: float, color: str) -> None:
    ax.loglog(growth.values, costs, "o-", color=color, markersize=4)
    ax.set_xticks(growth.values, [f"{value:g}" for value in growth.values])
    ax.minorticks_off()
    ax.set_title(f"{growth.name}$^{{{power:.2f}}}$", fontsize=10)


def _finish(axes: list[Axes], figure: Figure, path: Path) -> None:
    for ax in axes:
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130)
