"""Sound tracks carried over as they are, packet by packet, beside the frames."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Final, cast

from graphgan.anonymize.video._source import demuxed, opened

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet

    from graphgan.anonymize.video.reading import Video

    Sound = Packet[AudioStream]

# A Vorbis comment header without a vendor or a comment; the last bit is its end (Vorbis I, 5.2.1).
_NO_COMMENTS = b"\x03vorbis" + bytes(8) + b"\x01"
# How players trim a codec's padding; all else beside the samples stays behind.
_TRIMMING: Final = "skip_samples"


class SoundTracks:
    """Sound muxed as far as the frames have come.

    Args:
        video: that it belongs to.
        out: gets a track for each of the tracks.
        tracks: of a source that is open.
        take: gives their next packet, None where there is none (yet).
    Raises:
        ValueError: a codec that the container does not hold.
    """

    def __init__(
        self,
        video: "Video",
        out: "OutputContainer",
        tracks: "Sequence[AudioStream]",
        take: "Callable[[], Sound | None]",
    ) -> None:
        self._out = out
        self._start = video.start
        self._copies = {track.index: copy_stream(out, track, video.container) for track in tracks}
        self._take = take
        self._ends: dict[int, int] = {}
        self._next: tuple[Fraction, Sound] | None = None

    def mux_until(self, seconds: Fraction | None) -> None:
        """Write what begins by then, or all that is left."""
        while (packet := self._peek()) and (seconds is None or packet[0] <= seconds):
            self._out.mux_one(packet[1])
            self._next = None

    def _peek(self) -> "tuple[Fraction, Sound] | None":
        if self._next is None and (packet := self._take()) is not None:
            self._next = self._copied(packet)
        return self._next

    def _copied(self, packet: "Sound") -> "tuple[Fraction, Sound]":
        import av

        track, time_base = packet.stream_index, packet.time_base
        shift = round(self._start / time_base)
        copy = cast("Sound", av.Packet(bytes(packet)))
        dts = packet.dts if packet.dts is not None else packet.pts
        copy.dts = self._ends.get(track, 0) if dts is None else dts - shift
        copy.pts = copy.dts if packet.pts is None else packet.pts - shift
        copy.duration, copy.time_base = packet.duration or 0, time_base
        copy.is_keyframe = True
        copy.stream = self._copies[track]
        self._ends[track] = copy.dts + copy.duration
        if packet.has_sidedata(_TRIMMING):
            copy.set_sidedata(packet.get_sidedata(_TRIMMING))
        return copy.dts * time_base, copy


@contextmanager
def sound_of_file(video: "Video", out: "OutputContainer") -> Iterator[SoundTracks]:
    """The sound of a video file, read once more."""
    from av.stream import Discard

    with ExitStack() as opening:
        source = opening.enter_context(opened(video.path))
        for stream in source.streams:
            stream.discard = Discard.default if stream.type == "audio" else Discard.all
        tracks = source.streams.audio
        packets = (packet for packet in demuxed(source, tracks, []) if packet.size)
        sound = SoundTracks(video, out, tracks, lambda: next(packets, None))
        closing = opening.pop_all()
    try:
        yield sound
    finally:
        closing.close()  # what goes wrong in between is not the source's fault


def copy_stream(out: "OutputContainer", track: "AudioStream", container: str) -> "AudioStream":
    """A track of the same codec, without a name, a language or comments.

    Raises:
        ValueError: the container does not hold the codec.
    """
    codec = track.codec_context.name if track.codec_context else "unknown"
    try:
        copy = out.add_stream_from_template(track)
    except ValueError:
        raise ValueError(
            f"expected sound that {container} holds, got {codec}; it can only be dropped"
        ) from None
    if track.codec_context.codec.canonical_name == "vorbis":
        copy.codec_context.extradata = without_comments(track.codec_context.extradata or b"")
    return copy


def without_comments(headers: bytes) -> bytes:
    """Vorbis' three headers, laced as in Xiph's formats, with the second one empty."""
    first, _, third = xiph_packets(headers)
    sizes = b"".join(
        b"\xff" * (len(p) // 255) + bytes([len(p) % 255]) for p in (first, _NO_COMMENTS)
    )
    return b"\x02" + sizes + first + _NO_COMMENTS + third


def xiph_packets(headers: bytes) -> tuple[bytes, bytes, bytes]:
    """The three packets of a Vorbis stream's private data.

    Raises:
        ValueError: there are not three.
    """
    if headers[:1] != b"\x02":
        raise ValueError("expected Vorbis headers, got other bytes")
    sizes: list[int] = []
    at = 1
    while len(sizes) < 2:
        size = 0
        while headers[at : at + 1] == b"\xff":
            size, at = size + 255, at + 1
        sizes.append(size + (headers[at] if at < len(headers) else 0))
        at += 1
    a, b = at + sizes[0], at + sum(sizes)
    return headers[at:a], headers[a:b], headers[b:]
