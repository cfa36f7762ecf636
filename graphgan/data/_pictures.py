"""The interface of all image data sets: images, landmarks and people."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, UInt8
from torch import Tensor


def check_sides(size: tuple[int, int], *, smallest: int) -> None:
    """Check that networks can be trained on images of this height and width.

    Raises:
        ValueError: a side below ``smallest``, or not divisible by 4.
    """
    height, width = size
    if height % 4 or width % 4 or min(size) < smallest:
        raise ValueError(
            f"expected images with sides of at least {smallest} pixels, divisible by 4, "
            f"got {height} x {width}"
        )


class Picture(NamedTuple):
    """A face or a person as it is stored: 8-bit RGB, and landmarks in its own pixels.

    Shapes:
        ``image: 3 h w`` (0 to 255), ``landmarks: k 2`` ((x, y), pixel centers at integers,
        NaN where missing)
    """

    image: UInt8[Tensor, "3 h w"]
    landmarks: Float[Tensor, "k 2"]


@runtime_checkable
class PictureDataset(Protocol):
    """A data set of images of people, all of one size; ``dataset[i]`` is always the same image.

    Attributes:
        size: height and width of every image, in pixels.
        num_landmarks: landmarks of every image.
        persons: person number of each image, counted from 0 without gaps.
        names: name of each image, for reports and file names.
    """

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def num_landmarks(self) -> int: ...

    @property
    def persons(self) -> Sequence[int]: ...

    @property
    def names(self) -> Sequence[str]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Picture: ...
