"""The training loop: read, step, log, draw and save; a stopped run can be resumed."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from jaxtyping import UInt8
from torch import Tensor

from graphgan.extras import needs_extra
from graphgan.training._devices import peak_memory_bytes
from graphgan.training._interrupts import stop_on_signal
from graphgan.training._loggers import RunLogger, TensorBoardEvents, log_image
from graphgan.training._run_folder import VALIDATION, RunFolder
from graphgan.training._step import GANStep, Losses

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from tqdm import tqdm


class TrainingDivergedError(ValueError):
    """A loss became NaN or infinite."""


@dataclass(frozen=True)
class Schedule:
    """When a run logs, saves and draws, in steps.

    Args:
        steps: total number of steps.
        log_every: steps between rows of metrics; a NaN may go unnoticed for as long.
        save_every: steps between checkpoints.
        sheet_every: steps between sample sheets.
        decay_from: step from which the learning rates fall linearly to 0 at the last step; None
            keeps them constant.
        generator_every: discriminator steps per generator step. Rows of metrics and the end fall on
            generator steps, so that every row has all losses.
    Raises:
        ValueError: intervals below 1, a decay outside the run, or ``steps`` or ``log_every`` that
            are not multiples of ``generator_every``.
    """

    steps: int
    log_every: int = 20
    save_every: int = 500
    sheet_every: int = 500
    decay_from: int | None = None
    generator_every: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "log_every", "save_every", "sheet_every", "generator_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")
        if self.decay_from is not None and not 0 <= self.decay_from < self.steps:
            raise ValueError(
                f"expected decay_from from 0 to below the {self.steps} steps, got {self.decay_from}"
            )
        for name in ("steps", "log_every"):
            if (value := getattr(self, name)) % self.generator_every:
                raise ValueError(
                    f"expected {name} to be a multiple of {self.generator_every}, the "
                    f"number of steps between generator steps, got {value}"
                )

    def lr_factor(self, step: int) -> float:
        """Learning rate factor at a step, counted from 0."""
        if self.decay_from is None or step < self.decay_from:
            return 1.0
        return (self.steps - step) / (self.steps - self.decay_from)


@dataclass(frozen=True)
class TrainingOutcome:
    """Result of a loop: its last step, whether it was interrupted, speed and peak memory."""

    step: int
    stopped: bool
    samples_per_second: float
    peak_memory_bytes: int


def train(
    fabric: "Fabric",
    gan_step: GANStep,
    batches: Iterable[Any],
    run: RunFolder,
    schedule: Schedule,
    *,
    batch_size: int,
    start: int = 0,
    draw: Callable[[Path], UInt8[Tensor, "3 h w"] | None],
    export: Callable[[Path], None],
    validate: Callable[[], float] | None = None,
    open_logger: Callable[[], RunLogger | None] | None = None,
) -> TrainingOutcome:
    """Run the steps from ``start`` to ``schedule.steps``.

    Args:
        fabric: device and processes.
        gan_step: called with each batch and step number.
        batches: the batches of those steps, in order.
        run: receives metrics, sheets and checkpoints.
        schedule: number of steps and intervals.
        batch_size: samples per step, over all processes.
        start: steps taken before.
        draw: writes a sample sheet to the given path; the returned image is shown by the logger.
        export: writes the weights to use into the given folder.
        validate: an error on held-out pairs, lower is better, measured at every checkpoint; the
            weights with the lowest error are kept.
        open_logger: called in the first process; TensorBoard by default.
    Raises:
        TrainingDivergedError: a loss became NaN or infinite; the last checkpoint is intact.
        OSError: a disk is full; the last checkpoint is intact.
    """
    events = open_logger or partial(TensorBoardEvents, run.path, start)
    logbook = _Logbook(fabric, run, start, schedule, batch_size, events)
    step = start
    with stop_on_signal() as stop, logbook:
        for step, batch in enumerate(batches, start + 1):
            losses = gan_step(batch, step - 1, lr_factor=schedule.lr_factor(step - 1))
            logbook.add(step, losses)
            last = step == schedule.steps
            stopping = _any_process(fabric, bool(stop))
            if last or stopping or step % schedule.save_every == 0:
                logbook.check_finite()
                _check_weights(fabric, gan_step, run, step)
                if fabric.is_global_zero:
                    error = None if validate is None else logbook.validated(step, validate())
                    run.save(step, gan_step.state_dict(), export, validation=error)
                fabric.barrier()
            if fabric.is_global_zero and (last or step % schedule.sheet_every == 0):
                logbook.show(step, draw(run.sheet(step)))
            if stopping:
                break
        return logbook.outcome(step, stopped=step < schedule.steps)


def _any_process(fabric: "Fabric", flag: bool) -> bool:
    """Whether any process reports this, so that all stop or fail after the same step."""
    if fabric.world_size == 1:
        return flag
    return bool(fabric.all_reduce(torch.tensor(float(flag)), reduce_op="sum"))


def _check_weights(fabric: "Fabric", gan_step: GANStep, run: RunFolder, step: int) -> None:
    if _any_process(fabric, not gan_step.is_finite()):
        raise TrainingDivergedError(_diverged("a weight", step, run))


def _diverged(what: str, step: int, run: RunFolder) -> str:
    good = run.latest()
    return f"{what} became NaN or infinite at step {step}; " + (
        f"the last good checkpoint is {good}" if good else "no checkpoint had been saved yet"
    )


def _hide_os_errors(failure: threading.ExceptHookArgs) -> None:
    """TensorBoard's thread prints the traceback of a full disk; its next call raises it as well."""
    if not isinstance(failure.exc_value, OSError):
        threading.__excepthook__(failure)


