"""Metrics: errors, image similarity, pose, identity, set distances and confidence intervals."""

from graphgan.metrics.comparison import Comparison, compare
from graphgan.metrics.detection import box_iou, detected, landmark_box
from graphgan.metrics.distribution import (
    InceptionScore,
    frechet_inception_distance,
    inception_score,
    kernel_inception_distance,
)
from graphgan.metrics.exported import ExportedProgram
from graphgan.metrics.expression import Expression, measure_expression
from graphgan.metrics.frechet import (
    PrincipalDistance,
    frechet_distance,
    frechet_floor,
    principal_frechet_distance,
)
from graphgan.metrics.head_pose import HeadPose, head_pose
from graphgan.metrics.identification import (
    FoldStatistics,
    RocCurve,
    auc,
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
from graphgan.metrics.seam import seam_visibility
from graphgan.metrics.sharpness import Sharpness, face_sharpness
from graphgan.metrics.skin_tone import SkinTone, skin_beside, skin_tone
from graphgan.metrics.ssim import mask_ssim, ssim

__all__ = [
    "Comparison",
    "ExportedProgram",
    "Expression",
    "FoldStatistics",
    "HeadPose",
    "InceptionFeatures",
    "InceptionScore",
    "Interval",
    "KernelDistance",
    "PrincipalDistance",
    "RealismFeatures",
    "RocCurve",
    "Sharpness",
    "SkinTone",
    "auc",
    "bootstrap_mean",
    "box_iou",
    "close_up",
    "compare",
    "descriptor_distances",
    "detected",
    "eye_distance",
    "face_sharpness",
    "fold_accuracies",
    "fold_statistics",
    "frechet_distance",
    "frechet_floor",
    "frechet_inception_distance",
    "head_pose",
    "inception_score",
    "kernel_distance",
    "kernel_inception_distance",
    "landmark_box",
    "landmark_error",
    "mask_ssim",
    "masked_error",
    "mean_over_people",
    "measure_expression",
    "mouth_opening",
    "parrot_rank_one",
    "pckh",
    "principal_frechet_distance",
    "rank_one",
    "rate_over_people",
    "roc",
    "same_class",
    "seam_visibility",
    "skin_beside",
    "skin_tone",
    "ssim",
    "threshold_at",
    "verified",
    "yaw",
]
