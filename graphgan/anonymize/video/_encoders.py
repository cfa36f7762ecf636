"""How each container is written: its muxer, its video codec, and no trace of either's version."""

import math
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    from graphgan.anonymize.video.reading import Video

BEST, WORST = 0, 51
"""The range of x264's rate factor."""

_VP9_WORST = 63
_EDITS = 1000  # units a second of edit lists in most files; sound begins at one of these
_FINEST = 10**6  # units a second with which a video of an hour fits 32 bits


class Muxer(NamedTuple):
    """A container's name in FFmpeg and the encoder of its video."""

    name: str
    encoder: str


MUXERS = {
    "mp4": Muxer("mp4", "libx264"),
    "mov": Muxer("mov", "libx264"),
    "matroska": Muxer("matroska", "libx264"),
    "webm": Muxer("webm", "libvpx-vp9"),
}


def muxer_options(video: "Video") -> dict[str, str]:
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


def add_video(out: "OutputContainer", video: "Video", crf: int) -> "VideoStream":
    """The stream for the frames of a video, in its time base and with its colours named.

    Raises:
        ValueError: the encoder is missing.
    """
    from av.codec.codec import UnknownCodecError

    name = MUXERS[video.container].encoder
    rate = video.frame_rate or Fraction(25)
    settings = _x264(crf) if name == "libx264" else _vp9(crf)
    try:
        stream = cast("VideoStream", out.add_stream(name, rate, options=settings))
    except UnknownCodecError:
        raise ValueError(f"expected a PyAV with the encoder {name}, got one without it") from None
    context = stream.codec_context
    context.height, context.width = video.size
    context.pix_fmt = pixel_format(video)
    context.time_base = stream.time_base = video.time_base
    if video.pixel_aspect:
        context.sample_aspect_ratio = video.pixel_aspect
    tags = video.colors.tags
    context.colorspace, context.color_range, context.color_primaries, context.color_trc = tags
    return stream


def pixel_format(video: "Video") -> str:
    """4:2:0; but H.264 has no odd sizes in it, and the picture is to stay whole."""
    odd = video.size[0] % 2 or video.size[1] % 2
    return "yuv444p" if odd and MUXERS[video.container].encoder == "libx264" else "yuv420p"


def _x264(crf: int) -> dict[str, str]:
    return {"preset": "veryfast", "crf": str(crf)}


def _vp9(crf: int) -> dict[str, str]:
    quality = round(crf * _VP9_WORST / WORST)
    return {"crf": str(quality), "deadline": "good", "cpu-used": "5", "row-mt": "1"}


class Cleaner:
    """Take out what x264 writes about itself into the stream: the SEI with its settings."""

    def __init__(self, stream: "VideoStream") -> None:
        from av.bitstream import BitStreamFilterContext

        self._filter = None
        if stream.codec_context.name == "libx264":
            self._filter = BitStreamFilterContext("filter_units=remove_types=6", in_stream=stream)

    def __call__(self, packet: "Packet[VideoStream] | None") -> "list[Packet[VideoStream]]":
        """The packets without it; None at the end."""
        if self._filter is None:
            return [packet] if packet else []
        return self._filter.filter(packet)
