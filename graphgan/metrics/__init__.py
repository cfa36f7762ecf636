"""Metrics: errors, image similarity, pose, identity, set distances and confidence intervals."""

from graphgan.metrics._comparison import Comparison, compare
from graphgan.metrics._detection import box_iou, detected, landmark_box
from graphgan.metrics._distribution import (
    InceptionScore,
    frechet_inception_distance,
    inception_score,
)
from graphgan.metrics._exported import ExportedProgram
from graphgan.metrics._expression import Expression, measure_expression
from graphgan.metrics._frechet import (
    PrincipalDistance,
    frechet_distance,
    principal_frechet_distance,
)
from graphgan.metrics._head_pose import HeadPose, head_pose
from graphgan.metrics._identification import (
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
from graphgan.metrics._inception import InceptionFeatures
from graphgan.metrics._intervals import Interval, bootstrap_mean, mean_over_people, rate_over_people
from graphgan.metrics._kernel import KernelDistance, kernel_distance
from graphgan.metrics._landmark_error import landmark_error
from graphgan.metrics._masked_error import masked_error
from graphgan.metrics._parrot import parrot_rank_one
from graphgan.metrics._pckh import pckh
from graphgan.metrics._pose import POSE_SAMPLES, measure_pose, mouth_opening, yaw
from graphgan.metrics._realism import RealismFeatures
from graphgan.metrics._seam import seam_visibility
from graphgan.metrics._sharpness import Sharpness, face_sharpness
from graphgan.metrics._skin_tone import SkinTone, skin_beside, skin_tone
from graphgan.metrics._ssim import mask_ssim, ssim

__all__ = [
    "POSE_SAMPLES",
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
    "compare",
    "descriptor_distances",
    "detected",
    "face_sharpness",
    "fold_accuracies",
    "fold_statistics",
    "frechet_distance",
    "frechet_inception_distance",
    "head_pose",
    "inception_score",
    "kernel_distance",
    "landmark_box",
    "landmark_error",
    "mask_ssim",
    "masked_error",
    "mean_over_people",
    "measure_expression",
    "measure_pose",
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
