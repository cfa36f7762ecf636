"""Write videos with the times and the sound of their source, and nothing else of it."""

import io
import math
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from jaxtyping import UInt8
from torch import Tensor

from graphgan.anonymize.video._demuxing import main_stream, opened
from graphgan.anonymize.video._reading import Timeline, Video
from graphgan.anonymize.video._sound import SoundTracks, sound_of_file, xiph_packets
from graphgan.extras import needs_extra
from graphgan.files import replacing

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    Encoded = Packet[VideoStream]
    Clean = Callable[[Encoded | None], list[Encoded]]

Sound = Callable[["OutputContainer"], AbstractContextManager[SoundTracks | None]]

_CRF = 18
"""Of x264: hardly any visible loss."""

_ENCODERS = {"mp4": "libx264", "mov": "libx264", "matroska": "libx264", "webm": "libvpx-vp9"}
"""By container."""

_BEST, _WORST = 0, 51  # the range of x264's rate factor
_VP9_WORST = 63
_EDITS = 1000  # units a second of edit lists in most files; sound begins at one of these
_FINEST = 10**6  # units a second with which a video of an hour fits 32 bits
# What FFmpeg's muxers always write, or what is no more than structure.
_STRUCTURE = {"major_brand", "minor_version", "compatible_brands", "vendor_id", "DURATION"}
_HARMLESS = {("encoder", "Lavf"), ("language", "und")}
_HARMLESS |= {("handler_name", name) for name in ("VideoHandler", "SoundHandler", "")}
_BITEXACT = 0x400  # AVFMT_FLAG_BITEXACT: no versions of FFmpeg, no random numbers


def write_video(
    path: str | Path,
    video: Video,
    frames: Iterable[UInt8[Tensor, "3 h w"]],
    *,
    audio: Literal["keep", "drop"] = "keep",
    crf: int = _CRF,
) -> None:
    """Write new frames for a video; the file is complete or not there at all.

    The container is `Video.container`, whatever the suffix is: MP4, MOV and Matroska with H.264,
    WebM with VP9, all with 8 bits in 4:2:0, with the matrix, range and pixel aspect of the source.
    H.264 with an odd width or height is written in 4:4:4, which keeps every pixel but which some
    players do not show. Every frame has the exact time of the source, rounded to milliseconds in
    Matroska and WebM. Sound is copied with its times if the container supports it; other tracks
    are encoded again as AAC (in WebM as Opus), and dropped if they cannot be decoded.

    Nothing else is written: no titles, places, dates, comments, languages, names of tracks and
    encoders, chapters, subtitles, data, attachments, covers or rotation flags. The file is opened
    again to check this, and that no frame is missing. Only one frame is held at a time, besides
    those in the encoder.

    Args:
        frames: upright, in order, as many as `Video.frames` gives and of their size.
        audio: "keep" or "drop" the sound. A voice can identify a person.
        crf: quality, from 0 (lossless in H.264) to 51; for VP9 scaled to its 0 to 63.
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
    crf: int = _CRF,
) -> None:
    """Write frames as `write_video` does, whose times may still be coming in.

    Args:
        path: of the file.
        video: what is written.
        timeline: has the time of each frame as soon as it is given.
        frames: as many as the timeline has in the end.
        sound: opens the sound tracks of the file.
        crf: see `write_video`.
    Raises:
        ValueError, OSError: as `write_video` does.
    """
    path = Path(path)
    if not _BEST <= crf <= _WORST:
        raise ValueError(f"expected a crf of {_BEST} to {_WORST}, got {crf}")
    with replacing(path) as temporary, _named(path, video):
        with _output(f"file:{temporary}", video) as out:
            stream = _add_video(out, video, crf)
            with sound(out) as tracks:
                for packet in _encoded(out, stream, video, _counted(frames, timeline, video)):
                    out.mux_one(packet)
                    if tracks and packet.dts is not None:
                        tracks.mux_until(packet.dts * packet.time_base)
                if tracks:
                    tracks.mux_until(None)
        _check_written(temporary, timeline)


class SoundPlan(NamedTuple):
    """What will happen to the sound.

    Args:
        tracks: how many are written.
        notes: on those that are not copied.
    """

    tracks: int
    notes: tuple[str, ...]


def check_writable(
    video: Video, *, audio: Literal["keep", "drop"] = "keep", sound: Sound | None = None
) -> SoundPlan:
    """Check that a video can be written, before its frames are processed.

    Args:
        video: to write.
        audio: whether to keep the sound of its file.
        sound: opens other sound tracks instead.
    Returns:
        What will happen to the sound.
    Raises:
        ValueError: no such encoder.
    """
    with _named(video.path, video), _output(io.BytesIO(), video) as out:
        _add_video(out, video, _CRF)
        with (sound or _sound_of(video, audio))(out) as tracks:
            return SoundPlan(tracks.kept, tuple(tracks.notes)) if tracks else SoundPlan(0, ())


def _sound_of(video: Video, audio: str) -> Sound:
    return partial(sound_of_file, video) if audio == "keep" else lambda out: nullcontext()


@contextmanager
def _output(file: str | io.BytesIO, video: Video) -> Iterator["OutputContainer"]:
    with needs_extra("video"):
        import av
    options = _muxer_options(video)
    with av.open(file, "w", format=video.container, container_options=options) as out:
        out.flags |= _BITEXACT
        yield out


def _muxer_options(video: Video) -> dict[str, str]:
    """For the container: the source's own unit of time, and the index first as in the web."""
    if video.container not in ("mp4", "mov"):
        return {}
    unit = video.time_base.denominator
    # Of edit lists, which say when a track begins and ends: players drop what lies outside.
    common = math.lcm(unit, _EDITS)
    return {
        "movflags": "+faststart",
        "video_track_timescale": str(unit),
        "movie_timescale": str(common if common <= _FINEST else unit),
    }


