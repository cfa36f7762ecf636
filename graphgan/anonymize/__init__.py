"""Anonymisation of faces with a trained generator."""

from graphgan.anonymize.crops import anonymize_crops

__all__ = ["anonymize_crops"]
