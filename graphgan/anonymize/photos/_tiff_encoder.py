"""A photo to the bytes of a TIFF. Source: TIFF, revision 6.0."""

import struct
import zlib
from collections.abc import Sequence

from graphgan.anonymize.photos.photo import Frame, Photo

_LEVEL = 1  # of deflation: a third of the time of the default
_LIMIT = 2**32 - 1  # offsets are of 32 bits
_SHORT, _LONG, _RATIONAL, _UNDEFINED = 3, 4, 5, 7
_LETTERS = {_SHORT: "H", _LONG: "I", _RATIONAL: "I", _UNDEFINED: "B"}

Tags = dict[int, tuple[int, Sequence[int]]]  # kind and numbers of every tag


def encode_tiff(photo: Photo) -> bytes:
    """Pages of deflated differences between neighbours, whatever the source's compression was."""
    out, link = bytearray(b"II*\0" + bytes(4)), 4
    for frame in photo.frames:
        strip = zlib.compress(_differences(frame), _LEVEL)
        tags = _tags(frame, len(out), len(strip))
        out += _even(strip)
        values, directory = _directory(tags, len(out))
        if (size := len(out) + len(values) + len(directory)) > _LIMIT:
            raise ValueError(f"expected a TIFF of at most {_LIMIT} bytes, got {size}")
        out[link : link + 4] = struct.pack("<I", len(out) + len(values))
        out += values + directory
        link = len(out) - 4
    return bytes(out)


def _differences(frame: Frame) -> bytes:
    rows = frame.pixels.numpy().transpose(1, 2, 0)
    differences = rows.copy()
    differences[:, 1:] -= rows[:, :-1]  # modulo the depth
    return differences.astype(rows.dtype.newbyteorder("<")).tobytes()


def _tags(frame: Frame, start: int, size: int) -> Tags:
    """Of a page whose one strip of ``size`` bytes begins at ``start``."""
    (channels, height, width), bits = frame.pixels.shape, 8 * frame.pixels.element_size()
    tags: Tags = {
        256: (_LONG, [width]),
        257: (_LONG, [height]),
        258: (_SHORT, [bits] * channels),
        259: (_SHORT, [8]),  # deflated
        262: (_SHORT, [2 if channels > 2 else 1]),  # RGB, or grey whose 0 is black
        273: (_LONG, [start]),
        277: (_SHORT, [channels]),
        278: (_LONG, [height]),  # rows in the strip
        279: (_LONG, [size]),
        284: (_SHORT, [1]),  # channels of a pixel lie side by side
        317: (_SHORT, [2]),  # differences
    }
    if frame.resolution is not None:
        tags[282], tags[283] = ((_RATIONAL, [dots, 1]) for dots in frame.resolution)
        tags[296] = (_SHORT, [2])  # an inch
    if frame.alpha is not None:
        tags[338] = (_SHORT, [2])  # not multiplied into the colours
    if frame.icc_profile is not None:
        tags[34675] = (_UNDEFINED, frame.icc_profile)
    return tags


def _directory(tags: Tags, start: int) -> tuple[bytes, bytes]:
    """Values too long for the directory, which lie at ``start``, and the directory after them."""
    values, entries = b"", b""
    for number, (kind, numbers) in sorted(tags.items()):
        value = struct.pack(f"<{len(numbers)}{_LETTERS[kind]}", *numbers)
        count = len(numbers) // (2 if kind == _RATIONAL else 1)
        entries += struct.pack("<HHI", number, kind, count)
        if len(value) > 4:
            entries += struct.pack("<I", start + len(values))
            values += _even(value)
        else:
            entries += value.ljust(4, b"\0")
    return values, struct.pack("<H", len(tags)) + entries + bytes(4)


def _even(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)
