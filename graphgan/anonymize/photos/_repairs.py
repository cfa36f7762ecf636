"""Files that every viewer shows and that Pillow refuses, as files that it takes."""

import io
import random
import warnings
import zlib

import numpy as np

from graphgan.anonymize.photos._containers import (
    CUT_SHORT,
    PNG_SIGNATURE,
    Block,
    jpeg_segments,
    png_chunks,
)

MAX_PROFILE_BYTES = 2**22
"""Of an ICC profile; those of printers take up to 3 MB."""

_END = b"\xff\xd9"
_COEFFICIENTS = set(range(64))
_NOISE = 4096  # bytes, of a few hundred blocks of pixels

_TEXTS = ("tEXt", "zTXt", "iTXt")
_TURNING = (b"XML:com.adobe.xmp", b"Raw profile type")  # texts that may say which way is up


def with_end(data: bytes) -> bytes:
    """A JPEG whose end marker is cut off, with it; any other JPEG as it is.

    Raises:
        ValueError: pixels are cut off, too.
    """
    segments = list(jpeg_segments(data))
    if not any(name == CUT_SHORT for name, _ in segments):
        return data
    if not _has_all_scans(segments) or not _has_all_pixels(data):
        raise ValueError("the file is cut short")
    return data + _END


def _has_all_scans(segments: list[Block]) -> bool:
    """Whether the scans begin that give all coefficients of all components their last bit."""
    left: dict[int, set[int]] = {}
    try:
        for name, payload in segments:
            if name in ("C0", "C1", "C2"):
                left = {payload[6 + 3 * i]: set(_COEFFICIENTS) for i in range(payload[5])}
            elif name == "DA":
                first, last, bits = payload[1 + 2 * payload[0] :][:3]
                for i in range(payload[0]) if bits & 15 == 0 else ():
                    left[payload[1 + 2 * i]] -= set(range(first, last + 1))
    except (IndexError, KeyError, ValueError):
        return False
    return bool(left) and not any(left.values())


def _has_all_pixels(data: bytes) -> bool:
    """Whether pixels stay the same whatever follows: a decoder that lacks some would read on."""
    noise = random.Random(0)
    parts = [bytes(noise.choices(range(255), k=_NOISE)) for _ in range(9)]
    data = data.rstrip(b"\xff")  # half a marker
    # A restart marker may be what comes next.
    more = parts[8] + b"".join(bytes([0xFF, 0xD0 + i]) + parts[i] for i in range(8))
    return np.array_equal(_pixels(data + _END), _pixels(data + more + _END))


def _pixels(data: bytes) -> np.ndarray:
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            return np.asarray(image)


def without_texts(data: bytes) -> tuple[bytes, bytes | None]:
    """A PNG without its ICC profile and without texts that do not turn it, and that profile.

    Pillow refuses a file for a large one of either.

    Returns:
        The profile is None where there is none; it is cut where it is damaged or too large.
    """
    parts, profile, at = [PNG_SIGNATURE], None, len(PNG_SIGNATURE)
    for name, payload in png_chunks(data):
        end = at + 12 + len(payload)
        if name == "iCCP":
            profile = _inflated(payload)
        elif name not in _TEXTS or payload.startswith(_TURNING):
            parts.append(data[at:end])
        at = end
    return b"".join(parts), profile


def _inflated(payload: bytes) -> bytes:
    _, _, packed = payload.partition(b"\0")
    try:
        return zlib.decompressobj().decompress(packed[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return b"damaged"
