"""Open a video file without access to other files or URLs, and find out what is missing in it.

Sources of the sizes that are compared: ISO/IEC 14496-12 (boxes); RFC 9559 (segments); Microsoft's
RIFF and OpenDML.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from graphgan.extras import needs_extra

if TYPE_CHECKING:
    from av import FFmpegError
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from graphgan.anonymize.video._reading import Timeline

MAX_PIXELS = 2**26
"""Of a frame: 8K has half of it. A few bytes of file may ask for any amount of memory."""

# Playlists and pictures, which FFmpeg opens too, are left out: a playlist names other files.
DEMUXERS = "mov,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg"
_PICTURES = {"heic", "heix", "mif1", "msf1", "avif", "avis"}  # brands of ISO/IEC 23008-12
_KINDS = {"mov": "mp4", "matroska": "matroska"}

_SLACK = Fraction(1, 2)  # seconds: containers round, and count sound beyond the last frame
_OF_BROADCASTS = {"mpegts", "mpeg", "ogg"}
_UNKNOWN = 2**32 - 1  # what is written to a pipe
_NO_COUNT = 2**30  # of frames: the same
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"

SUFFIXES = {
    "mp4": (".mp4", ".m4v", ".3gp", ".3g2"),
    "mov": (".mov", ".qt"),
    "matroska": (".mkv", ".mk3d"),
    "webm": (".webm",),
}
"""Those that belong to a container, the usual one first."""


@contextmanager
def opened(path: Path) -> Iterator["InputContainer"]:
    """PyAV's container, closed afterwards; its errors become a ``ValueError`` with the file's name.

    Raises:
        ValueError: not one of the formats, or not readable as such.
        OSError: there is no such file, or it may not be read.
    """
    with needs_extra("video"):
        import av
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ValueError(f"{path}: expected a file, got a device or a pipe")
    with path.open("rb"):  # says what it is, where FFmpeg may not
        pass
    options = {
        "format_whitelist": DEMUXERS,
        "protocol_whitelist": "file",
        "max_pixels": str(MAX_PIXELS),
    }
    # The prefix keeps names with a colon from being taken for another protocol.
    with (
        errors_named(str(path)),
        av.open(f"file:{path}", options=options, metadata_errors="replace") as container,
    ):
        yield container


@contextmanager
def errors_named(name: str) -> Iterator[None]:
    """Turn errors of the file that is read into a ``ValueError`` with its name."""
    with needs_extra("video"):
        import av
    try:
        yield
    except av.FFmpegError as error:
        raise ValueError(f"{name}: {_in_words(error)}") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _in_words(error: "FFmpegError") -> str:
    """What FFmpeg means, for people."""
    import av

    if isinstance(error, av.InvalidDataError | av.EOFError | av.ArgumentError):
        return "not a video that can be read: damaged, cut short, or something else"
    return f"cannot be read as a video: {error.strerror}"


def kind_of(container: "InputContainer", path: Path) -> str | None:
    """ "mp4", "mov", "matroska" or "webm"; None for others."""
    kind = _KINDS.get(container.format.name.split(",")[0])
    brand = container.metadata.get("major_brand", "qt")
    if kind == "mp4" and brand in _PICTURES:
        raise ValueError(f"expected a video, got a photo ({brand})")
    if kind == "mp4" and brand.strip() == "qt":
        return "mov"
    if kind == "matroska":
        with path.open("rb") as file:
            return "webm" if b"webm" in file.read(64) else kind
    return kind


def main_stream(container: "InputContainer") -> "VideoStream":
    """The video stream that players show: not a cover or thumbnail, but the default or the largest
    one."""
    from av.stream import Disposition

    pictures = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    streams = [s for s in container.streams.video if not s.disposition & pictures]
    if not streams:
        held = sorted({str(stream.type) for stream in container.streams}) or ["nothing"]
        covers = " (a cover)" if container.streams.video else ""
        raise ValueError(f"expected a video stream, got {', '.join(held)}{covers}")
    readable = [s for s in streams if s.codec_context is not None]
    if not readable:
        raise ValueError("expected a known video codec, got one that cannot be decoded")

    def rank(stream: "VideoStream") -> tuple[bool, int]:
        return bool(stream.disposition & Disposition.default), stream.width * stream.height

    return max(readable, key=rank)


def dropped(container: "InputContainer", main: "VideoStream") -> list[str]:
    """What the file holds that will not be written, for a report."""
    others: dict[str, int] = {}
    for stream in container.streams:
        if stream.index != main.index and stream.type != "audio":
            others[_name(stream)] = others.get(_name(stream), 0) + 1
    notes = [f"{count} {name}{'s' * (count > 1)} dropped" for name, count in others.items()]
    return notes + (["chapters dropped"] if container.chapters() else [])


def _name(stream: "Stream") -> str:
    from av.stream import Disposition

    if stream.type == "video":
        return "cover" if stream.disposition & Disposition.attached_pic else "further video stream"
    return f"{stream.type} stream"


def demuxed(
    container: "InputContainer", streams: "Sequence[Stream]", damage: list[str]
) -> "Iterator[Packet[Any]]":
    """The packets of streams, up to the first place that cannot be read, which ``damage`` then
    names.

    The last packet of each stream is empty: it makes a decoder return the frames that it holds.
    """
    import av

    packets = container.demux(*streams) if streams else iter(())
    while True:
        try:
            packet = next(packets)
        # PyAV stumbles at the end over streams that began late, after it has given all packets.
        except (StopIteration, IndexError):
            return
        except av.FFmpegError as error:
            damage.append(f"the file ends early ({error.strerror})")
            return
        yield packet


def decoded(
    stream: "VideoStream", packets: "Iterable[Packet[Any]]", damage: list[str]
) -> Iterator["VideoFrame"]:
    """The frames of a stream, in the order in which they are shown.

    Frames that cannot be decoded are skipped, as in players, and ``damage`` says so once.

    Raises:
        ValueError: the stream is encrypted.
    """
    import av

    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    lost = torn = 0
    for packet in packets:
        if packet.has_sidedata("encryption_info"):
            raise ValueError("expected a video, got an encrypted one")
        try:
            frames = packet.decode()
        except av.FFmpegError:
            lost += 1
            continue
        torn += packet.is_corrupt and bool(packet.size)
        yield from frames
    if lost:
        damage.append(f"{lost} frame{'s' * (lost > 1)} cannot be decoded")
    if torn:
        damage.append(f"{torn} frame{'s are' if torn > 1 else ' is'} only partly there")


def promises_length(container: "InputContainer") -> bool:
    """Whether its format declares a length; broadcast formats may begin and end anywhere."""
    return _format(container) not in _OF_BROADCASTS


def missing_bytes(path: Path) -> str:
    """What is missing, according to the sizes that the file declares; empty for a complete file."""
    there = path.stat().st_size
    with path.open("rb") as file:
        promised = max(_ends(file), default=0)
    return f"{there:,} of {promised:,} bytes are there" if promised > there else ""


def missing_time(container: "InputContainer", stream: "VideoStream", timeline: "Timeline") -> str:
    """What is missing, according to the times that the container declares; empty for a complete
    file."""
    if not promises_length(container):
        return ""
    steps = (after - before for before, after in pairwise(timeline.pts))
    longest = max(steps, default=timeline.last) * timeline.time_base
    shown, promised = timeline.seconds(-1) + timeline.start, _promised(container, stream)
    if (
        promised is None
        or shown + max(longest, 0 if _format(container) == "mov" else _SLACK) >= promised
    ):
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
    """Where the parts end that hold frames; others may be cut, or be no parts at all."""
    at = 0
    while file.seek(at) >= 0 and len(head := file.read(16)) >= 8:
        name, length = _part(head)
        at += length
        if not length:
            return
        if name in (b"RIFF", _SEGMENT, b"moov", b"mdat", b"moof"):
            yield at


def _part(head: bytes) -> tuple[bytes, int]:
    """The name of a RIFF chunk, an element or a box, and its length; 0 where it is not known."""
    if head[:4] == b"RIFF":
        size = int.from_bytes(head[4:8], "little")
        return head[:4], 0 if size == _UNKNOWN else 8 + size
    if head[:4] in (_EBML, _SEGMENT):
        digits = 9 - head[4].bit_length()
        size = int.from_bytes(head[4 : 4 + digits]) & (1 << 7 * digits) - 1
        unknown = digits > 8 or size == (1 << 7 * digits) - 1  # as in streams
        return head[:4], 0 if unknown else 4 + digits + size
    size = int.from_bytes(head[:4])
    if size == 1:
        size = int.from_bytes(head[8:])
    return head[4:8], size if size >= 8 else 0
