"""What every set of faces offers to training and evaluation: pictures, landmarks, people."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, UInt8
from torch import Tensor


class Face(NamedTuple):
    """One face as it is stored: 8-bit RGB and landmarks in its own pixels.

    Shapes:
        ``image: 3 h w`` (0 to 255), ``landmarks: k 2`` ((x, y), pixel centres at integers,
        NaN where missing)
    """

    image: UInt8[Tensor, "3 h w"]
    landmarks: Float[Tensor, "k 2"]


@runtime_checkable
class FaceDataset(Protocol):
    """Square faces of people, addressed by number; ``dataset[i]`` is always the same face.

    Attributes:
        size: height and width of every image, in pixels.
        num_landmarks: landmarks of every face.
        persons: for each face the number of its person, counted from 0 without gaps.
        names: for each face a name that reports and file names can use.
    """

    size: int
    num_landmarks: int
    persons: Sequence[int]
    names: Sequence[str]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Face: ...
