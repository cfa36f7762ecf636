"""Walk the bytes of image files, and repair those that viewers show and Pillow refuses.

Sources: ITU-T T.81 annex B (JPEG); W3C PNG, third edition; RFC 9649 (WebP); GIF89a.
"""

import io
import random
import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from graphgan.data._images import decoded_picture

AFTER_THE_END = "data after the end"
CUT_SHORT = "cut short"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # JPEG markers without a length
_SOS, _EOI = 0xDA, 0xD9
# In entropy-coded data a 0xFF is stuffed with 0, a restart marker, or the next segment's.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

MAX_PROFILE_BYTES = 2**22
"""Of an ICC profile; those of printers take up to 3 MB."""

_SCAN, _END, _RESTART = b"\xff\xda", b"\xff\xd9", re.compile(rb"\xff[\xd0-\xd7]")
_COEFFICIENTS = set(range(64))
_NOISE = 4096  # bytes, of a few hundred blocks of pixels

_TEXTS = ("tEXt", "zTXt", "iTXt")
_TURNING = (b"XML:com.adobe.xmp", b"Raw profile type")  # texts that may say which way is up


class Block(NamedTuple):
    """A named part of a file and its payload."""

    name: str
    data: bytes


def jpeg_segments(data: bytes) -> Iterator[Block]:
    """``APP1``, ``COM``, ``DQT`` by their marker's code, until the end and what follows it."""
    at = 2
    while at + 1 < len(data):
        if data[at] != 0xFF:
            yield Block("stray bytes", data[at:])
            return
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
        elif marker == _EOI:
            yield from _after(data, at + 2)
            return
        elif marker in _STANDALONE:
            at += 2
        else:
            end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
            name = f"APP{marker - 0xE0}" if 0xE0 <= marker <= 0xEF else f"{marker:02X}"
            yield Block("COM" if marker == 0xFE else name, data[at + 4 : end])
            at = end
            if marker == _SOS:
                found = _NEXT_MARKER.search(data, at)
                at = found.start() if found else len(data)
    yield Block(CUT_SHORT, b"")


def png_chunks(data: bytes) -> Iterator[Block]:
    """Chunks by their four letters, and what follows ``IEND``."""
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        if end > len(data):
            break
        name = data[at + 4 : at + 8].decode("latin-1")
        yield Block(name, data[at + 8 : end - 4])
        at = end
        if name == "IEND":
            yield from _after(data, at)
            return
    yield Block(CUT_SHORT, b"")


def webp_chunks(data: bytes) -> Iterator[Block]:
    """Chunks by their four letters, those within the frames of an animation too."""
    size = 8 + int.from_bytes(data[4:8], "little")
    yield from _riff_chunks(data, 12, min(size, len(data)))
    if size > len(data):
        yield Block(CUT_SHORT, b"")
    yield from _after(data, size)


def _riff_chunks(data: bytes, at: int, end: int) -> Iterator[Block]:
    while at + 8 <= end:
        name = data[at : at + 4].decode("latin-1")
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        payload = data[at + 8 : at + 8 + length]
        yield Block(name, payload)
        if len(payload) < length:
            yield Block(CUT_SHORT, b"")
        if name == "ANMF":
            yield from _riff_chunks(payload, 16, len(payload))
        at += 8 + length + length % 2
    if at < end:
        yield Block("stray bytes", data[at:end])


def gif_blocks(data: bytes) -> Iterator[Block]:
    """``image``, ``graphic control``, ``comment``, ``application NAME``, ``plain text``."""
    at = 13 + (_color_table_size(data[10]) if len(data) > 12 else 0)
    if at > len(data):
        yield Block(CUT_SHORT, b"")
    names = {0xF9: "graphic control", 0xFE: "comment", 0x01: "plain text"}
    while at < len(data):
        kind, start = data[at], at
        if kind == 0x3B:
            yield from _after(data, at + 1)
            return
        if kind == 0x2C and at + 9 < len(data):
            name = "image"
            at += 10 + _color_table_size(data[at + 9]) + 1
        elif kind == 0x21 and at + 1 < len(data):
            label = data[at + 1]
            name = names.get(label, f"extension {label:02x}")
            if label == 0xFF:
                said = re.sub(r"[^ -~]", "", data[at + 3 : at + 14].decode("latin-1"))
                name = f"application {said}"
            at += 2
        else:
            yield Block("stray bytes", data[at:])
            return
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
        if at > len(data):
            yield Block(CUT_SHORT, b"")
            return
        yield Block(name, data[start:at])


def _color_table_size(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after(data: bytes, end: int) -> Iterator[Block]:
    if end < len(data):
        yield Block(AFTER_THE_END, data[end:])


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
