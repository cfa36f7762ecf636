"""What is measured on results: errors, pose, intervals."""

from graphgan.metrics.intervals import Interval, bootstrap_mean
from graphgan.metrics.masked_error import masked_error
from graphgan.metrics.pckh import pckh
from graphgan.metrics.pose import eye_distance, mouth_opening, yaw

__all__ = [
    "Interval",
    "bootstrap_mean",
    "eye_distance",
    "masked_error",
    "mouth_opening",
    "pckh",
    "yaw",
]
