"""What is measured on results: errors, likeness, pose, whole sets, intervals."""

from graphgan.metrics.comparison import Comparison, compare
from graphgan.metrics.distribution import (
    InceptionScore,
    frechet_inception_distance,
    inception_score,
)
from graphgan.metrics.exported import ExportedProgram
from graphgan.metrics.intervals import Interval, bootstrap_mean, mean_over_people
from graphgan.metrics.masked_error import masked_error
from graphgan.metrics.pckh import pckh
from graphgan.metrics.pose import eye_distance, mouth_opening, yaw
from graphgan.metrics.ssim import mask_ssim, ssim

__all__ = [
    "Comparison",
    "ExportedProgram",
    "InceptionScore",
    "Interval",
    "bootstrap_mean",
    "compare",
    "eye_distance",
    "frechet_inception_distance",
    "inception_score",
    "mask_ssim",
    "masked_error",
    "mean_over_people",
    "mouth_opening",
    "pckh",
    "ssim",
    "yaw",
]
