"""Whether a video file holds all that it promises.

Sources: ISO/IEC 14496-12 (boxes); RFC 9559 (segments); Microsoft's RIFF and OpenDML.
"""

import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING

from graphgan.anonymize.video._boxes import length_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from graphgan.anonymize.video._timeline import Timeline

_SLACK = Fraction(1, 2)  # seconds: containers round, and count sound beyond the last frame
_OF_BROADCASTS = {"mpegts", "mpeg", "ogg"}
_UNKNOWN = 2**32 - 1  # what is written to a pipe
_NO_COUNT = 2**30  # of frames: the same
_SEGMENT = bytes.fromhex("18538067")


def promises_length(container: "InputContainer") -> bool:
    """Whether its format says how much there is; those of broadcasts may begin and end anywhere."""
    return _format(container) not in _OF_BROADCASTS


def missing_bytes(path: Path) -> str:
    """What is gone by the sizes in the file's own structure; empty for a file that is whole."""
    there = path.stat().st_size
    with path.open("rb") as file:
        promised = max(_ends(file), default=0)
    return f"{there:,} of {promised:,} bytes are there" if promised > there else ""


def missing_time(container: "InputContainer", stream: "VideoStream", timeline: "Timeline") -> str:
    """What is gone by the times that the container promises; empty for a file that is whole.

    Args:
        container: open; it is read to its end if it must be.
        stream: that was decoded.
        timeline: of all frames that it gave.
    """
    if not promises_length(container):
        return ""
    steps = (after - before for before, after in pairwise(timeline.pts))
    longest = max(steps, default=timeline.last) * timeline.time_base
    shown, promised = timeline.seconds(-1) + timeline.start, _promised(container, stream)
    if promised is None or shown + max(longest, _least(container)) >= promised:
        return ""
    if _format(container) not in ("mov", "avi") and _end(container) + _SLACK >= promised:
        return ""  # sound or subtitles go on after the last frame
    ends = shown + timeline.last * timeline.time_base
    return f"{float(ends):.1f} of {float(max(promised, ends)):.1f} seconds can be read"


def _promised(container: "InputContainer", stream: "VideoStream") -> Fraction | None:
    """When the last frame, or the longest of the streams, is to end."""
    unit = stream.time_base or Fraction(1)
    if _format(container) == "mov":  # the list of samples is the promise, less what edits cut off
        times = (entry.timestamp for entry in stream.index_entries if not entry.is_discard)
        return max(times, default=0) * unit
    if _format(container) == "avi":
        rate = stream.average_rate
        return stream.frames / rate if rate and 0 < stream.frames < _NO_COUNT else None
    return Fraction(container.duration, 10**6) if container.duration else None


def _least(container: "InputContainer") -> Fraction:
    """Seconds that may be missing whatever the frames are."""
    return Fraction(0) if _format(container) == "mov" else _SLACK


def _format(container: "InputContainer") -> str:
    return container.format.name.split(",")[0]


def _end(container: "InputContainer") -> Fraction:
    """When the last packet of any stream ends."""
    import av

    end = Fraction(0)
    container.seek(0)
    try:
        for packet in container.demux():
            if packet.pts is not None and packet.time_base is not None:
                end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
    except (av.FFmpegError, IndexError):
        pass
    return end


def _ends(file: IO[bytes]) -> Iterator[int]:
    """Where the parts end that hold frames."""
    head = file.read(12)
    if head[:4] == b"RIFF":
        yield from _riff_ends(file)
    elif head[:4] == b"\x1a\x45\xdf\xa3":
        yield from _segment_ends(file)
    elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        yield from _box_ends(file)


def _riff_ends(file: IO[bytes]) -> Iterator[int]:
    at = 0
    while head := _read(file, at, 8):
        name, size = struct.unpack("<4sI", head)
        if name != b"RIFF" or size == _UNKNOWN:
            return
        at += 8 + size
        yield at
        at += size % 2


def _box_ends(file: IO[bytes]) -> Iterator[int]:
    at = 0
    while head := _read(file, at, 8):
        size, name = struct.unpack(">I4s", head)
        if size == 1 and (large := _read(file, at + 8, 8)):
            size = int.from_bytes(large)
        if size < 8:  # up to the end, or no box
            return
        at += size
        if name in (b"moov", b"mdat", b"moof"):  # others may be cut, or no boxes at all
            yield at


def _segment_ends(file: IO[bytes]) -> Iterator[int]:
    at = 0
    for _ in range(2):  # the header, then the segment
        file.seek(at)
        head = file.read(16)
        id_length = length_of(head, 0)
        length = length_of(head, id_length)
        if id_length > 4 or length > 8:
            return
        size = int.from_bytes(head[id_length : id_length + length]) & (1 << 7 * length) - 1
        if size == (1 << 7 * length) - 1:  # unknown, as in streams
            return
        at += id_length + length + size
        if head[:id_length] == _SEGMENT:
            yield at


def _read(file: IO[bytes], at: int, count: int) -> bytes:
    """So many bytes; none where the file ends before."""
    file.seek(at)
    data = file.read(count)
    return data if len(data) == count else b""