def _add_video(out: "OutputContainer", video: Video, crf: int) -> "VideoStream":
    """The stream for the frames of a video, in its time base and with its colors named."""
    from av.codec.codec import UnknownCodecError

    name = _ENCODERS[video.container]
    settings = {"preset": "veryfast", "crf": str(crf)}
    if name == "libvpx-vp9":
        quality = round(crf * _VP9_WORST / _WORST)
        settings = {"crf": str(quality), "deadline": "good", "cpu-used": "5", "row-mt": "1"}
    rate = video.frame_rate or Fraction(25)
    try:
        stream = cast("VideoStream", out.add_stream(name, rate, options=settings))
    except UnknownCodecError:
        raise ValueError(f"expected PyAV with the encoder {name}, got one without") from None
    context = stream.codec_context
    context.height, context.width = video.size
    context.pix_fmt = video.pixel_format
    context.time_base = stream.time_base = video.time_base
    if video.pixel_aspect:
        context.sample_aspect_ratio = video.pixel_aspect
    tags = video.colors.tags
    context.colorspace, context.color_range, context.color_primaries, context.color_trc = tags
    return stream


def _cleaner(stream: "VideoStream") -> "Clean":
    """Takes out what x264 writes about itself into its packets: the SEI with its settings."""
    from av.bitstream import BitStreamFilterContext

    if stream.codec_context.name != "libx264":
        return lambda packet: [packet] if packet else []
    without = BitStreamFilterContext("filter_units=remove_types=6", in_stream=stream)
    return without.filter


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
    clean = _cleaner(stream)
    durations: dict[int, int] = {}

    def finished(packets: "Iterable[Encoded | None]") -> Iterator["Encoded"]:
        for packet in packets:
            for cleaned in clean(packet):
                cleaned.stream = stream
                if cleaned.pts is not None:
                    cleaned.duration = durations.pop(cleaned.pts, 0)
                yield cleaned

    for image, pts, duration in frames:
        frame = video.colors.from_rgb(image, video.pixel_format)
        frame.pts, frame.time_base = pts, video.time_base
        durations[pts] = duration
        yield from finished(stream.encode(frame))
    yield from finished([*stream.encode(None), None])


def _check_written(path: Path, timeline: Timeline) -> None:
    """Check that there is nothing but frames and sound, and every frame at its time."""
    with opened(path) as container:
        left = sorted(set(said_beside(container)))
        stream = main_stream(container)
        unit = stream.time_base or timeline.time_base
        times = array("q", sorted(p.pts for p in container.demux(stream) if p.pts is not None))
    if left:
        raise ValueError(f"expected only frames and sound in the result, got {left}")
    if len(times) != len(timeline.pts):
        raise ValueError(f"expected {len(timeline.pts)} frames to be written, got {len(times)}")
    for number, pts in enumerate(times):
        if abs(pts * unit - timeline.seconds(number)) > unit:
            raise ValueError(
                f"expected frame {number} to be written at {float(timeline.seconds(number))} s, "
                f"got {float(pts * unit)} s"
            )


def said_beside(container: "InputContainer") -> Iterator[str]:
    """Names of everything in a file besides frames and sound, as FFmpeg sees it."""
    from av.stream import Disposition

    entries = [container.metadata, *(stream.metadata for stream in container.streams)]
    for key, value in (item for said in entries for item in said.items()):
        if key not in _STRUCTURE and (key.lower(), value) not in _HARMLESS:
            yield f"metadata {key}"
    if container.chapters():
        yield "chapters"
    for stream in container.streams:
        context = stream.codec_context
        if stream.type not in ("video", "audio"):
            yield f"{stream.type} stream"
        elif stream.disposition & Disposition.attached_pic:
            yield "cover"
        elif context is not None and context.name in ("vorbis", "libvorbis"):
            _, comments, _ = xiph_packets(context.extradata or b"")
            if any(comments[7:15]):  # lengths of the vendor's name and of the list
                yield "comments in the sound"
    if len(container.streams.video) > 1:
        yield "further video stream"
