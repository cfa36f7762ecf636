"""Which image formats are read, and in which format the result is written."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from graphgan.data._images import TooManyPixelsError, is_heif, known_formats, opened_picture

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

OWN = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
"""Formats that results keep."""

SUFFIXES = {"JPEG": ".jpg", "PNG": ".png"}
"""Suffixes of results in another format than the source."""

# Not tried: what runs or needs another program, videos, and what is told by hardly any byte.
_LEFT_OUT = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG", "IMT", "SPIDER", "IPTC"}
_BY_SUFFIX = {"TGA": (".tga", ".icb", ".vda", ".vst")}

# Enough to be sure: their headers need not be decoded to plan a run over thousands of files.
_SURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|II\*\0|MM\0\*", re.DOTALL
)

HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
"""ITU-T H.273."""

# Of ISO/IEC 14496-12: which primaries and which transfer pixels have.
_COLORS = re.compile(rb"colrnclx..\0(.)", re.DOTALL)

_LOSSY = ("AVIF", "HEIF", "JPEG2000")
_JPEG_MODES = ("L", "RGB", "YCbCr")


def readable(name: str) -> tuple[str, ...]:
    """The formats to try, by their names in Pillow; those that results keep come first."""
    others = [kind for kind in known_formats() if kind not in (*OWN, *_LEFT_OUT)]
    suffix = Path(name).suffix.lower()
    return (*OWN, *(kind for kind in others if suffix in _BY_SUFFIX.get(kind, (suffix,))))


def written_format(image: "ImageFile") -> str:
    """The format of the result: that of the source, or JPEG for a lossy source, or PNG."""
    if image.format == "MPO":
        return "JPEG"
    if image.format in OWN:
        return str(image.format)
    one = getattr(image, "n_frames", 1) == 1 or image.format == "HEIF"
    return "JPEG" if one and image.format in _LOSSY and image.mode in _JPEG_MODES else "PNG"


def read_kind(path: Path) -> str | None:
    """Tell by its header whether a file is an image.

    Returns:
        The suffix of its result if that has another format, empty if the name can stay; None if it
        is not a known image.
    Raises:
        OSError: there is no such file, or it may not be read.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if _SURE.match(head):
        return ""
    try:
        with opened_picture(path, readable(path.name)) as image:
            return "" if image.format in (*OWN, "MPO") else SUFFIXES[written_format(image)]
    except TooManyPixelsError:
        return SUFFIXES["JPEG"]  # of a file that fails
    except ValueError:  # perhaps an image that nothing here decodes
        return SUFFIXES["JPEG"] if is_heif(head) else None


def check_range(data: bytes) -> None:
    """Raise ``ValueError`` for an AVIF or HEIC of high dynamic range, which would be cut."""
    for transfer in _COLORS.findall(data):
        if (name := HDR_TRANSFERS.get(transfer[0])) is not None:
            raise ValueError(f"expected standard range, got HDR ({name})")
