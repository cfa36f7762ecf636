"""A detected face or person with its landmarks."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, Float32, UInt8
from torch import Tensor


class Detection(NamedTuple):
    """One detected face or person, in the image's pixels.

    Shapes:
        ``box: 4`` (left, top, right, bottom), ``landmarks: k 2`` (NaN where they are not known)
    """

    box: Float[Tensor, "4"]
    landmarks: Float32[Tensor, "k 2"]


FindFaces = Callable[[UInt8[Tensor, "3 h w"]], Sequence[Detection]]
"""Finds all faces in an image: a `LandmarkDetector`, or any function."""


@runtime_checkable
class LandmarkDetector(Protocol):
    """Detects faces or persons together with their landmarks.

    Attributes:
        num_landmarks: landmarks of each.
    """

    num_landmarks: int

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> list[Detection]: ...
