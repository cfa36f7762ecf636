"""Turn a recipe's parts into a finished run: networks, steps, run folder and report."""

import shlex
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan.data import PairsOfSteps, PictureDataset, StoredPairs
from graphgan.data._batches import PicturesInMemory, batches_of_steps
from graphgan.data._pictures import check_sides
from graphgan.files import replacing
from graphgan.models._pretrained import check_savable
from graphgan.training._devices import first_failure_speaks, launch_fabric, memory_errors_explained
from graphgan.training._loggers import OpenLogger, RunLogger, find_logger
from graphgan.training._loop import Schedule, TrainingOutcome, train
from graphgan.training._options import RunOptions
from graphgan.training._resuming import write_options
from graphgan.training._run_folder import RunFolder, validation_of
from graphgan.training._sheets import write_sheet
from graphgan.training._starting import start_from, state_of
from graphgan.training._step import GANStep, Objective, Player
from graphgan.weights._finding import WEIGHTS

if TYPE_CHECKING:
    from lightning_fabric import Fabric


VALIDATION_PAIRS = 64
"""Held-out pairs that recipes measure at every checkpoint."""


@dataclass(frozen=True)
class Experiment:
    """The parts of a run that a recipe supplies.

    Args:
        name: name of the recipe, used for the run folder.
        generator: a `graphgan.models.Pretrained`, or another network with ``save_pretrained``. If
            it returns a dataclass, that must not be frozen, because Fabric fills it in.
        discriminators: by name.
        objective: the losses of all networks.
        pairs: data of every step.
        to_batch: moves a step's data to the device in the form that the objective expects.
        columns: columns of a sample sheet, made by the averaged generator in eval mode.
        learned: evaluates the result; its text is printed at the end.
        validate: error of the averaged generator on held-out pairs, in eval mode and without
            gradients; lower is better. None if there are no such pairs.
        generator_every: discriminator steps per generator step.
    Raises:
        ValueError: a generator that cannot be saved and loaded again.
    """

    name: str
    generator: nn.Module
    discriminators: Mapping[str, nn.Module]
    objective: Objective
    pairs: PairsOfSteps
    to_batch: Callable[[StoredPairs, torch.device], Any]
    columns: Callable[[Any], Mapping[str, Float[Tensor, "b c h w"]]]
    learned: Callable[[Any], str]
    generator_every: int = 1
    validate: Callable[[Any], float] | None = None

    def __post_init__(self) -> None:
        check_savable(self.generator)


def train_command(
    options: RunOptions, prepare: Callable[["Fabric"], Experiment], *, less_memory: str
) -> int:
    """Run a training command after its options are parsed; returns its exit status.

    Args:
        options: options of the run.
        prepare: checks everything and builds the experiment; called in each process, with networks
            initialized from ``options.seed``.
        less_memory: advice if memory runs out, such as "a smaller --width needs less".
    """
    # Fabric recommends workers, which are useless for images in memory.
    warnings.filterwarnings("ignore", module="lightning_fabric")
    with memory_errors_explained(less_memory):
        fabric = launch_fabric(options.device, options.devices, options.precision)
        with first_failure_speaks(fabric):
            torch.manual_seed(options.seed)
            return run_experiment(fabric, options, prepare(fabric))


def ready_to_train(pictures: PictureDataset, *, smallest: int, workers: int) -> PictureDataset:
    """The images of a run, held in memory unless worker processes read them.

    Args:
        pictures: images to train on.
        smallest: minimum side that the discriminators support, in pixels.
        workers: number of worker processes that read images.
    Raises:
        ValueError: images that are too small, or whose sides are not divisible by 4.
    """
    check_sides(pictures.size, smallest=smallest)
    return pictures if workers > 0 else PicturesInMemory(pictures)


def run_experiment(fabric: "Fabric", options: RunOptions, experiment: Experiment) -> int:
    """Train, report, and return the exit status: 130 if the run was interrupted.

    The run folder is created only after everything else is known to work.
    """
    gan_step = make_step(fabric, options, experiment)
    schedule = make_schedule(options, experiment.generator_every)
    open_logger = find_logger(options.logger)
    start = 0
    if options.resume is not None:
        start = _take_up(gan_step, options.resume, options.steps)
    elif options.start_from is not None:
        line = start_from(gan_step, options.start_from)
        if fabric.is_global_zero:
            _say(line)
    run = _open_run(fabric, options, experiment.name, start)
    outcome = train(
        fabric,
        gan_step,
        _batches(fabric, options, experiment, start),
        run,
        schedule,
        batch_size=experiment.pairs.sampler.batch_size,
        start=start,
        draw=lambda path: write_sheet(path, experiment.columns(_averaged(gan_step))),
        export=lambda folder: _averaged(gan_step).save_pretrained(folder / WEIGHTS),
        validate=_validation(experiment, gan_step),
        open_logger=partial(_open_logger, open_logger, run, options, start),
    )
    if not fabric.is_global_zero:
        return 0  # otherwise Fabric kills the first process
    seconds = experiment.pairs.sampler.batch_size / outcome.samples_per_second
    _report(run, outcome, seconds, lambda: experiment.learned(_averaged(gan_step)))
    return 130 if outcome.stopped else 0


