"""A video file opened so that it reaches nothing but itself, and which of its streams is shown."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphgan.extras import needs_extra

if TYPE_CHECKING:
    from av import FFmpegError
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MAX_PIXELS = 2**26
"""Of a frame: 8K has half of it. A few bytes of file may ask for any amount of memory."""

# Playlists and pictures, which FFmpeg opens too, are left out: a playlist names other files.
DEMUXERS = "mov,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg"
_PICTURES = {"heic", "heix", "mif1", "msf1", "avif", "avis"}  # brands of ISO/IEC 23008-12
_KINDS = {"mov": "mp4", "matroska": "matroska"}

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
        told_as(str(path)),
        av.open(f"file:{path}", options=options, metadata_errors="replace") as container,
    ):
        yield container


@contextmanager
def told_as(name: str) -> Iterator[None]:
    """Errors of what is read become a ``ValueError`` with its name."""
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
    """ "mp4", "mov", "matroska" or "webm"; None for others.

    Raises:
        ValueError: a photo in the same container.
    """
    kind = _KINDS.get(container.format.name.split(",")[0])
    brand = container.metadata.get("major_brand", "qt")
    if kind == "mp4" and brand in _PICTURES:
        raise ValueError(f"expected a video, got a picture ({brand})")
    if kind == "mp4" and brand.strip() == "qt":
        return "mov"
    if kind == "matroska":
        with path.open("rb") as file:
            return "webm" if b"webm" in file.read(64) else kind
    return kind


def main_stream(container: "InputContainer") -> "VideoStream":
    """The one that players show: no cover or thumbnail; the default one, or else the largest.

    Raises:
        ValueError: there is none.
    """
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
    """The packets of streams, up to where the file cannot be followed, which ``damage`` then says.

    The last one of each stream is empty: it makes a decoder give what it holds.
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

    What cannot be decoded is left out, as players do, and said once in ``damage``.

    Args:
        stream: of a container.
        packets: of this stream, as `demuxed` gives them.
        damage: what is lost.
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
        damage.append(f"{torn} frame{'s are' if torn > 1 else ' is'} there in part alone")
