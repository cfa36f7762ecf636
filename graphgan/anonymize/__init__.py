"""Anonymize faces: with a trained generator, or by a blur, a mosaic or a flat color."""

from graphgan.anonymize._faces import Face, Result
from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.compositor import (
    AlignedFaces,
    Patch,
    blend_crops,
    carry_outward,
    paste_faces,
    soft_edges,
)
from graphgan.anonymize.conditions import (
    Condition,
    drawn_conditions,
    nobody_conditions,
    photo_conditions,
)
from graphgan.anonymize.crops import anonymize_crops, give_identity
from graphgan.anonymize.matching import ConditionOrder, Match
from graphgan.anonymize.methods import FaceMethod, GeneratedFaces, ObscuredFaces
from graphgan.anonymize.obscure import blur_faces, cover_faces, pixelate_faces
from graphgan.anonymize.selection import Selection

__all__ = [
    "AlignedFaces",
    "Anonymizer",
    "Condition",
    "ConditionOrder",
    "Face",
    "FaceMethod",
    "GeneratedFaces",
    "Match",
    "ObscuredFaces",
    "Patch",
    "Result",
    "Selection",
    "anonymize_crops",
    "blend_crops",
    "blur_faces",
    "carry_outward",
    "cover_faces",
    "drawn_conditions",
    "give_identity",
    "nobody_conditions",
    "paste_faces",
    "photo_conditions",
    "pixelate_faces",
    "soft_edges",
]