class _Logbook:
    """Passes losses to the progress bar, metrics.csv and a logger.

    Losses stay on the device until a row is due, because reading them would make the device wait.
    """

    def __init__(
        self,
        fabric: "Fabric",
        run: RunFolder,
        start: int,
        schedule: Schedule,
        batch_size: int,
        open_logger: Callable[[], RunLogger | None],
    ) -> None:
        self.fabric, self.run, self.schedule, self.batch_size = fabric, run, schedule, batch_size
        self.start = start
        self.pending: list[tuple[int, Losses]] = []
        self.bar: tqdm[Any]
        self.open_logger = open_logger
        self.logger: RunLogger | None = None
        self.error: dict[str, str] = {}  # of the last validation, as the bar shows it

    def __enter__(self) -> "_Logbook":
        with needs_extra("recipes"):
            from tqdm import tqdm
        shown = self.fabric.is_global_zero
        self.excepthook, threading.excepthook = threading.excepthook, _hide_os_errors
        if shown:
            self.logger = self.open_logger()
        self.bar = tqdm(
            total=self.schedule.steps, initial=self.start, unit="step", disable=not shown
        )
        self.began = self.row_began = time.perf_counter()
        self.row_start = self.start
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        self.bar.close()
        try:
            if self.logger is not None:
                self.logger.finalize("success" if kind is None else "failed")
        finally:
            threading.excepthook = self.excepthook

    def add(self, step: int, losses: Losses) -> None:
        self.pending.append((step, losses))
        self.bar.update()
        if step % self.schedule.log_every == 0 or step == self.schedule.steps:
            means = self.check_finite()
            self.pending = []
            if self.fabric.is_global_zero:
                self._write(step, means)

    def check_finite(self) -> dict[str, float]:
        """Mean losses since the last row, over all processes.

        Raises:
            TrainingDivergedError: a loss is not a finite number.
        """
        if not self.pending:
            return {}
        # The generator's losses are missing where the discriminators learned alone.
        names = list(dict.fromkeys(name for _, losses in self.pending for name in losses))
        there = torch.tensor([[name in losses for name in names] for _, losses in self.pending])
        zero = next(iter(self.pending[0][1].values())).new_zeros(())
        table = torch.stack(
            [torch.stack([losses.get(n, zero) for n in names]) for _, losses in self.pending]
        )
        values = cast(Tensor, self.fabric.all_reduce(table.float(), reduce_op="mean")).cpu()
        for (step, _), row in zip(self.pending, values, strict=True):
            if bad := [n for n, value in zip(names, row, strict=True) if not value.isfinite()]:
                raise TrainingDivergedError(_diverged(f"loss {bad[0]}", step, self.run))
        means = values.sum(0) / there.sum(0)
        return dict(zip(names, means.tolist(), strict=True))

    def _write(self, step: int, means: dict[str, float]) -> None:
        now = time.perf_counter()
        speed = (step - self.row_start) * self.batch_size / (now - self.row_began)
        self.row_began, self.row_start = now, step
        peak = peak_memory_bytes(self.fabric.device.type) / 2**20
        row = means | {"samples_per_second": speed, "peak_memory_mib": peak}
        self.run.log({"step": step, **{name: float(f"{v:.6g}") for name, v in row.items()}})
        if self.logger is not None:
            self.logger.log_metrics(row, step)
        shown = {name: f"{value:.3f}" for name, value in means.items()}
        self.bar.set_postfix(shown | self.error | {"samples/s": f"{speed:.1f}"})

    def validated(self, step: int, error: float) -> float:
        """Log the error on held-out pairs, and return it."""
        self.error = {VALIDATION: f"{error:.3f}"}
        self.run.log_validation(step, error)
        if self.logger is not None:
            self.logger.log_metrics({VALIDATION: error}, step)
        return error

    def show(self, step: int, sheet: UInt8[Tensor, "3 h w"] | None) -> None:
        if self.logger is not None and sheet is not None:
            log_image(self.logger, "sheet", sheet, step)

    def outcome(self, step: int, *, stopped: bool) -> TrainingOutcome:
        seconds = time.perf_counter() - self.began
        speed = (step - self.start) * self.batch_size / seconds
        return TrainingOutcome(step, stopped, speed, peak_memory_bytes(self.fabric.device.type))
