"""The GAN training step, the loop around it, and the run folder."""

from graphgan.training._devices import memory_errors_explained
from graphgan.training._experiment import (
    VALIDATION_PAIRS,
    Experiment,
    ready_to_train,
    train_command,
)
from graphgan.training._history_pool import HistoryPool
from graphgan.training._loop import Schedule, TrainingDivergedError, TrainingOutcome, train
from graphgan.training._options import OptimizerOptions, RunOptions, check_not_negative
from graphgan.training._projected_losses import (
    Conditioning,
    projected_discriminator_losses,
    projected_generator_loss,
)
from graphgan.training._resuming import parse_train_options, read_options
from graphgan.training._run_folder import RunFolder
from graphgan.training._sampling import (
    CheckpointOptions,
    SampleOptions,
    device_of,
    image_file,
    pair_batches,
    write_samples,
)
from graphgan.training._sheets import SHEET_ROWS, write_sheet
from graphgan.training._step import GANStep, Losses, Objective, Player

__all__ = [
    "SHEET_ROWS",
    "VALIDATION_PAIRS",
    "CheckpointOptions",
    "Conditioning",
    "Experiment",
    "GANStep",
    "HistoryPool",
    "Losses",
    "Objective",
    "OptimizerOptions",
    "Player",
    "RunFolder",
    "RunOptions",
    "SampleOptions",
    "Schedule",
    "TrainingDivergedError",
    "TrainingOutcome",
    "check_not_negative",
    "device_of",
    "image_file",
    "memory_errors_explained",
    "pair_batches",
    "parse_train_options",
    "projected_discriminator_losses",
    "projected_generator_loss",
    "read_options",
    "ready_to_train",
    "train",
    "train_command",
    "write_samples",
    "write_sheet",
]
