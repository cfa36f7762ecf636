"""Decoded frames as upright RGB images and back: colors as a video names them, and its rotation.

Sources: ITU-R BT.601, BT.709; ITU-T H.273 (numbers of matrices and transfers); ISO/IEC 14496-12,
8.3.2 (display matrix). FFmpeg's swscale converts. Chroma is repeated for the pixels that share it,
and is their mean on the way back: what was not changed in between comes out as it was (at most 1 of
255 off where the range is full).
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.plane import VideoPlane

_UNKNOWN = 2
_BT709, _BT601 = 1, 6
# H.273's matrices to those of swscale.
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7}
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
_BT2020 = {"matrix": (9, 10), "transfer": (14, 15), "primaries": (9,)}
_LIMITED, _FULL = 1, 2
# Cameras write exact numbers. Those of a slanted image are farther off than any rounding.
_SLANTED = 0.01


@dataclass(frozen=True)
class Colors:
    """How a video encodes colors.

    Args:
        matrix: by which they are converted, of H.273.
        full: whether luma runs from 0 to 255, and not from 16 to 235.
        tags: matrix, range, primaries and transfer from the source, for the result.
    """

    matrix: int
    full: bool
    tags: tuple[int, int, int, int]

    def to_rgb(self, frame: "VideoFrame") -> UInt8[Tensor, "3 h w"]:
        """The colors of a decoded frame."""
        pixels = _bare(frame).to_ndarray(
            format="gbrp",
            src_colorspace=_MATRICES[self.matrix],
            dst_colorspace=_MATRICES[self.matrix],
            src_color_range=_FULL if self.full else _LIMITED,
            dst_color_range=_FULL,
            interpolation=_flags("POINT", "ACCURATE_RND", "FULL_CHR_H_INT"),
        )
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()

    def from_rgb(self, image: UInt8[Tensor, "3 h w"], pixel_format: str) -> "VideoFrame":
        """A frame for an encoder; its time is still to be set."""
        from av import VideoFrame

        pixels = image.cpu().permute(1, 2, 0).contiguous().numpy()
        frame = VideoFrame.from_ndarray(pixels, "rgb24").reformat(
            format=pixel_format,
            src_colorspace=_MATRICES[self.matrix],
            dst_colorspace=_MATRICES[self.matrix],
            src_color_range=_FULL,
            dst_color_range=_FULL if self.full else _LIMITED,
            interpolation=_flags("AREA", "ACCURATE_RND"),
        )
        frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = self.tags
        return frame


def _flags(*names: str) -> int:
    from av.video.reformatter import Interpolation

    return int(sum(Interpolation[name] for name in names))


def _bare(frame: "VideoFrame") -> "VideoFrame":
    """The same numbers without what the file says of where chroma lies.

    swscale would shift it by a quarter of a pixel, and back by nothing: colors would creep.
    """
    from av import VideoFrame

    if frame.format.has_palette:
        return frame
    bare = VideoFrame(frame.width, frame.height, frame.format.name)
    for source, target in zip(frame.planes, bare.planes, strict=True):
        size = min(source.line_size, target.line_size)
        _rows(target)[:, :size] = _rows(source)[:, :size]
    return bare


def _rows(plane: "VideoPlane") -> np.ndarray:
    flat: np.ndarray = np.frombuffer(cast("bytearray", plane), np.uint8)
    return flat.reshape(plane.height, -1)


def colors_of(frame: "VideoFrame") -> Colors:
    """The color encoding of a decoded frame.

    If the file does not declare it, this guesses as players do: BT.709 from a width of 1280 pixels
    or a height above 576 on, BT.601 below that.

    Raises:
        ValueError: colors that would be cut to 8 bits or to a smaller gamut, or cannot be
            converted.
    """
    check_colors(frame)
    guess = _BT709 if frame.width >= 1280 or frame.height > 576 else _BT601
    name = frame.format.name
    if frame.format.is_rgb or frame.format.has_palette or _is_gray(name):
        # Written as Y'CbCr, which is then to be named. Gray is full unless it says otherwise.
        full = _is_gray(name) and frame.color_range != _LIMITED
        written = _FULL if full else _LIMITED
        return Colors(guess, full, (guess, written, frame.color_primaries, frame.color_trc))
    matrix = frame.colorspace
    full = frame.color_range == _FULL or name.startswith("yuvj")
    tags = (matrix, _FULL if full else frame.color_range, frame.color_primaries, frame.color_trc)
    return Colors(guess if matrix in (_UNKNOWN, 0, 3) else matrix, full, tags)


def _is_gray(name: str) -> bool:
    return name.startswith(("gray", "ya", "mono"))


def check_colors(frame: "VideoFrame") -> None:
    """Raise ``ValueError`` for more than 8 bits, HDR, and matrices that are not converted."""
    bits = max(component.bits for component in frame.format.components)
    if bits > 8:
        raise ValueError(
            f"expected 8 bits a channel, got {bits} ({frame.format.name}), which would be cut to 8"
        )
    tags = {"matrix": frame.colorspace, "transfer": frame.color_trc}
    tags["primaries"] = frame.color_primaries
    if transfer := _HDR_TRANSFERS.get(tags["transfer"]):
        raise ValueError(f"expected standard range, got HDR ({transfer})")
    if any(tags[key] in numbers for key, numbers in _BT2020.items()):
        raise ValueError("expected BT.601 or BT.709, got BT.2020, whose gamut is wider")
    if tags["matrix"] not in (*_MATRICES, 0, _UNKNOWN, 3):
        raise ValueError(f"expected BT.601 or BT.709, got matrix {tags['matrix']} of H.273")


class Orientation(NamedTuple):
    """How an image is set upright: first transposed, then mirrored."""

    transposed: bool = False
    mirrored: bool = False
    upside_down: bool = False

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> UInt8[Tensor, "3 u v"]:
        """The image as a player shows it."""
        if self.transposed:
            image = image.transpose(1, 2)
        axes = [axis for axis, flipped in ((1, self.upside_down), (2, self.mirrored)) if flipped]
        return (image.flip(axes) if axes else image).contiguous()

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the upright image."""
        return (size[1], size[0]) if self.transposed else size

    def aspect(self, aspect: Fraction | None) -> Fraction | None:
        """The upright image's width of a pixel by its height."""
        return 1 / aspect if aspect and self.transposed else aspect or None


def orientation_of(matrix: bytes | None) -> Orientation:
    """The orientation that a display matrix describes: ``(x', y') = (a x + c y, b x + d y)``.

    Args:
        matrix: ``a b u c d v x y w`` as FFmpeg has them, 32-bit integers in the machine's order.
    """
    if not matrix:
        return Orientation()
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].astype(float)
    largest = max(abs(a), abs(b), abs(c), abs(d))
    straight = max(abs(b), abs(c)) <= _SLANTED * largest and a * d != 0
    transposed = max(abs(a), abs(d)) <= _SLANTED * largest and b * c != 0
    if straight:
        return Orientation(False, a < 0, d < 0)
    if transposed:
        return Orientation(True, c < 0, b < 0)
    numbers = ", ".join(f"{number / 2**16:g}" for number in (a, b, c, d))
    raise ValueError(
        f"expected an image rotated by multiples of 90 degrees, got the display matrix {numbers}"
    )
