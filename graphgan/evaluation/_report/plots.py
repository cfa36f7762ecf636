"""Plots of an evaluation: privacy against utility, and ROC curves."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from graphgan.evaluation._evaluate import Evaluation
from graphgan.evaluation._measurements import Measurement, Measurements
from graphgan.evaluation._measures.privacy import ATTACKERS, Attacker
from graphgan.extras import needs_extra
from graphgan.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's color-blind-safe colors, then the same colors dashed.
_COLORS = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7")
_DASHES = ("-", "--", ":")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_LEAST_DETECTED = 0.1
_LEAST_RATE = 1e-3  # the left end of the ROC plot


def draw_privacy_against_utility(evaluation: Evaluation, path: Path) -> bool:
    """Rank-1 of each attacker against pose error, with intervals as bars; the lower left is best.

    Systems with at most a tenth of results detected are drawn at the right edge, since the pose
    error of so few is meaningless.

    Returns:
        Whether there was anything to draw.
    """
    panels = [a for a in ATTACKERS if any(_rank_one(r, a) for r in evaluation.rows.values())]
    if not panels:
        return False
    figure, axes = _figure(len(panels))
    errors = {system: _pose_error(row) for system, row in evaluation.rows.items()}
    edge = 1.25 * max([c.high or c.value or 0 for c in errors.values()] + [0.04])
    for ax, attacker in zip(axes, panels, strict=True):
        for number, (system, row) in enumerate(evaluation.rows.items()):
            if (rank := _rank_one(row, attacker)) is not None:
                _point(ax, system, number, errors[system], rank, edge)
        ax.axvline(edge, color="0.8", linewidth=0.8, zorder=0)
        ax.set_xlim(0, 1.12 * edge)
        ax.locator_params(axis="x", nbins=6)
        ax.set_ylim(-3, 103)
        ax.set_title(f"attacker: {attacker}", fontsize=10)
        ax.set_xlabel("pose error / eye distance")
        ax.text(
            *(0.985 * edge, 50, "hardly any face detected"),
            rotation=90, va="center", ha="right", fontsize=7, color="0.5",
        )  # fmt: skip
    axes[0].set_ylabel("recognized, rank-1 (%)")
    axes[-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    _save(figure, path)
    return True


def draw_roc(evaluation: Evaluation, path: Path) -> bool:
    """True against false accepts of each attacker who compares results with the gallery.

    Returns:
        Whether there was anything to draw.
    """
    panels = [attacker for attacker in ATTACKERS if evaluation.curves.get(attacker)]
    if not panels:
        return False
    figure, axes = _figure(len(panels))
    for ax, attacker in zip(axes, panels, strict=True):
        for number, (system, (false, true)) in enumerate(evaluation.curves[attacker].items()):
            rates = false.clamp(min=_LEAST_RATE).numpy()
            ax.plot(rates, true.numpy(), label=system, drawstyle="steps-post", **_line(number))
        chance = torch.logspace(math.log10(_LEAST_RATE), 0, 100).numpy()
        ax.plot(chance, chance, color="0.7", linewidth=0.8, label="chance")
        ax.set_xscale("log")
        ax.set_xlim(_LEAST_RATE, 1)
        ax.set_ylim(0, 1.02)
        ax.set_title(f"attacker: {attacker}", fontsize=10)
        ax.set_xlabel("false-accept rate")
    axes[0].set_ylabel("true-accept rate")
    axes[-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    _save(figure, path)
    return True


def _rank_one(row: Measurements, attacker: Attacker) -> Measurement | None:
    """Of the first recognizer by which it was measured."""
    cells = [cell for name, cell in row.items() if name.endswith(f", {attacker}: rank-1")]
    return next((cell for cell in cells if cell.value is not None), None)


def _pose_error(row: Measurements) -> Measurement:
    """Empty where too few faces are detected to speak of a pose error."""
    error = row.get("pose error", Measurement())
    asked = max((cell.count or 0 for name, cell in row.items() if "detected by" in name), default=0)
    return error if (error.count or 0) > _LEAST_DETECTED * asked else Measurement()


def _point(
    ax: "Axes", system: str, number: int, error: Measurement, rank: Measurement, edge: float
) -> None:
    x = 1.06 * edge if error.value is None else error.value
    assert rank.value is not None
    ax.errorbar(
        [x],
        [100 * rank.value],
        xerr=_bars(error, 1.0) if error.value is not None else None,
        yerr=_bars(rank, 100.0),
        fmt=_MARKERS[number % len(_MARKERS)],
        color=_COLORS[number % len(_COLORS)],
        label=system,
        capsize=2,
        markersize=5,
        markerfacecolor=None if number < len(_COLORS) else "white",  # the next round is hollow
        elinewidth=1,
    )


def _bars(cell: Measurement, scale: float) -> list[list[float]] | None:
    """Lengths below and above."""
    if cell.value is None or cell.low is None or cell.high is None:
        return None
    below, above = max(cell.value - cell.low, 0.0), max(cell.high - cell.value, 0.0)
    return [[scale * below], [scale * above]]


def _line(number: int) -> dict[str, Any]:
    return {
        "color": _COLORS[number % len(_COLORS)],
        "linestyle": _DASHES[number // len(_COLORS) % len(_DASHES)],
        "linewidth": 1.4,
    }


def _figure(panels: int) -> "tuple[Figure, list[Axes]]":
    with needs_extra("recipes"):
        from matplotlib.figure import (
            Figure,
        )  # not pyplot, which needs a display and has global state
    figure = Figure(figsize=(1.5 + 4.2 * panels, 3.8), layout="constrained")
    axes = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    for ax in axes:
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)


def _save(figure: "Figure", path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)
