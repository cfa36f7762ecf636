"""Anonymize faces: with a trained generator, or by a blur, a mosaic or a flat color."""

from graphgan.anonymize._anonymizer import Anonymizer
from graphgan.anonymize._conditions import (
    Condition,
    drawn_conditions,
    nobody_conditions,
    people_conditions,
    photo_conditions,
)
from graphgan.anonymize._crops import anonymize_crops, generate_crops, give_identity
from graphgan.anonymize._faces import Face, Result
from graphgan.anonymize._matching import ConditionOrder, Match
from graphgan.anonymize._methods import FaceMethod, GeneratedFaces, ObscuredFaces
from graphgan.anonymize._obscure import blur_faces, cover_faces, pixelate_faces
from graphgan.anonymize._options import AnonymizeOptions, make_anonymizer
from graphgan.anonymize._selection import Selection
from graphgan.anonymize.compositor import (
    AlignedFaces,
    Patch,
    blend_crops,
    carry_outward,
    paste_faces,
    soft_edges,
)

__all__ = [
    "AlignedFaces",
    "AnonymizeOptions",
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
    "generate_crops",
    "give_identity",
    "make_anonymizer",
    "nobody_conditions",
    "paste_faces",
    "people_conditions",
    "photo_conditions",
    "pixelate_faces",
    "soft_edges",
]
