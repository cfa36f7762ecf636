"""A picture opened from memory, as `opened_picture` opens one from a file."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graphgan.extras import needs_extra

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile


@contextmanager
def opened_bytes(data: bytes, name: str, formats: tuple[str, ...]) -> Iterator["ImageFile"]:
    """Open a file's bytes; whatever the decoder raises in the block becomes one line.

    Raises:
        ValueError: no picture, cut short, or too large; ``name`` is given.
    """
    with needs_extra("recipes"):
        from PIL import Image, UnidentifiedImageError
    if not data:
        raise ValueError(f"{name}: the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sizes that are large and yet allowed, odd EXIF
            with Image.open(io.BytesIO(data), formats=formats) as image:
                yield image
    except UnidentifiedImageError:
        raise ValueError(f"{name}: not a picture, or of an unknown format") from None
    except Image.DecompressionBombError as error:
        reason, _, _ = str(error).partition(",")
        raise ValueError(f"{name}: too large: {reason}") from None
    except MemoryError:
        raise  # no fault of the file
    except Exception as error:  # decoders raise anything at all on damaged bytes
        raise ValueError(f"{name}: cannot be decoded: {error or type(error).__name__}") from error
