"""Read videos frame by frame, upright and in RGB, any number of times with the same result."""

from array import array
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from jaxtyping import UInt8
from torch import Tensor

from graphgan.anonymize.video._demuxing import (
    decoded,
    demuxed,
    dropped,
    kind_of,
    main_stream,
    missing_bytes,
    missing_time,
    opened,
    promises_length,
)
from graphgan.anonymize.video._pixels import (
    Colors,
    Orientation,
    check_colors,
    colors_of,
    orientation_of,
)

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame as AvFrame
    from av.video.stream import VideoStream

# Times that run back by more than this, in seconds, are two recordings in one file.
_MOST_BACK = 1

REPLACED = "times that are missing or do not increase were replaced"


class VideoFrame(NamedTuple):
    """A frame as a player shows it.

    Shapes:
        ``image: 3 h w``; ``exact_time`` is in seconds, from the clock that the sound has too; it
        need not begin at 0
    """

    image: UInt8[Tensor, "3 h w"]
    exact_time: Fraction

    @property
    def time(self) -> float:
        """In seconds."""
        return float(self.exact_time)


class Timeline:
    """Times of frames in whole units of ``time_base``, each above the one before.

    Args:
        time_base: seconds of a unit.
        start: seconds that are taken off the times of the file.
    Attributes:
        pts: of each frame; 8 bytes a frame.
        last: for how long the last one is shown.
        replaced: whether a time was missing or did not increase.
    """

    def __init__(self, time_base: Fraction, start: Fraction) -> None:
        self.time_base, self.start = time_base, start
        self.pts: array[int] = array("q")
        self.last = 1
        self.replaced = False
        self._offset = round(start / time_base)

    def append(self, frame: "AvFrame") -> int:
        """The time of the next frame.

        Raises:
            ValueError: it lies far before that of the last.
        """
        given = frame.pts if frame.pts is not None else frame.dts
        given = None if given is None else given - self._offset
        previous = self.pts[-1] if self.pts else None
        pts = given if given is not None else 0 if previous is None else previous + self.last
        if previous is not None and pts <= previous:
            seconds = (previous - pts) * self.time_base
            if seconds > _MOST_BACK:
                raise ValueError(
                    f"expected times that increase, got a step back of {float(seconds):.1f} s "
                    f"at frame {len(self.pts)}"
                )
            pts = previous + 1
        self.replaced |= pts != given
        self.last = max(frame.duration or self.last, 1)
        self.pts.append(pts)
        return pts

    def seconds(self, number: int) -> Fraction:
        """The time of a frame."""
        return self.pts[number] * self.time_base


@dataclass(frozen=True)
class Video:
    """The properties of a video file, and its frames. Made by `open_video`.

    Args:
        path: of the file.
        size: height and width as shown, after the rotation that the file asks for.
        container: of the result: "mp4", "mov", "matroska" or "webm".
        frame_rate: average frames per second; None if it is not known.
        audio_codecs: of each sound track.
        pixel_aspect: width of a pixel over its height, as shown; None if it is not known.
        time_base: seconds per unit of time.
        start: seconds to subtract from all times of the file.
        colors: how pixels encode colors.
        orientation: how to set frames upright.
        notes: what is dropped or changed, for a report; reading frames may add to it.
        damage: what is missing; reading frames may add to it.
        allow_damaged: whether to give frames although some are missing.
    """

    path: Path
    size: tuple[int, int]
    container: str
    frame_rate: Fraction | None
    audio_codecs: tuple[str, ...]
    pixel_aspect: Fraction | None
    time_base: Fraction
    start: Fraction
    colors: Colors
    orientation: Orientation
    notes: list[str]
    damage: list[str] = field(default_factory=list)
    allow_damaged: bool = False
    _timelines: list[Timeline] = field(default_factory=list, repr=False, compare=False)

    @property
    def has_audio(self) -> bool:
        """Whether there is a sound track."""
        return bool(self.audio_codecs)

    @property
    def pixel_format(self) -> str:
        """Of the result: 4:2:0, or 4:4:4 for odd sizes, which H.264 does not allow in 4:2:0."""
        odd = self.size[0] % 2 or self.size[1] % 2
        return "yuv444p" if odd and self.container != "webm" else "yuv420p"

    def frames(self) -> Iterator[VideoFrame]:
        """The frames, one at a time; each call reads the file from its beginning.

        Raises:
            ValueError: a frame of another size, with more than 8 bits, or HDR; times that run
                backwards; other frames than in an earlier call; after the last frame, if frames
                are missing or damaged, unless ``allow_damaged``.
            OSError: the file is gone.
        """
        for frame, pts in self._read():
            yield VideoFrame(self.upright(frame), pts * self.time_base)

    def timeline(self) -> Timeline:
        """The times of all frames.

        Decodes the video if that was not done before.

        Raises:
            ValueError, OSError: as `frames` does.
        """
        if not self._timelines:
            deque(self._read(), maxlen=0)
        return self._timelines[0]

    def _read(self) -> Iterator[tuple["AvFrame", int]]:
        timeline, damage = Timeline(self.time_base, self.start), list[str]()
        with opened(self.path) as container:
            stream = main_stream(container)
            for frame in decoded(stream, demuxed(container, [stream], damage), damage):
                self.check(frame, len(timeline.pts))
                pts = timeline.append(frame)
                self._check_as_before(timeline)
                yield frame, pts
            if not timeline.pts:
                raise ValueError("expected frames, got none that can be decoded")
            self._check_as_before(timeline, ended=True)
            if not self._timelines:
                if missing := missing_time(container, stream, timeline):
                    damage.append(missing)
                if damage and promises_length(container) and not self.allow_damaged:
                    raise ValueError(_refused(damage))
                self.damage.extend(damage)
        if not self._timelines:
            self._timelines.append(timeline)
            self.notes.extend([REPLACED] * timeline.replaced)

    def upright(self, frame: "AvFrame") -> UInt8[Tensor, "3 h w"]:
        """A decoded frame as it is shown."""
        return self.orientation(self.colors.to_rgb(frame))

    def check(self, frame: "AvFrame", number: int) -> None:
        """Raise ``ValueError`` for a frame of another size, of more than 8 bits or HDR."""
        size = self.orientation.size((frame.height, frame.width))
        if size != self.size:
            raise ValueError(
                f"expected frames of {_by(self.size)}, got {_by(size)} at frame {number}"
            )
        check_colors(frame)

    def _check_as_before(self, now: Timeline, *, ended: bool = False) -> None:
        """Refuse other frames than before: coordinates of faces would not fit them."""
        for before in self._timelines:
            count = len(now.pts)
            same = (
                len(before.pts) == count if ended else before.pts[count - 1 :][:1] == now.pts[-1:]
            )
            if not same:
                raise ValueError("expected the same frames as on the first reading, got others")


