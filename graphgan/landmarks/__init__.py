"""Landmarks as coordinates: schemes, rendered maps, masks, alignment and detection."""

from graphgan.landmarks.align import Crop, crop_image, face_crop, person_crop
from graphgan.landmarks.conversion import from_ibug_68, to_openpose_18
from graphgan.landmarks.deformation import bend_both_sides, bend_to_landmarks, between_shapes
from graphgan.landmarks.detection import Detection, LandmarkDetector
from graphgan.landmarks.line_drawing import draw_lines
from graphgan.landmarks.maps import bilinear_maps, gaussian_maps, one_hot_maps, render_maps
from graphgan.landmarks.masks import face_mask, face_regions, paste, polygon_mask
from graphgan.landmarks.mirror import mirror_landmarks, mirror_toward
from graphgan.landmarks.pose_mask import pose_mask
from graphgan.landmarks.schemes import (
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
from graphgan.landmarks.shape_transfer import ShapeTransfer, fit_shape_transfer, transfer_shape

__all__ = [
    "CIAGAN_29",
    "IBUG_68",
    "MESH_468",
    "OPENPOSE_18",
    "OPENPOSE_18_JOINTS",
    "POINTS_5",
    "SCHEMES",
    "Crop",
    "Detection",
    "LandmarkDetector",
    "LandmarkScheme",
    "ShapeTransfer",
    "bend_both_sides",
    "bend_to_landmarks",
    "between_shapes",
    "bilinear_maps",
    "crop_image",
    "draw_lines",
    "face_crop",
    "face_mask",
    "face_regions",
    "face_scheme",
    "fit_shape_transfer",
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
