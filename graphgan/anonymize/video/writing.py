"""Videos written with the times and the sound of their source, and nothing else of it."""

import io
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from jaxtyping import UInt8
from torch import Tensor

from graphgan.anonymize.video._encoders import (
    BEST,
    MUXERS,
    WORST,
    Cleaner,
    add_video,
    muxer_options,
    pixel_format,
)
from graphgan.anonymize.video._sound import SoundTracks, sound_of_file
from graphgan.anonymize.video._source import main_stream, opened
from graphgan.anonymize.video._timeline import Timeline
from graphgan.anonymize.video.leftovers import video_leftovers
from graphgan.anonymize.video.reading import Video
from graphgan.extras import needs_extra
from graphgan.files import replacing

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    Encoded = Packet[VideoStream]

Sound = Callable[["OutputContainer"], AbstractContextManager[SoundTracks | None]]

CRF = 18
"""Of x264: hardly any visible loss."""

_BITEXACT = 0x400  # AVFMT_FLAG_BITEXACT: no versions of FFmpeg, no random numbers


def write_video(
    path: str | Path,
    video: Video,
    frames: Iterable[UInt8[Tensor, "3 h w"]],
    *,
    audio: Literal["keep", "drop"] = "keep",
    crf: int = CRF,
) -> None:
    """Write frames in the place of those of a video; the file is there whole or not at all.

    The container is `Video.container`, whatever the suffix: MP4, MOV and Matroska with H.264, WebM
    with VP9, all in 4:2:0 of 8 bits, with the matrix, the range and the aspect of pixels that the
    source names. H.264 of an odd width or height is written in 4:4:4, which keeps every pixel and
    which not every player shows. Each frame has the exact time of the source's; in Matroska and
    WebM it is rounded to milliseconds, which is what those that come from there have. Sound is
    copied packet by packet with its times, where the container holds it; other tracks are
    compressed again as AAC (in WebM as Opus), and those that cannot be decoded dropped.

    Nothing else is written: no titles, places, dates, comments, languages, names of tracks and of
    encoders, chapters, subtitles, data, attachments, covers, rotation flags. The file is opened
    again to see that, and that no frame is missing.

    One frame is held at a time, and as many as the encoder looks ahead.

    Args:
        frames: upright, in order, as many as `Video.frames` gives and of their size.
        audio: "keep" or "drop" the sound. A voice tells who is speaking.
        crf: how much may be lost, 0 (nothing, in H.264) to 51; of VP9 the same share of its 0-63.
    Raises:
        ValueError: fewer or more frames than the source has, of another size; no such encoder;
            times that the container does not hold.
        OSError: the file cannot be written.
    """
    if audio not in ("keep", "drop"):
        raise ValueError(f"expected audio 'keep' or 'drop', got {audio!r}")
    write_frames(path, video, video.timeline(), frames, _sound_of(video, audio), crf=crf)


def write_frames(
    path: str | Path,
    video: Video,
    timeline: Timeline,
    frames: Iterable[UInt8[Tensor, "3 h w"]],
    sound: Sound,
    *,
    crf: int = CRF,
) -> None:
    """Write frames as `write_video` does, whose times may still be coming in.

    Args:
        path: of the file.
        video: what is written.
        timeline: holds the time of a frame by when it is given.
        frames: as many as the timeline holds in the end.
        sound: begins the sound tracks of the file.
        crf: see `write_video`.
    Raises:
        ValueError, OSError: as `write_video` does.
    """
    path = Path(path)
    if not BEST <= crf <= WORST:
        raise ValueError(f"expected a crf of {BEST} to {WORST}, got {crf}")
    with replacing(path) as temporary, _named(path, video):
        with _output(f"file:{temporary}", video) as out:
            stream = add_video(out, video, crf)
            with sound(out) as tracks:
                for packet in _encoded(out, stream, video, _counted(frames, timeline, video)):
                    out.mux_one(packet)
                    if tracks and packet.dts is not None:
                        tracks.mux_until(packet.dts * packet.time_base)
                if tracks:
                    tracks.mux_until(None)
        _check_written(temporary, timeline)


class Carried(NamedTuple):
    """What becomes of the sound.

    Args:
        tracks: how many are written.
        notes: about those that are not copied.
    """

    tracks: int
    notes: tuple[str, ...]


