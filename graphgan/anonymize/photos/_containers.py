"""Walk the bytes of image files: segments, chunks and blocks. No pixel is decoded.

Sources: ITU-T T.81 annex B (JPEG); W3C PNG, third edition; RFC 9649 (WebP); GIF89a.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

AFTER_THE_END = "data after the end"
CUT_SHORT = "cut short"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # JPEG markers without a length
_SOS, _EOI = 0xDA, 0xD9
# In entropy-coded data a 0xFF is stuffed with 0, a restart marker, or the next segment's.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


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
            yield Block(_marker_name(marker), data[at + 4 : end])
            at = end
            if marker == _SOS:
                found = _NEXT_MARKER.search(data, at)
                at = found.start() if found else len(data)
    yield Block(CUT_SHORT, b"")


def _marker_name(marker: int) -> str:
    if 0xE0 <= marker <= 0xEF:
        return f"APP{marker - 0xE0}"
    return "COM" if marker == 0xFE else f"{marker:02X}"


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
                name = f"application {_printable(data[at + 3 : at + 14])}"
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


def _printable(data: bytes) -> str:
    return re.sub(r"[^ -~]", "", data.decode("latin-1"))
