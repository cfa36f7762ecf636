"""What a video file holds beside its frames and its sound, in the packets of H.264 too."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from graphgan.anonymize.video._demuxing import opened
from graphgan.anonymize.video._writing import said_beside

if TYPE_CHECKING:
    from av.container import InputContainer

_SEI, _MESSAGES = 6, {4: "user data (T.35)", 5: "user data"}
_TIMING = {0, 1, 6}  # buffering, picture timing, recovery points


def video_metadata(path: str | Path) -> list[str]:
    """Names of what is neither image nor sound; what they say is not told."""
    with opened(Path(path)) as container:
        return sorted({*said_beside(container), *_user_data(container)})


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
