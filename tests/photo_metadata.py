"""Name what an image file holds beside its pixels: places, people, cameras, thumbnails.

Walks the bytes of a file without decoding it; TIFF 6.0 for the directories.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from graphgan.anonymize.photos._containers import (
    AFTER_THE_END,
    PNG_SIGNATURE,
    Block,
    gif_blocks,
    jpeg_segments,
    png_chunks,
    webp_chunks,
)

_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TIFF_SIZES |= {16: 8, 17: 8, 18: 8}  # BigTIFF
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}

_PNG_PARTS = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "bKGD", "sBIT", "pHYs"}
_PNG_PARTS |= {"iCCP", "sRGB", "gAMA", "cHRM", "cICP", "acTL", "fcTL", "fdAT"}
_WEBP_PARTS = {"VP8X", "VP8 ", "VP8L", "ALPH", "ANIM", "ANMF", "ICCP"}
_GIF_PARTS = {"image", "graphic control", "application NETSCAPE2.0", "application ANIMEXTS1.0"}

# Size, depth, colors, where the pixels lie and how they are packed, resolution, ICC profile.
_TIFF_PARTS = {254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 274, 277, 278, 279, 280, 281}
_TIFF_PARTS |= {282, 283, 284, 290, 291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 321, 322}
_TIFF_PARTS |= {323, 324, 325, 332, 334, 338, 339, 347, 529, 530, 531, 532, 34675}
_STRIPS, _TILES = (273, 279), (324, 325)
_TIFF_NAMES = {269: "DocumentName", 270: "ImageDescription", 271: "Make", 272: "Model"}
_TIFF_NAMES |= {305: "Software", 306: "DateTime", 315: "Artist", 316: "HostComputer"}
_TIFF_NAMES |= {330: "SubIFDs", 700: "XMP", 33432: "Copyright", 33723: "IPTC", 34377: "Photoshop"}
_TIFF_NAMES |= {34665: "Exif", 34853: "GPS", 37724: "ImageSourceData"}

_PADDING = 24  # bytes that writers may leave between the parts of a TIFF: zeros and a header


class Tag(NamedTuple):
    """A TIFF tag: its values if they are whole numbers, and which bytes of the file it takes."""

    number: int
    values: tuple[int, ...]
    start: int
    end: int


class Page(NamedTuple):
    """A TIFF directory: where it lies, and its tags by their numbers."""

    start: int
    end: int
    tags: dict[int, Tag]


def photo_metadata(path: str | Path) -> list[str]:
    """Names of blocks beside pixels, structure, resolution and ICC profile."""
    return photo_metadata_of(Path(path).read_bytes())


def photo_metadata_of(data: bytes) -> list[str]:
    """`photo_metadata` of the bytes of a file."""
    names = next(names for start, names in _FORMATS.items() if re.match(start, data, re.DOTALL))
    return sorted(set(names(data)))


def _jpeg(data: bytes) -> Iterator[str]:
    for name, payload in jpeg_segments(data):
        if name.startswith("APP"):
            identifier = payload.split(b"\0", 1)[0][:32]
            if not _is_jpeg_structure(name, identifier, payload):
                printable = re.sub(r"[^ -~]", "", identifier.decode("latin-1"))
                yield f"{name} {printable}".strip()
        elif not re.fullmatch("[0-9A-F]{2}", name):
            yield name


def _is_jpeg_structure(name: str, identifier: bytes, payload: bytes) -> bool:
    if name == "APP0":  # JFIF's last two bytes are the sides of a thumbnail
        return identifier == b"JFIF" and len(payload) == 14 and payload[12:] == b"\0\0"
    if name == "APP14":
        return payload.startswith(b"Adobe") and len(payload) == 12
    return name == "APP2" and identifier == b"ICC_PROFILE"


def _others(blocks: Iterator[Block], known: set[str]) -> Iterator[str]:
    return (name.strip() for name, _ in blocks if name not in known)


def _png(data: bytes) -> Iterator[str]:
    return _others(png_chunks(data), _PNG_PARTS)


def _webp(data: bytes) -> Iterator[str]:
    return _others(webp_chunks(data), _WEBP_PARTS)


def _gif(data: bytes) -> Iterator[str]:
    return _others(gif_blocks(data), _GIF_PARTS)


def _tiff(data: bytes) -> Iterator[str]:
    used = [(0, 16 if data[2:4] in (b"+\0", b"\0+") else 8)]
    for page in tiff_pages(data):
        for number in page.tags:
            if number not in _TIFF_PARTS:
                yield f"tag {number} {_TIFF_NAMES.get(number, '')}".strip()
        used += _parts_of(page)
    end = 0
    for start, stop in sorted([*used, (len(data), len(data))]):
        if start > end + _PADDING:
            yield "data that no page refers to"
        end = max(end, stop)


def tiff_pages(data: bytes) -> Iterator[Page]:
    """The chain of directories, of TIFF and of BigTIFF."""
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    count_format, entry_format, offset_format = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    at = struct.unpack_from(order + offset_format, data, 8 if big else 4)[0]
    while at:
        count = struct.unpack_from(order + count_format, data, at)[0]
        first = at + struct.calcsize(order + count_format)
        width = 20 if big else 12
        tags = {}
        for i in range(count):
            entry = first + i * width
            number, kind, length = struct.unpack_from(order + entry_format, data, entry)
            tags[number] = _tag(data, order, (number, kind, length), entry, offset_format)
        end = first + count * width
        following = struct.unpack_from(order + offset_format, data, end)[0]
        yield Page(at, end + struct.calcsize(offset_format), tags)
        at = following


def _tag(
    data: bytes, order: str, head: tuple[int, int, int], entry: int, offset_format: str
) -> Tag:
    number, kind, count = head
    size = count * _TIFF_SIZES.get(kind, 1)
    room = struct.calcsize(offset_format)
    start = entry + (12 if room == 8 else 8)
    if size > room:
        start = struct.unpack_from(order + offset_format, data, start)[0]
    end = min(start + size, len(data))
    values: tuple[int, ...] = ()
    if kind in _INTEGERS and start + size <= len(data):
        values = struct.unpack_from(f"{order}{count}{_INTEGERS[kind]}", data, start)
    return Tag(number, values, start, end)


def _parts_of(page: Page) -> Iterator[tuple[int, int]]:
    """First and last byte of the directory, of its tags' values and of its pixels."""
    yield page.start, page.end
    yield from ((tag.start, tag.end) for tag in page.tags.values())
    for offsets, sizes in (_STRIPS, _TILES):
        if offsets in page.tags and sizes in page.tags:
            places = zip(page.tags[offsets].values, page.tags[sizes].values, strict=False)
            yield from ((start, start + size) for start, size in places)


