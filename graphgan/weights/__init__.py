"""Weights: those that are shipped, in this folder, and a list of all that can be loaded."""

from graphgan.weights.catalog import (
    FACES,
    LOADABLE,
    PEOPLE,
    PERSONS,
    RECOGNIZER,
    SHIPPED,
    TEETH,
    Weights,
    is_shipped,
    shipped_file,
    weights_file,
)
from graphgan.weights.finding import find_weights

__all__ = [
    "FACES",
    "LOADABLE",
    "PEOPLE",
    "PERSONS",
    "RECOGNIZER",
    "SHIPPED",
    "TEETH",
    "Weights",
    "find_weights",
    "is_shipped",
    "shipped_file",
    "weights_file",
]
