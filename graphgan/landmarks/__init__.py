"""Landmarks as coordinates: schemes, rendered maps, masks, alignment and detection."""

from graphgan.landmarks._alignment import Alignment, crop_aligned
from graphgan.landmarks._conversion import (
    FROM_IBUG_68,
    JointLayout,
    five_points,
    from_ibug_68,
    to_openpose_18,
)
from graphgan.landmarks._crop import Crop, crop_image, face_crop, person_crop
from graphgan.landmarks._deformation import bend_both_sides, bend_to_landmarks, between_shapes
from graphgan.landmarks._detection import Detection, FindFaces, LandmarkDetector
from graphgan.landmarks._limbs import bend_limbs
from graphgan.landmarks._line_drawing import draw_lines
from graphgan.landmarks._maps import bilinear_maps, gaussian_maps, one_hot_maps, render_maps
from graphgan.landmarks._masks import convex_hull, face_mask, face_regions, paste, polygon_mask
from graphgan.landmarks._mirror import mirror_landmarks, mirror_toward
from graphgan.landmarks._outlines import FaceOutline, JawAndBridge, JawAndBrows, MeanJaw
from graphgan.landmarks._pose_mask import pose_mask
from graphgan.landmarks._schemes import (
    CIAGAN_29,
    IBUG_68,
    MESH_468,
    OPENPOSE_18,
    OPENPOSE_18_JOINTS,
    POINTS_5,
    SCHEMES,
    LandmarkScheme,
    face_scheme,
)
from graphgan.landmarks._shape_transfer import ShapeTransfer, fit_shape_transfer, transfer_shape

__all__ = [
    "CIAGAN_29",
    "FROM_IBUG_68",
    "IBUG_68",
    "MESH_468",
    "OPENPOSE_18",
    "OPENPOSE_18_JOINTS",
    "POINTS_5",
    "SCHEMES",
    "Alignment",
    "Crop",
    "Detection",
    "FaceOutline",
    "FindFaces",
    "JawAndBridge",
    "JawAndBrows",
    "JointLayout",
    "LandmarkDetector",
    "LandmarkScheme",
    "MeanJaw",
    "ShapeTransfer",
    "bend_both_sides",
    "bend_limbs",
    "bend_to_landmarks",
    "between_shapes",
    "bilinear_maps",
    "convex_hull",
    "crop_aligned",
    "crop_image",
    "draw_lines",
    "face_crop",
    "face_mask",
    "face_regions",
    "face_scheme",
    "fit_shape_transfer",
    "five_points",
    "from_ibug_68",
    "gaussian_maps",
    "mirror_landmarks",
    "mirror_toward",
    "one_hot_maps",
    "paste",
    "person_crop",
    "polygon_mask",
    "pose_mask",
    "render_maps",
    "to_openpose_18",
    "transfer_shape",
]
