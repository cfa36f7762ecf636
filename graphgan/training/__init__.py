"""The GAN training step, the loop around it, and the run folder."""

from graphgan.data import PairsOfSteps
from graphgan.training.devices import launch_fabric, torch_device
from graphgan.training.experiment import Experiment, ready_to_train, train_command
from graphgan.training.history_pool import HistoryPool
from graphgan.training.loggers import RunLogger, find_logger
from graphgan.training.loop import Outcome, Schedule, TrainingDivergedError, train
from graphgan.training.options import OptimizerOptions, RunOptions
from graphgan.training.resuming import parse_train_options
from graphgan.training.run_folder import RunFolder, load_state
from graphgan.training.sheets import write_sheet
from graphgan.training.step import GANStep, Losses, Objective, Player, Stateful

__all__ = [
    "Experiment",
    "GANStep",
    "HistoryPool",
    "Losses",
    "Objective",
    "OptimizerOptions",
    "Outcome",
    "PairsOfSteps",
    "Player",
    "RunFolder",
    "RunLogger",
    "RunOptions",
    "Schedule",
    "Stateful",
    "TrainingDivergedError",
    "find_logger",
    "launch_fabric",
    "load_state",
    "parse_train_options",
    "ready_to_train",
    "torch_device",
    "train",
    "train_command",
    "write_sheet",
]
