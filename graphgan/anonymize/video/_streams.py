"""Read a video once while it arrives: from standard input or from a camera."""

import os
import select
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from graphgan.anonymize.video._demuxing import (
    DEMUXERS,
    MAX_PIXELS,
    decoded,
    demuxed,
    errors_named,
    main_stream,
)
from graphgan.anonymize.video._reading import REPLACED, Timeline, Video, VideoFrame, described
from graphgan.anonymize.video._sound import SoundTracks
from graphgan.extras import needs_extra

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame as AvFrame
    from av.video.stream import VideoStream

_NO_SEEKING = "in a stream the index must come first (of MP4: -movflags frag_keyframe+empty_moov)"
_PATIENCE = 0.2  # seconds of silence after which a stop is looked for
_MOST_SOUND = 2**16  # packets that wait for a frame: minutes
# FFmpeg's input devices, and what stands before the name of one.
_DEVICES = {"linux": ("v4l2", ""), "darwin": ("avfoundation", ""), "win32": ("dshow", "video=")}


class Camera(NamedTuple):
    """A camera by its format and name in FFmpeg."""

    format: str
    name: str


def live_source() -> int | Camera:
    """The descriptor of standard input; if that is a terminal, the default or first camera.

    Raises:
        ValueError: there is neither.
    """
    if sys.stdin is None:  # closed
        raise ValueError("expected a video on standard input, got none")
    return _first_camera() if sys.stdin.isatty() else sys.stdin.fileno()


def _first_camera() -> Camera:
    """The default camera of this machine, or the first one."""
    device, prefix = _DEVICES.get(sys.platform, ("", ""))
    names = _cameras(device) if device else []
    if not names:
        raise ValueError("expected a video on standard input or a camera, found neither")
    return Camera(device, prefix + names[0])


def _cameras(device: str) -> list[str]:
    with needs_extra("video"):
        import av
        from av.device import enumerate_input_devices
    try:
        found = enumerate_input_devices(device)
    except (av.FFmpegError, ValueError):  # this PyAV was built without it
        return []
    found = [one for one in found if not one.media_types or "video" in one.media_types]
    return [one.name for one in sorted(found, key=lambda one: not one.is_default)]


class _Bytes:
    """Reads a descriptor up to its end or a stop, even while no data arrives."""

    def __init__(self, descriptor: int, stopped: Callable[[], bool]) -> None:
        self._descriptor, self._stopped = descriptor, stopped

    def read(self, size: int) -> bytes:
        while not self._stopped():
            # Windows can only wait for sockets.
            if sys.platform == "win32" or select.select([self._descriptor], [], [], _PATIENCE)[0]:
                return os.read(self._descriptor, size)
        return b""


@dataclass
class Stream:
    """A video that is being read. Made by `open_stream`.

    Args:
        video: what it is; its own frames cannot be read.
        timeline: times of the frames that were given so far, 8 bytes a frame.
    """

    video: Video
    timeline: Timeline
    _decoded: "Iterator[AvFrame]" = field(repr=False)
    _damage: list[str] = field(repr=False)
    _tracks: "list[AudioStream]" = field(repr=False)
    _sound: "deque[Packet[AudioStream]]" = field(repr=False)

    def frames(self) -> Iterator[VideoFrame]:
        """The frames, one at a time and once.

        Raises:
            ValueError: as `Video.frames`.
        """
        with errors_named(str(self.video.path)):
            for number, frame in enumerate(self._decoded):
                self.video.check(frame, number)
                pts = self.timeline.append(frame)
                yield VideoFrame(self.video.upright(frame), pts * self.timeline.time_base)
        self.video.damage.extend(self._damage)
        self.video.notes.extend([REPLACED] * self.timeline.replaced)

    def sound(self, out: "OutputContainer") -> AbstractContextManager[SoundTracks | None]:
        """The sound that came with the frames, for a file that they are written to."""
        if not self._tracks:
            return nullcontext()

        def take() -> "Packet[AudioStream] | None":
            return self._sound.popleft() if self._sound else None

        return nullcontext(SoundTracks(self.video, out, self._tracks, take))


@contextmanager
def open_stream(
    source: int | Camera,
    *,
    name: str = "-",
    sound: bool = True,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Stream]:
    """Open a stream and read it up to its first frame.

    Reads the formats of `open_video`, but not MP4 and MOV with their index at the end, since
    streams cannot be searched. The result is written as Matroska.

    Args:
        source: a descriptor to read bytes from, or a camera.
        name: for errors.
        sound: whether to keep its sound.
        stopped: whether to end the stream; asked before every packet.
    Raises:
        ValueError: not a video, or one that `open_video` refuses; a camera that cannot be opened.
        KeyboardInterrupt: the stream was stopped before its first frame.
    """
    with ExitStack() as closing:
        try:
            with errors_named(name):
                container = closing.enter_context(_opened(source, stopped))
                stream = _begun(container, name, sound, stopped)
        except ValueError:
            if stopped():  # that is why there is no video
                raise KeyboardInterrupt from None
            raise
        yield stream


def _begun(
    container: "InputContainer", name: str, sound: bool, stopped: Callable[[], bool]
) -> Stream:
    stream = main_stream(container)
    tracks = list(container.streams.audio) if sound else []
    waiting = deque["Packet[AudioStream]"]()
    damage: list[str] = []
    packets = demuxed(container, [stream, *tracks], damage)
    frames = decoded(stream, _sorted_out(packets, stream, waiting, stopped), damage)
    first = next(frames, None)
    if first is None:
        hint = f": {_NO_SEEKING}" if "mov" in container.format.name else ""
        raise ValueError(f"expected frames, got none that can be decoded{hint}")
    start = _start(container, stream, first)
    video = described(Path(name), container, stream, first, "matroska", start)
    if "matroska" not in container.format.name:
        video.notes.append(f"{container.format.name} written as Matroska")
    timeline = Timeline(video.time_base, video.start)
    return Stream(video, timeline, chain([first], frames), damage, tracks, waiting)


@contextmanager
def _opened(source: int | Camera, stopped: Callable[[], bool]) -> Iterator["InputContainer"]:
    with needs_extra("video"):
        import av
    if isinstance(source, Camera):
        with av.open(source.name, format=source.format) as container:
            yield container
        return
    options = {
        "format_whitelist": DEMUXERS,
        "protocol_whitelist": "none",  # it reaches nothing but these bytes
        "max_pixels": str(MAX_PIXELS),
    }
    content = _Bytes(source, stopped)
    with av.open(content, "r", options=options, metadata_errors="replace") as container:
        yield container


def _start(container: "InputContainer", stream: "VideoStream", first: "AvFrame") -> Fraction:
    """What all times are counted from: a stream may be joined at any time."""
    if container.start_time is not None:
        return Fraction(container.start_time, 10**6)
    if first.pts is None or stream.time_base is None:
        return Fraction(0)
    return first.pts * stream.time_base


def _sorted_out(
    packets: "Iterator[Packet[Any]]",
    stream: "VideoStream",
    waiting: "deque[Packet[AudioStream]]",
    stopped: Callable[[], bool],
) -> "Iterator[Packet[Any]]":
    """Packets of the frames; those of the sound wait on the side."""
    import av

    for packet in packets:
        if stopped():
            last = av.Packet()  # an empty one: it makes the decoder give what it holds
            last.stream = stream
            yield last
            return
        # The empty ones at the end do not know their number.
        if packet.stream.index == stream.index:
            yield packet
        elif packet.size:
            waiting.append(packet)
            if len(waiting) > _MOST_SOUND:
                raise ValueError("expected frames, got only sound for minutes")
