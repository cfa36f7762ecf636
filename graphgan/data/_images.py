"""Read and write images as 8-bit RGB tensors."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from graphgan.extras import needs_extra
from graphgan.files import replacing

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

# Background of transparent pixels: 0 in [-1, 1].
_MID_GRAY = (128, 128, 128)

_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)  # EXIF orientations that swap the sides

# PNG: three times as fast as Pillow's default for 7 % more bytes. Others: hardly any visible loss.
_SAVE_OPTIONS = {"PNG": {"compress_level": 1}, "JPEG": {"quality": 95}, "WEBP": {"quality": 95}}

# Brands of ISO/IEC 23008-12; those of AVIF are Pillow's own.
_HEIF = re.compile(rb"....ftyp(hei[cxms]|hev[cxms]|mif[12]|msf1)", re.DOTALL)


class TooManyPixelsError(ValueError):
    """An image with more pixels than allowed, see `allow_pixels`."""


def read_image(path: str | Path) -> UInt8[Tensor, "3 h w"]:
    """Read an image as 8-bit RGB, upright.

    The EXIF orientation is applied. Gray and palette images become RGB, transparent ones are put on
    mid-gray, CMYK is converted without its color profile, and 16-bit gray is scaled (65535 to 255).
    Of an animation, the first frame is read. HEIC needs the extra ``heif``. Images with more than
    178,956,970 pixels (twice ``PIL.Image.MAX_IMAGE_PIXELS``, which can be changed) are refused,
    since a small file can demand any amount of memory.

    Raises:
        ValueError: the file is not an image, is truncated, or is too large; the message names it.
        OSError: the file does not exist or cannot be read.
    """
    with opened_picture(path) as image:
        return _as_tensor(image)


def decode_image(content: bytes, name: str) -> UInt8[Tensor, "3 h w"]:
    """Like `read_image`, for a file's content; errors refer to it as ``name``."""
    with decoded_picture(io.BytesIO(content), name) as image:
        return _as_tensor(image)


def _as_tensor(image: "ImageFile") -> UInt8[Tensor, "3 h w"]:
    return torch.from_numpy(np.array(_to_rgb(image))).permute(2, 0, 1).contiguous()


@contextmanager
def opened_picture(
    path: str | Path, formats: tuple[str, ...] | None = None
) -> Iterator["ImageFile"]:
    """Open an image; any decoder error in the block becomes one line with the file's name.

    Args:
        path: the file.
        formats: decoders to try, with Pillow's names such as "JPEG"; None for all.
    Raises:
        ValueError: the file is not an image, is truncated, or is too large; the message names it.
        OSError: the file does not exist or cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file, decoded_picture(file, str(path), formats) as image:
        yield image


@contextmanager
def decoded_picture(
    file: io.BufferedReader | io.BytesIO, name: str, formats: tuple[str, ...] | None = None
) -> Iterator["ImageFile"]:
    """`opened_picture` of a file that is open, or in memory; errors call it by ``name``."""
    with needs_extra("recipes"):
        from PIL import Image, UnidentifiedImageError
    head = file.read(16)
    if not head:
        raise ValueError(f"{name}: the file is empty")
    file.seek(0)
    has_heif = _register_heif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on large but allowed sizes and odd EXIF data
            with Image.open(file, formats=formats) as image:
                yield image
    except UnidentifiedImageError:
        if is_heif(head) and not has_heif:
            raise ValueError(f"{name}: HEIC needs pip install 'graphgan[heif]'") from None
        raise ValueError(f"{name}: not an image, or an unknown format") from None
    except Image.DecompressionBombError as error:
        reason, _, _ = str(error).partition(",")
        raise TooManyPixelsError(f"{name}: too large: {reason}") from None
    except MemoryError:
        raise  # not caused by the file
    except Exception as error:  # decoders raise any exception on damaged bytes
        raise ValueError(f"{name}: cannot be decoded: {error or type(error).__name__}") from error


def allow_pixels(number: int) -> None:
    """Allow images with up to this many pixels, in the whole process.

    Args:
        number: rounded up to an even number.
    """
    with needs_extra("recipes"):
        from PIL import Image
    Image.MAX_IMAGE_PIXELS = (number + 1) // 2


def is_heif(head: bytes) -> bool:
    """Whether a file with these first 16 bytes is HEIC or another HEIF."""
    return _HEIF.match(head) is not None


def known_formats() -> tuple[str, ...]:
    """All formats that Pillow and its plugins can read, by Pillow's names such as "JPEG"."""
    with needs_extra("recipes"):
        from PIL import Image
    _register_heif()
    Image.init()
    return tuple(Image.ID)


@cache
def _register_heif() -> bool:
    """Let Pillow read HEIC where the extra is installed."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def picture_size(path: str | Path) -> tuple[int, int] | None:
    """Height and width as `read_image` returns them, from the file's header; None if unknown."""
    with needs_extra("recipes"):
        from PIL import Image
    _register_heif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                turned = image.getexif().get(_ORIENTATION, 1) in _TURNED
                width, height = image.size
    except Exception:  # decoders raise any exception on damaged bytes
        return None
    return (width, height) if turned else (height, width)


def write_image(path: str | Path, image: UInt8[Tensor, "3 h w"]) -> None:
    """Write an image atomically, in the format given by its suffix.

    Raises:
        ValueError: no format has this suffix.
    """
    with needs_extra("recipes"):
        from PIL import Image
    path = Path(path)
    file_format = Image.registered_extensions().get(path.suffix.lower())
    if file_format is None:
        raise ValueError(f"{path}: expected an image suffix such as .png, got {path.suffix!r}")
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().cpu().numpy())
    with replacing(path) as temporary:
        picture.save(temporary, file_format, **_SAVE_OPTIONS.get(file_format, {}))


def _to_rgb(image: "Image") -> "Image":
    from PIL import Image, ImageOps

    ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "F":
        raise ValueError("pixels are floating-point numbers of unknown range")
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    image = image.convert("RGBA")
    background = Image.new("RGBA", image.size, (*_MID_GRAY, 255))
    return Image.alpha_composite(background, image).convert("RGB")


def _eight_bits(image: "Image") -> "Image":
    """Scale 16-bit gray, which Pillow would clip at 255."""
    from PIL import Image

    values = np.asarray(image).astype(np.int32)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f"expected pixels of 16 bits, got {values.min()} to {values.max()}")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))
