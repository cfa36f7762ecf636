"""One GAN step, the loop around it, and the folder that a run writes."""

from graphgan.training.devices import launch_fabric, torch_device
from graphgan.training.history_pool import HistoryPool
from graphgan.training.loggers import RunLogger, find_logger
from graphgan.training.loop import Outcome, Schedule, TrainingDivergedError, train
from graphgan.training.run_folder import RunFolder, load_state, newest_weights
from graphgan.training.step import GANStep, Objective, Player

__all__ = [
    "GANStep",
    "HistoryPool",
    "Objective",
    "Outcome",
    "Player",
    "RunFolder",
    "RunLogger",
    "Schedule",
    "TrainingDivergedError",
    "find_logger",
    "launch_fabric",
    "load_state",
    "newest_weights",
    "torch_device",
    "train",
]
