"""Walk the structure of MP4, MOV, Matroska and WebM files, without decoding a frame.

Sources: ISO/IEC 14496-12 (boxes); Apple's QuickTime file format; RFC 8794 and RFC 9559 (elements).
"""

import mmap
from collections.abc import Iterator
from typing import NamedTuple

Data = bytes | mmap.mmap

AFTER_THE_END = "stray bytes"

_BOXES_OF_BOXES = {"moov", "trak", "mdia", "minf", "dinf", "stbl", "edts", "mvex", "moof", "traf"}
_BOXES_OF_BOXES |= {"udta", "meta", "ilst"}

_SEGMENT, _INFO, _TRACKS, _TRACK, _VIDEO = 0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0
_CLUSTER, _BLOCK_GROUP, _TAGS, _TAG, _SIMPLE_TAG = 0x1F43B675, 0xA0, 0x1254C367, 0x7373, 0x67C8
_ELEMENTS_OF_ELEMENTS = {_SEGMENT, _INFO, _TRACKS, _TRACK, _VIDEO}
_ELEMENTS_OF_ELEMENTS |= {_CLUSTER, _BLOCK_GROUP, _TAGS, _TAG, _SIMPLE_TAG}


class Part(NamedTuple):
    """A box by its letters or an element by its number; where its payload begins and ends."""

    name: str
    start: int
    end: int


def boxes(data: Data) -> Iterator[Part]:
    """Boxes in their order, those within others too, but not the ones around them."""
    at = 0
    while at < len(data):
        size, start = int.from_bytes(data[at : at + 4]), at + 8
        name = data[at + 4 : at + 8].decode("latin-1")
        if size == 1:
            size, start = int.from_bytes(data[at + 8 : at + 16]), at + 16
        elif size == 0:
            size = len(data) - at
        end = at + size
        if end < start or end > len(data):
            # QuickTime ends a list of boxes with four zeros.
            yield Part(AFTER_THE_END, at, len(data))
            return
        if name in _BOXES_OF_BOXES:
            at = start
            if name == "meta" and not any(data[at : at + 4]):  # QuickTime's has no version
                at += 4
        else:
            yield Part(name, start, end)
            at = end


def elements(data: Data) -> Iterator[Part]:
    """Elements in their order, those within others too, but not the ones around them.

    Names are numbers in hexadecimal. Segments and clusters may be of unknown size.
    """
    at = 0
    while at < len(data):
        id_length, length = length_of(data, at), 0
        if id_length <= 4:
            length = length_of(data, at + id_length)
        if not length or length > 8:
            yield Part(AFTER_THE_END, at, len(data))
            return
        number = int.from_bytes(data[at : at + id_length])
        start = at + id_length + length
        size = int.from_bytes(data[at + id_length : start]) & (1 << 7 * length) - 1
        if number in _ELEMENTS_OF_ELEMENTS:
            at = start
            continue
        if start + size > len(data):
            yield Part(AFTER_THE_END, at, len(data))
            return
        yield Part(f"{number:X}", start, start + size)
        at = start + size


def length_of(data: Data, at: int) -> int:
    """Of a number of variable size, by its first byte; 9 where there is none."""
    first = data[at] if at < len(data) else 0
    return 9 - first.bit_length() if first else 9
