"""What a written video holds beside its frames and its sound, as FFmpeg sees it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from graphgan.anonymize.video._demuxing import opened
from graphgan.anonymize.video._sound import xiph_packets

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

# What FFmpeg's muxers always write, or what is no more than structure.
_STRUCTURE = {"major_brand", "minor_version", "compatible_brands", "vendor_id", "DURATION"}
_HARMLESS = {("encoder", "Lavf"), ("language", "und")}
_HARMLESS |= {("handler_name", name) for name in ("VideoHandler", "SoundHandler", "")}
_SEI, _MESSAGES = 6, {4: "user data (T.35)", 5: "user data"}
_TIMING = {0, 1, 6}  # buffering, picture timing, recovery points


def video_metadata(path: str | Path) -> list[str]:
    """Names of what a video file holds that is neither image nor sound.

    A name says that something is there and not what it says. Things hidden in the pixels, in the
    sound's own packets, or in parts of the file that FFmpeg skips are not seen: of what FFmpeg
    writes itself there are none.

    Raises:
        ValueError: no video.
        OSError: there is no such file, or it may not be read.
    """
    with opened(Path(path)) as container:
        return sorted(set(_found(container)))


def _found(container: "InputContainer") -> Iterator[str]:
    from av.stream import Disposition

    yield from _entries(container.metadata)
    if container.chapters():
        yield "chapters"
    videos = 0
    for stream in container.streams:
        yield from _entries(stream.metadata)
        if stream.type not in ("video", "audio"):
            yield f"{stream.type} stream"
        elif stream.disposition & Disposition.attached_pic:
            yield "cover"
        else:
            videos += stream.type == "video"
            yield from _comments(stream)
    if videos > 1:
        yield "further video stream"
    yield from _user_data(container)


def _entries(entries: dict[str, str]) -> Iterator[str]:
    for key, value in entries.items():
        if key not in _STRUCTURE and (key.lower(), value) not in _HARMLESS:
            yield f"metadata {key}"


def _comments(stream: "Stream") -> Iterator[str]:
    context = stream.codec_context
    if context is not None and context.name in ("vorbis", "libvorbis"):
        _, comments, _ = xiph_packets(context.extradata or b"")
        if any(comments[7:15]):  # lengths of the vendor's name and of the list
            yield "comments in the sound"


def _user_data(container: "InputContainer") -> Iterator[str]:
    """Messages between the frames of H.264 (ITU-T H.264, annex D)."""
    streams = [s for s in container.streams.video if s.codec_context and s.name == "h264"]
    for packet in container.demux(streams) if streams else ():
        extradata = packet.stream.codec_context.extradata or b""
        if extradata[:1] == b"\1" and len(extradata) > 4:  # units with a length before them
            for unit in _units(bytes(packet), (extradata[4] & 3) + 1):
                if unit[0] & 31 == _SEI:
                    yield from (
                        f"{_MESSAGES.get(kind, f'message {kind}')} in the frames"
                        for kind in _kinds(unit)
                        if kind not in _TIMING
                    )


def _units(data: bytes, width: int) -> Iterator[bytes]:
    at = 0
    while at + width < len(data):
        size = int.from_bytes(data[at : at + width])
        if size:
            yield data[at + width : at + width + size]
        at += width + size


def _kinds(unit: bytes) -> Iterator[int]:
    """Of the messages in a unit; type and size are sums of bytes, of which all but one are 255."""
    at = 1
    while at + 2 < len(unit):
        numbers = []
        for _ in range(2):
            rest = unit[at:].lstrip(b"\xff")
            high = len(unit) - at - len(rest)
            numbers.append(255 * high + rest[0] if rest else 0)
            at += high + 1
        yield numbers[0]
        at += numbers[1]
