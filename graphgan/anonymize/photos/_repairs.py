"""Repair files that every viewer shows and Pillow refuses."""

import io
import random
import re
import zlib

import numpy as np

from graphgan.anonymize.photos._containers import (
    CUT_SHORT,
    PNG_SIGNATURE,
    Block,
    jpeg_segments,
    png_chunks,
)
from graphgan.data._images import decoded_picture

MAX_PROFILE_BYTES = 2**22
"""Of an ICC profile; those of printers take up to 3 MB."""

_SCAN, _END, _RESTART = b"\xff\xda", b"\xff\xd9", re.compile(rb"\xff[\xd0-\xd7]")
_COEFFICIENTS = set(range(64))
_NOISE = 4096  # bytes, of a few hundred blocks of pixels

_TEXTS = ("tEXt", "zTXt", "iTXt")
_TURNING = (b"XML:com.adobe.xmp", b"Raw profile type")  # texts that may say which way is up


def with_end(data: bytes, name: str) -> bytes:
    """Add the end marker that a JPEG lacks; any other JPEG is returned unchanged.

    Raises:
        ValueError: pixels are missing too, or it cannot be decoded; the error starts with ``name``.
    """
    segments = list(jpeg_segments(data))
    if not any(name == CUT_SHORT for name, _ in segments):
        return data
    if not _has_all_scans(segments) or not _has_all_pixels(data, name):
        raise ValueError(f"{name}: the file is cut short")
    return data + _END


def _has_all_scans(segments: list[Block]) -> bool:
    """Whether the scans have begun that hold the last bits of all coefficients."""
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


def _has_all_pixels(data: bytes, name: str) -> bool:
    """Whether pixels stay the same whatever follows: a decoder that lacks data would read on."""
    data = data.rstrip(b"\xff")  # half a marker
    noise = bytes(random.Random(0).choices(range(255), k=_NOISE))
    scan = data[data.rfind(_SCAN) :]
    restarts = _RESTART.findall(scan)
    due = (restarts[-1][1] - 0xD0 + 1) % 8 if restarts else 0  # which a decoder may wait for
    more = noise + bytes([0xFF, 0xD0 + due]) + noise
    return np.array_equal(_pixels(data + _END, name), _pixels(data + more + _END, name))


def _pixels(data: bytes, name: str) -> np.ndarray:
    with decoded_picture(io.BytesIO(data), name, ("JPEG",)) as image:
        return np.asarray(image)


def without_texts(data: bytes) -> tuple[bytes, bytes | None]:
    """Split a PNG into a file without ICC profile and texts, and that profile.

    Pillow refuses files in which either is large. Texts that may rotate the image stay.

    Returns:
        The profile is None if there is none, and incomplete if it is damaged or too large.
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
