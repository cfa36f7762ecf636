"""Sound tracks: copied packet by packet, or compressed again."""

import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Final, cast

from graphgan.anonymize.video._demuxing import demuxed, opened

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet

    from graphgan.anonymize.video._reading import Video

    Sound = Packet[AudioStream]

# A Vorbis comment header without a vendor or a comment; the last bit is its end (Vorbis I, 5.2.1).
_NO_COMMENTS = b"\x03vorbis" + bytes(8) + b"\x01"
# How players trim a codec's padding; all else beside the samples stays behind.
_TRIMMING: Final = "skip_samples"
_BITEXACT = 1 << 23  # AV_CODEC_FLAG_BITEXACT: no version of the encoder
_BITS_PER_CHANNEL = 96_000  # a second
_ENCODERS = {"webm": ("libopus", "Opus")}
_AAC = ("aac", "AAC")
_CHANNELS = 2  # of sound that is compressed again: of more, encoders refuse some layouts
_ROUNDING = Fraction(1, 50)  # seconds


class SoundTracks:
    """Sound muxed as far as the frames have come, each track on its own.

    A track is copied if the container supports it, compressed again otherwise, and dropped if it
    cannot be decoded.

    Args:
        video: that it belongs to.
        out: gets a track for each that is kept.
        tracks: of a source that is open.
        take: gives their next packet, None where there is none (yet).
    Attributes:
        kept: how many tracks there are.
        notes: what became of those that are not copied.
    """

    def __init__(
        self,
        video: "Video",
        out: "OutputContainer",
        tracks: "Sequence[AudioStream]",
        take: "Callable[[], Sound | None]",
    ) -> None:
        self._out = out
        self._take = take
        self._ready = deque["Sound"]()
        self._tracks: dict[int, _Copied | _Encoded] = {}
        self.notes: list[str] = []
        for track in tracks:
            self._add(video, track)
        self.kept = len(self._tracks)

    def mux_until(self, seconds: Fraction | None) -> None:
        """Write what begins by then, or all that is left."""
        while (packet := self._peek()) and (seconds is None or _begin(packet) <= seconds):
            self._out.mux_one(self._ready.popleft())
        if seconds is None:
            for track in self._tracks.values():
                for packet in track.last():
                    self._out.mux_one(packet)

    def _peek(self) -> "Sound | None":
        while not self._ready and (packet := self._take()) is not None:
            if (track := self._tracks.get(packet.stream_index)) is not None:
                self._ready.extend(track.written(packet))
        return self._ready[0] if self._ready else None

    def _add(self, video: "Video", track: "AudioStream") -> None:
        codec = track.codec_context.name if track.codec_context else "of an unknown kind"
        if holds(video.container, track):
            self._tracks[track.index] = _Copied(self._out, track, video.start)
            return
        encoder, name = _ENCODERS.get(video.container, _AAC)
        if (stream := _encoder(self._out, track, encoder)) is not None:
            self._tracks[track.index] = _Encoded(stream, video.start)
            self.notes.append(f"a sound track ({codec}) was compressed again as {name}")
        else:
            self.notes.append(f"a sound track ({codec}) was dropped: it cannot be read")


class _Copied:
    """Packets of a track as they are, without what they carry beside sound."""

    def __init__(self, out: "OutputContainer", track: "AudioStream", start: Fraction) -> None:
        self._copy = copy_stream(out, track)
        self._start = start
        self._end = 0

    def written(self, packet: "Sound") -> "list[Sound]":
        """What a packet of the source becomes."""
        import av

        time_base = packet.time_base
        shift = round(self._start / time_base)
        copy = cast("Sound", av.Packet(bytes(packet)))
        dts = packet.dts if packet.dts is not None else packet.pts
        copy.dts = self._end if dts is None else dts - shift
        copy.pts = copy.dts if packet.pts is None else packet.pts - shift
        copy.duration, copy.time_base = packet.duration or 0, time_base
        copy.is_keyframe = True
        copy.stream = self._copy
        self._end = copy.dts + copy.duration
        if packet.has_sidedata(_TRIMMING):
            copy.set_sidedata(packet.get_sidedata(_TRIMMING))
        return [copy]

    def last(self) -> "list[Sound]":
        """What is left at the end."""
        return []


class _Encoded:
    """Sound decoded and compressed again; what cannot be decoded is left out, as players do."""

    def __init__(self, encoder: "AudioStream", start: Fraction) -> None:
        self._encoder = encoder
        self._start = start
        self._end: Fraction | None = None
        self._seen: Sound | None = None

    def written(self, packet: "Sound") -> "Iterator[Sound]":
        """What a packet of the source becomes."""
        import av

        self._seen = packet
        try:
            frames = packet.decode()
        except av.FFmpegError:
            return
        for frame in frames:
            yield from self._encoded(frame)

    def _encoded(self, frame: "AudioFrame") -> "list[Sound]":
        unit, end = Fraction(1, frame.sample_rate), self._end
        begin = end or Fraction(0)
        if frame.pts is not None and frame.time_base is not None:
            given = frame.pts * frame.time_base - self._start
            # What containers round is no gap, and nothing goes back in time.
            begin = given if end is None or given > end + _ROUNDING else end
        frame.time_base, frame.pts = unit, round(begin / unit)
        self._end = begin + frame.samples * unit
        return self._encoder.encode(frame)

    def last(self) -> "Iterator[Sound]":
        """What is left at the end."""
        import av

        if self._seen is not None:
            end = av.Packet()
            end.stream = self._seen.stream
            yield from self.written(cast("Sound", end))
        if self._end is not None:
            yield from self._encoder.encode(None)


def _begin(packet: "Sound") -> Fraction:
    return (packet.dts or 0) * packet.time_base


def holds(container: str, track: "AudioStream") -> bool:
    """Whether a track can be copied into a container, found out by writing a test file."""
    import av

    try:
        with av.open(io.BytesIO(), "w", format=container) as out:
            copy_stream(out, track)
            out.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    return True


def _encoder(out: "OutputContainer", track: "AudioStream", codec: str) -> "AudioStream | None":
    """A track of sound that is compressed again; None where it cannot be."""
    import av

    context = track.codec_context
    if context is None or not context.sample_rate or not context.layout.nb_channels:
        return None
    channels = min(context.layout.nb_channels, _CHANNELS)
    try:
        rates = av.Codec(codec, "w").audio_rates or [context.sample_rate]
        rate = min((r for r in rates if r >= context.sample_rate), default=max(rates))
        layout = "mono" if channels == 1 else "stereo"
        stream = cast("AudioStream", out.add_stream(codec, rate=rate, layout=layout))
    except (ValueError, av.FFmpegError):  # this PyAV was built without it
        return None
    stream.codec_context.flags |= _BITEXACT
    stream.codec_context.bit_rate = min(_BITS_PER_CHANNEL, 4 * rate) * channels
    return stream


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


def copy_stream(out: "OutputContainer", track: "AudioStream") -> "AudioStream":
    """A track of the same codec, without a name, a language or comments."""
    copy = out.add_stream_from_template(track)
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
    """The three packets of a Vorbis stream's private data."""
    if headers[:1] != b"\x02":
        raise ValueError("expected Vorbis headers, got other bytes")
    sizes, at = [0, 0], 1
    for number in range(2):  # each the sum of bytes up to the first below 255
        rest = headers[at:].lstrip(b"\xff")
        full = len(headers) - at - len(rest)
        sizes[number] = 255 * full + (rest[0] if rest else 0)
        at += full + 1
    a, b = at + sizes[0], at + sum(sizes)
    return headers[at:a], headers[a:b], headers[b:]
