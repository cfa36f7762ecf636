"""What is measured on results: errors, likeness, pose, identity, whole sets, intervals."""

from graphgan.metrics.comparison import Comparison, compare
from graphgan.metrics.detection import box_iou, detected, landmark_box
from graphgan.metrics.distribution import (
    InceptionScore,
    frechet_inception_distance,
    inception_score,
    kernel_inception_distance,
)
from graphgan.metrics.exported import ExportedProgram
from graphgan.metrics.frechet import (
    PrincipalDistance,
    frechet_distance,
    frechet_floor,
    principal_frechet_distance,
)
from graphgan.metrics.identification import (
    FoldStatistics,
    RocCurve,
    descriptor_distances,
    fold_accuracies,
    fold_statistics,
    rank_one,
    roc,
    same_class,
    threshold_at,
    verified,
)
from graphgan.metrics.inception import InceptionFeatures
from graphgan.metrics.intervals import Interval, bootstrap_mean, mean_over_people, rate_over_people
from graphgan.metrics.kernel import KernelDistance, kernel_distance
from graphgan.metrics.landmark_error import landmark_error
from graphgan.metrics.masked_error import masked_error
from graphgan.metrics.parrot import parrot_rank_one
from graphgan.metrics.pckh import pckh
from graphgan.metrics.pose import eye_distance, mouth_opening, yaw
from graphgan.metrics.realism import RealismFeatures, close_up
from graphgan.metrics.ssim import mask_ssim, ssim

__all__ = [
    "Comparison",
    "ExportedProgram",
    "FoldStatistics",
    "InceptionFeatures",
    "InceptionScore",
    "Interval",
    "KernelDistance",
    "PrincipalDistance",
    "RealismFeatures",
    "RocCurve",
    "bootstrap_mean",
    "box_iou",
    "close_up",
    "compare",
    "descriptor_distances",
    "detected",
    "eye_distance",
    "fold_accuracies",
    "fold_statistics",
    "frechet_distance",
    "frechet_floor",
    "frechet_inception_distance",
    "inception_score",
    "kernel_distance",
    "kernel_inception_distance",
    "landmark_box",
    "landmark_error",
    "mask_ssim",
    "masked_error",
    "mean_over_people",
    "mouth_opening",
    "parrot_rank_one",
    "pckh",
    "principal_frechet_distance",
    "rank_one",
    "rate_over_people",
    "roc",
    "same_class",
    "ssim",
    "threshold_at",
    "verified",
    "yaw",
]