def _refused(damage: list[str]) -> str:
    return f"cut short or damaged: {', '.join(damage)} (--allow-damaged processes what can be read)"


def _by(size: tuple[int, int]) -> str:
    return f"{size[1]} x {size[0]}"


def open_video(path: str | Path, *, allow_damaged: bool = False) -> Video:
    """Open a video file and decode its first frame.

    Reads MP4, MOV, Matroska, WebM, AVI, MPEG-TS, MPEG-PS, FLV, ASF and Ogg with all codecs that
    FFmpeg decodes. Of several video streams, it uses the one that players show.

    Refused, because they would be cut to 8 bits or a smaller gamut: more than 8 bits per channel,
    HDR, BT.2020. Refused, because they cannot be read completely: encrypted files, frames above
    2^26 pixels, and (while reading) sizes that change.

    Also refused without ``allow_damaged``: files with fewer bytes, seconds or frames than they
    promise, and frames that cannot be decoded. MPEG-TS, MPEG-PS and Ogg promise nothing, so that
    damage is only noted.

    Args:
        path: of the file.
        allow_damaged: whether to accept the readable part of a damaged file.
    Raises:
        ValueError: the file is not such a video; it is named.
        OSError: there is no such file, or it may not be read.
    """
    path = Path(path)
    with opened(path) as container:
        missing = missing_bytes(path) if promises_length(container) else ""
        if missing and not allow_damaged:
            raise ValueError(_refused([missing]))
        stream = main_stream(container)
        first = next(decoded(stream, demuxed(container, [stream], []), []), None)
        if first is None:
            raise ValueError("expected frames, got none that can be decoded")
        kind = kind_of(container, path)
        # Clocks of broadcasts and cameras tell the time of day; those of files begin at 0.
        start = Fraction(container.start_time or 0, 10**6) if kind is None else Fraction(0)
        video = described(path, container, stream, first, kind or "matroska", start)
        if kind is None:
            video.notes.append(f"{container.format.name} written as Matroska")
        damage = [missing] if missing else []
        return replace(video, allow_damaged=allow_damaged, damage=damage)


def described(
    path: Path,
    container: "InputContainer",
    stream: "VideoStream",
    first: "AvFrame",
    kind: str,
    start: Fraction,
) -> Video:
    """The properties of a video, from its first frame.

    Raises:
        ValueError: a frame of a kind that is refused.
    """
    matrix = cast("Mapping[str, bytes]", first.side_data).get("DISPLAYMATRIX")
    orientation = orientation_of(bytes(matrix) if matrix else None)
    video = Video(
        path=path,
        size=orientation.size((first.height, first.width)),
        container=kind,
        frame_rate=stream.average_rate or stream.guessed_rate or None,
        audio_codecs=tuple(
            s.codec_context.name if s.codec_context else "unknown" for s in container.streams.audio
        ),
        pixel_aspect=orientation.aspect(stream.sample_aspect_ratio),
        time_base=stream.time_base or Fraction(1, 10**6),
        start=start,
        colors=colors_of(first),
        orientation=orientation,
        notes=dropped(container, stream),
    )
    video.notes.extend(_changes(first, video.pixel_format))
    return video


def _changes(frame: "AvFrame", written: str) -> list[str]:
    """What another pixel format changes in the image."""
    name, notes = frame.format.name, []
    if frame.interlaced_frame:
        notes.append("interlaced frames written as progressive ones")
    if any(component.is_alpha for component in frame.format.components):
        notes.append("transparency dropped")
    finer = name.startswith(("yuv444", "yuvj444", "yuv422", "yuvj422")) or frame.format.is_rgb
    if finer and written == "yuv420p":
        notes.append("color written at half the resolution (4:2:0)")
    return notes
