"""What a video file holds beside its frames and its sound: places, dates, names, cameras."""

import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from graphgan.anonymize.video._boxes import AFTER_THE_END, Data, Part, boxes, elements
from graphgan.anonymize.video._sound import xiph_packets
from graphgan.anonymize.video._source import opened

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

# Boxes of tracks, samples and fragments.
_BOXES = {"ftyp", "styp", "mdat", "mvhd", "tkhd", "elst", "mdhd", "hdlr", "vmhd", "smhd", "dref"}
_BOXES |= {"stsd", "stts", "ctts", "cslg", "stss", "stsc", "stsz", "stz2", "stco", "co64", "sgpd"}
_BOXES |= {"sbgp", "sdtp", "mehd", "trex", "mfhd", "tfhd", "tfdt", "trun", "sidx", "mfra"}
_EMPTY_BOXES = {"free", "skip", "wide"}
_HANDLERS = {b"VideoHandler", b"SoundHandler", b"DataHandler", b""}
_NO_LANGUAGE = {0x55C4, 0x7FFF}
_UPRIGHT = b"".join(number.to_bytes(4) for number in (65536, 0, 0, 0, 65536, 0, 0, 0, 2**30))

# Elements that carry frames, sound and what is needed to show them.
_ELEMENTS = {"1A45DFA3", "114D9B74", "1C53BB6B", "BF"}  # header, index, cues, checksum
_ELEMENTS |= {"2AD7B1", "4489"}  # unit of time, duration
_ELEMENTS |= {"D7", "73C5", "83", "B9", "88", "55AA", "9C", "23E383", "86", "63A2", "56AA", "56BB"}
_ELEMENTS |= {"55EE", "B0", "BA", "54B0", "54BA", "54B2", "9A", "9D", "55B0", "E1"}
_ELEMENTS |= {"E7", "A3", "AB", "A7", "A1", "9B", "FB", "75A2", "A4", "63C0", "4487", "447A"}
_ELEMENTS |= {"44B4", "4484"}
_ELEMENT_NAMES = {"1941A469": "attachments", "1043A770": "chapters", "7BA9": "title"}
_ELEMENT_NAMES |= {"4461": "creation time", "4D80": "muxing app", "5741": "writing app"}
_ELEMENT_NAMES |= {"536E": "track name", "22B59C": "language", "22B59D": "language"}
_ELEMENT_NAMES |= {"73A4": "segment id", "7384": "file name", "75A1": "data beside blocks"}
_ELEMENT_NAMES |= {"7670": "display matrix", "258688": "codec name", "53C0": "alpha"}
_HARMLESS = {"muxing app": b"Lavf", "writing app": b"Lavf", "language": b"und"}

# Of FFmpeg's view: what its muxers always write, or what is no more than structure.
_METADATA = {"major_brand", "minor_version", "compatible_brands", "vendor_id", "DURATION"}
_METADATA |= {"handler_name", "language"}  # looked at in the bytes
_SEI, _MESSAGES = 6, {4: "user data (T.35)", 5: "user data"}
_TIMING = {0, 1, 6}  # buffering, picture timing, recovery points


def video_leftovers(path: str | Path) -> list[str]:
    """Names of what an MP4, MOV, Matroska or WebM file holds that is neither picture nor sound.

    The file is walked box by box, and looked at through FFmpeg too. A name says that something is
    there and not what it says. Things hidden in the pixels, in the sound's own packets, or in boxes
    that describe a codec are not seen.

    Raises:
        ValueError: another format, or no video.
        OSError: there is no such file, or it may not be read.
    """
    path = Path(path)
    found: set[str] = set()
    with opened(path) as container:
        found.update(_seen_by_ffmpeg(container))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] == b"\x1a\x45\xdf\xa3":
            found.update(_matroska(data))
        elif data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            found.update(_mp4(data))
        else:
            raise ValueError(f"{path}: expected MP4, MOV, Matroska or WebM, got another format")
    return sorted(found)


def _mp4(data: Data) -> Iterator[str]:
    for box in boxes(data):
        name = box.name
        if name == AFTER_THE_END or not (name in _BOXES or name in _EMPTY_BOXES):
            yield name if name == AFTER_THE_END else f"box {re.sub('[^ -~]', '.', name)}"
        elif name in _EMPTY_BOXES:
            if any(data[box.start : box.end]):
                yield "free space with data"
        elif check := _CHECKS.get(name):
            yield from check(data[box.start : box.end])


def _dates(payload: bytes) -> Iterator[str]:
    if any(payload[4 : 20 if payload[:1] == b"\1" else 12]):
        yield "creation time"


def _track(payload: bytes) -> Iterator[str]:
    yield from _dates(payload)
    at = 52 if payload[:1] == b"\1" else 40
    if payload[at : at + 36] != _UPRIGHT:
        yield "display matrix"


def _media(payload: bytes) -> Iterator[str]:
    yield from _dates(payload)
    at = 32 if payload[:1] == b"\1" else 20
    if int.from_bytes(payload[at : at + 2]) not in _NO_LANGUAGE:
        yield "language"


def _handler(payload: bytes) -> Iterator[str]:
    name = payload[24:].strip(b"\0")
    if name[:1] == bytes([max(len(name) - 1, 0)]):  # QuickTime's begin with their length
        name = name[1:]
    if name not in _HANDLERS:
        yield "handler name"


def _sample_entry(payload: bytes) -> Iterator[str]:
    # The first entry's 8 bytes of header follow 8 of the list's; only video has a compressor name.
    if payload[12:16] in (b"avc1", b"avc3", b"hvc1", b"hev1", b"mp4v", b"vp09", b"av01"):
        name = payload[58:90]
        if any(name):
            yield "compressor name"


_CHECKS = {"mvhd": _dates, "tkhd": _track, "mdhd": _media, "hdlr": _handler, "stsd": _sample_entry}


def _matroska(data: Data) -> Iterator[str]:
    for part in elements(data):
        payload = b"" if part.name in _ELEMENTS else data[part.start : part.end]
        if part.name == "EC":
            if any(payload):
                yield "free space with data"
        elif part.name == "45A3":
            if payload != b"DURATION":
                yield f"tag {re.sub('[^ -~]', '.', payload.decode('latin-1'))}"
        elif part.name not in _ELEMENTS:
            yield from _element(part, payload)


def _element(part: Part, payload: bytes) -> Iterator[str]:
    name = _ELEMENT_NAMES.get(part.name, part.name)
    if name == AFTER_THE_END:
        yield name
    elif payload.rstrip(b"\0") != _HARMLESS.get(name):
        yield name if part.name in _ELEMENT_NAMES else f"element {name}"


def _seen_by_ffmpeg(container: "InputContainer") -> Iterator[str]:
    from av.stream import Disposition

    yield from _metadata(container.metadata)
    if container.chapters():
        yield "chapters"
    videos = 0
    for stream in container.streams:
        yield from _metadata(stream.metadata)
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


def _metadata(entries: dict[str, str]) -> Iterator[str]:
    for key, value in entries.items():
        if key not in _METADATA and (key.lower(), value) != ("encoder", "Lavf"):
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