def _validation(experiment: Experiment, gan_step: GANStep) -> Callable[[], float] | None:
    if (measure := experiment.validate) is None:
        return None

    @torch.no_grad()
    def validate() -> float:
        return measure(_averaged(gan_step))

    return validate


def _open_logger(
    open_logger: OpenLogger, run: RunFolder, options: RunOptions, start: int
) -> RunLogger | None:
    try:
        return open_logger(run.path, start, write_options(options))
    except Exception:
        if options.resume is None:  # otherwise the next attempt would find the folder taken
            shutil.rmtree(run.path)
        raise


def make_schedule(options: RunOptions, generator_every: int = 1) -> Schedule:
    """The schedule of a run with these options."""
    decay, steps = options.optimizer.decay, options.steps
    return Schedule(
        steps=steps,
        log_every=options.log_every,
        save_every=options.save_every,
        sheet_every=options.sheet_every,
        decay_from=min(round((1 - decay) * steps), steps - 1) if decay > 0 else None,
        generator_every=generator_every,
    )


def make_step(fabric: "Fabric", options: RunOptions, experiment: Experiment) -> GANStep:
    """Set up the networks of an experiment, each with its own optimizer."""
    settings = options.optimizer

    def player(network: nn.Module, lr: float) -> Player:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        betas = (settings.beta1, settings.beta2)
        adam = torch.optim.Adam(network.parameters(), lr=lr, betas=betas, fused=True)
        module, optimizer = fabric.setup(network, adam)
        return Player(module, optimizer, lr)

    discriminators = experiment.discriminators.items()
    return GANStep(
        fabric,
        player(experiment.generator, settings.lr_g),
        {name: player(network, settings.lr_d) for name, network in discriminators},
        experiment.objective,
        seed=options.seed,
        ema_decay=settings.ema,
        generator_every=experiment.generator_every,
    )


def _take_up(gan_step: GANStep, folder: Path, steps: int) -> int:
    """Load a run's newest checkpoint; returns the number of steps it had taken."""
    if (checkpoint := RunFolder(folder).latest()) is None:
        raise ValueError(
            f"expected a checkpoint in {folder}, but the run stopped before its first one"
        )
    with state_of(checkpoint) as state:
        gan_step.load_state_dict(state)
    if (start := int(state["step"])) >= steps:
        raise ValueError(
            f"expected steps left in {folder}, but all {start} are done; add more with --more"
        )
    return start


def _open_run(fabric: "Fabric", options: RunOptions, name: str, start: int) -> RunFolder:
    """Create or open the run folder, in the first process only."""
    default = Path("runs") / f"{name}-{options.preset}-{datetime.now():%Y%m%d-%H%M%S}"
    folder = options.resume or options.out or default
    if fabric.is_global_zero:
        if options.resume is None:
            RunFolder.create(folder, write_options(options))
        else:
            RunFolder(folder).update_config(write_options(options))
            RunFolder(folder).forget_after(start)
    return RunFolder(fabric.broadcast(folder))


def _batches(
    fabric: "Fabric", options: RunOptions, experiment: Experiment, start: int
) -> Iterator[Any]:
    on_gpu = fabric.device.type == "cuda"
    steps = range(start, options.steps)
    stored = batches_of_steps(
        experiment.pairs, steps, num_workers=options.workers, pin_memory=on_gpu
    )
    return (experiment.to_batch(batch, fabric.device) for batch in stored)


def _averaged(gan_step: GANStep) -> Any:
    """The generator's moving average, in eval mode."""
    return gan_step.averaged.module.eval()


def _report(
    run: RunFolder, outcome: TrainingOutcome, seconds: float, learned: Callable[[], str]
) -> None:
    """Report on the run, the time per step, and what was learned."""
    mib = outcome.peak_memory_bytes / 2**20
    speed = f"{outcome.samples_per_second:.1f} samples/s ({seconds:.2g} s per step)"
    speed += f", peak memory {mib:.0f} MiB"
    if outcome.stopped:
        _say(f"stopped after step {outcome.step}: {speed}; everything is saved; continue with")
        _say(f"  python {shlex.quote(sys.argv[0])} --resume {shlex.quote(str(run.path))}")
        return
    _say(f"{outcome.step} steps: {speed}")
    _say(text := learned())
    with replacing(run.path / "report.txt") as temporary:
        temporary.write_text(text + "\n")
    _say(f"weights  {run.latest()}/{WEIGHTS}")
    if (best := run.best()) is not None:
        _say(f"best     {best}/{WEIGHTS} (error on held-out pairs {validation_of(best):.4f})")
    _say(f"sheets   {run.sheets}/")


def _say(line: str) -> None:
    print(line, flush=True)
