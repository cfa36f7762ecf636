"""The matrix by which players turn and mirror a video, as ISO/IEC 14496-12 (8.3.2) defines it."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

# Cameras write exact numbers. Those of a slanted picture are farther off than any rounding.
_SLANTED = 0.01


class Turn(NamedTuple):
    """How a picture is set upright: first transposed, then mirrored."""

    transposed: bool = False
    mirrored: bool = False
    upside_down: bool = False

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> UInt8[Tensor, "3 u v"]:
        """The picture as a player shows it."""
        if self.transposed:
            image = image.transpose(1, 2)
        axes = [axis for axis, flipped in ((1, self.upside_down), (2, self.mirrored)) if flipped]
        return (image.flip(axes) if axes else image).contiguous()

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the upright picture."""
        return (size[1], size[0]) if self.transposed else size

    def aspect(self, aspect: Fraction | None) -> Fraction | None:
        """The upright picture's width of a pixel by its height."""
        return 1 / aspect if aspect and self.transposed else aspect or None


def turn_of(matrix: bytes | None) -> Turn:
    """The turn that a display matrix asks for: ``(x', y') = (a x + c y, b x + d y)``.

    Args:
        matrix: ``a b u c d v x y w`` as FFmpeg has them, 32-bit integers in the machine's order.
    Raises:
        ValueError: a slanted or degenerate picture.
    """
    if not matrix:
        return Turn()
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].astype(float)
    largest = max(abs(a), abs(b), abs(c), abs(d))
    straight = max(abs(b), abs(c)) <= _SLANTED * largest and a * d != 0
    transposed = max(abs(a), abs(d)) <= _SLANTED * largest and b * c != 0
    if straight:
        return Turn(False, a < 0, d < 0)
    if transposed:
        return Turn(True, c < 0, b < 0)
    numbers = ", ".join(f"{number / 2**16:g}" for number in (a, b, c, d))
    raise ValueError(f"expected a picture turned by quarters, got the display matrix {numbers}")
