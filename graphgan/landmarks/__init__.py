"""Landmarks as coordinates: schemes, rendered maps, face masks, alignment, detection."""

from graphgan.landmarks.align import SquareCrop, crop_image, square_crop
from graphgan.landmarks.conversion import to_openpose_18
from graphgan.landmarks.detection import Detection, DlibDetector, LandmarkDetector
from graphgan.landmarks.maps import bilinear_maps, gaussian_maps, one_hot_maps, render_maps
from graphgan.landmarks.masks import face_mask, paste, polygon_mask
from graphgan.landmarks.mirror import mirror_landmarks
from graphgan.landmarks.schemes import CIAGAN_29, IBUG_68, OPENPOSE_18, SCHEMES, LandmarkScheme

__all__ = [
    "CIAGAN_29",
    "IBUG_68",
    "OPENPOSE_18",
    "SCHEMES",
    "Detection",
    "DlibDetector",
    "LandmarkDetector",
    "LandmarkScheme",
    "SquareCrop",
    "bilinear_maps",
    "crop_image",
    "face_mask",
    "gaussian_maps",
    "mirror_landmarks",
    "one_hot_maps",
    "paste",
    "polygon_mask",
    "render_maps",
    "square_crop",
    "to_openpose_18",
]
