"""What is measured on results: errors, likeness, pose, identity, whole sets, intervals."""

from graphgan.metrics.comparison import Comparison, compare
from graphgan.metrics.detection import box_iou, detected, landmark_box
from graphgan.metrics.distribution import (
    InceptionScore,
    KernelDistance,
    frechet_inception_distance,
    inception_score,
    kernel_inception_distance,
)
from graphgan.metrics.exported import ExportedProgram
from graphgan.metrics.frechet import frechet_distance, frechet_floor
from graphgan.metrics.identification import (
    BestF1,
    FoldStatistics,
    RocCurve,
    auc,
    best_f1,
    descriptor_distances,
    fold_accuracies,
    fold_statistics,
    rank_one,
    roc,
    same_class,
    threshold_at,
    verified,
)
from graphgan.metrics.inception import torchmetrics_inception
from graphgan.metrics.intervals import Interval, bootstrap_mean, mean_over_people, rate_over_people
from graphgan.metrics.landmark_error import landmark_error
from graphgan.metrics.masked_error import masked_error
from graphgan.metrics.parrot import parrot_rank_one
from graphgan.metrics.pckh import pckh
from graphgan.metrics.pose import eye_distance, mouth_opening, yaw
from graphgan.metrics.ssim import mask_ssim, ssim

__all__ = [
    "BestF1",
    "Comparison",
    "ExportedProgram",
    "FoldStatistics",
    "InceptionScore",
    "Interval",
    "KernelDistance",
    "RocCurve",
    "auc",
    "best_f1",
    "bootstrap_mean",
    "box_iou",
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
    "kernel_inception_distance",
    "landmark_box",
    "landmark_error",
    "mask_ssim",
    "masked_error",
    "mean_over_people",
    "mouth_opening",
    "parrot_rank_one",
    "pckh",
    "rank_one",
    "rate_over_people",
    "roc",
    "same_class",
    "ssim",
    "threshold_at",
    "torchmetrics_inception",
    "verified",
    "yaw",
]