def check_writable(
    video: Video, *, audio: Literal["keep", "drop"] = "keep", sound: Sound | None = None
) -> Carried:
    """Whether a video can be written, before its frames are worked on.

    Args:
        video: what is to be written.
        audio: whether the sound of its file is kept.
        sound: begins the sound tracks instead.
    Returns:
        What becomes of the sound.
    Raises:
        ValueError: no such encoder.
    """
    with _named(video.path, video), _output(io.BytesIO(), video) as out:
        add_video(out, video, CRF)
        with (sound or _sound_of(video, audio))(out) as tracks:
            return Carried(tracks.kept, tuple(tracks.notes)) if tracks else Carried(0, ())


def _sound_of(video: Video, audio: str) -> Sound:
    return partial(sound_of_file, video) if audio == "keep" else no_sound


def no_sound(out: "OutputContainer") -> AbstractContextManager[None]:
    """No sound tracks."""
    return nullcontext()


@contextmanager
def _output(file: str | io.BytesIO, video: Video) -> Iterator["OutputContainer"]:
    with needs_extra("video"):
        import av
    name, options = MUXERS[video.container].name, muxer_options(video)
    with av.open(file, "w", format=name, container_options=options) as out:
        out.flags |= _BITEXACT
        yield out


@contextmanager
def _named(path: Path, video: Video) -> Iterator[None]:
    """FFmpeg's errors as those of the machine or of what is written, with the file's name."""
    import av

    try:
        yield
    except av.FFmpegError as error:
        if isinstance(error, OSError) and error.errno:
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise ValueError(f"{path}: cannot be written: {error.strerror}") from None
    except ValueError as error:
        if str(error).startswith((f"{path}: ", f"{video.path}: ")):
            raise
        raise ValueError(f"{path}: {error}") from None


def _counted(
    frames: Iterable[Tensor], timeline: Timeline, video: Video
) -> Iterator[tuple[Tensor, int, int]]:
    """Each frame with its time and its duration."""
    number = 0
    for number, image in enumerate(frames, 1):
        count = len(timeline.pts)  # of a stream it grows
        if number > count:
            raise ValueError(f"expected {count} frames, got more")
        if tuple(image.shape) != (3, *video.size):
            raise ValueError(f"expected frames 3 {video.size}, got {tuple(image.shape)}")
        pts = timeline.pts[number - 1]
        yield image, pts, timeline.pts[number] - pts if number < count else timeline.last
    if number < (count := len(timeline.pts)):
        raise ValueError(f"expected {count} frames, got {number}")


def _encoded(
    out: "OutputContainer",
    stream: "VideoStream",
    video: Video,
    frames: Iterable[tuple[Tensor, int, int]],
) -> Iterator["Encoded"]:
    out.start_encoding()
    clean, chosen = Cleaner(stream), pixel_format(video)
    durations: dict[int, int] = {}

    def finished(packets: "Iterable[Encoded | None]") -> Iterator["Encoded"]:
        for packet in packets:
            for cleaned in clean(packet):
                cleaned.stream = stream
                if cleaned.pts is not None:
                    cleaned.duration = durations.pop(cleaned.pts, 0)
                yield cleaned

    for image, pts, duration in frames:
        frame = video.colors.from_rgb(image, chosen)
        frame.pts, frame.time_base = pts, video.time_base
        durations[pts] = duration
        yield from finished(stream.encode(frame))
    yield from finished([*stream.encode(None), None])


def _check_written(path: Path, timeline: Timeline) -> None:
    """Nothing but frames and sound, and every frame at its time."""
    if left := video_leftovers(path):
        raise ValueError(f"expected nothing but frames and sound to be written, got {left}")
    with opened(path) as container:
        stream = main_stream(container)
        unit = stream.time_base or timeline.time_base
        times = array("q", sorted(p.pts for p in container.demux(stream) if p.pts is not None))
    if len(times) != len(timeline.pts):
        raise ValueError(f"expected {len(timeline.pts)} frames to be written, got {len(times)}")
    for number, pts in enumerate(times):
        if abs(pts * unit - timeline.seconds(number)) > unit:
            raise ValueError(
                f"expected frame {number} to be written at {float(timeline.seconds(number))} s, "
                f"got {float(pts * unit)} s"
            )
