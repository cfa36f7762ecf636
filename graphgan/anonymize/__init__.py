"""Anonymisation of faces: with a trained generator, or by the classic means."""

from graphgan.anonymize.crops import anonymize_crops
from graphgan.anonymize.identities import give_identity
from graphgan.anonymize.obscure import blur_faces, cover_faces, pixelate_faces

__all__ = ["anonymize_crops", "blur_faces", "cover_faces", "give_identity", "pixelate_faces"]