def _bmp(data: bytes) -> Iterator[str]:
    number = {name: int.from_bytes(data[i : i + n], "little") for name, i, n in _BMP_FIELDS}
    header_end = 14 + number["header size"]
    table = 4 * (number["colors"] or (2 ** number["bits"] if number["bits"] <= 8 else 0))
    masks = 12 if number["compression"] == 3 and number["header size"] == 40 else 0
    if number["pixels"] > header_end + table + masks + _PADDING:
        yield "data before the pixels"
    if number["header size"] >= 124 and int.from_bytes(data[126:134], "little"):
        yield "color profile"  # embedded, or the path of a file
    height = abs(int.from_bytes(data[22:26], "little", signed=True))
    size = (number["width"] * number["bits"] + 31) // 32 * 4 * height
    if number["compression"] in (1, 2):  # run lengths
        size = number["size"]
    if len(data) > number["pixels"] + size + _PADDING:
        yield AFTER_THE_END


_BMP_FIELDS = (
    *(("pixels", 10, 4), ("header size", 14, 4), ("width", 18, 4), ("bits", 28, 2)),
    *(("compression", 30, 4), ("size", 34, 4), ("colors", 46, 4)),
)

_FORMATS = {
    rb"\xff\xd8\xff": _jpeg,
    re.escape(PNG_SIGNATURE): _png,
    rb"RIFF....WEBP": _webp,
    rb"GIF8[79]a": _gif,
    rb"II[*+]\0|MM\0[*+]": _tiff,
    rb"BM": _bmp,
}
