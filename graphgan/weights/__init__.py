"""Weights: those that are shipped, in this folder, and a list of all that can be loaded."""

from graphgan.weights._catalog import (
    FACES,
    LOADABLE,
    PEOPLE,
    PERSONS,
    SHIPPED,
    Weights,
    weights_file,
)
from graphgan.weights._finding import find_weights

__all__ = [
    "FACES",
    "LOADABLE",
    "PEOPLE",
    "PERSONS",
    "SHIPPED",
    "Weights",
    "find_weights",
    "weights_file",
]
