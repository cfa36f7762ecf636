"""Videos of every kind, made by PyAV itself, with moving pictures, a tone and secrets."""

import math
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import torch
from torch import Tensor


class Kind(NamedTuple):
    """How samples of a container are made, and what is known of them."""

    codec: str
    sound: str
    time_base: Fraction
    codec_read: str
    written_as: str


KINDS = {
    "mp4": Kind("libx264", "aac", Fraction(1, 12800), "h264", "mp4"),
    "m4v": Kind("mpeg4", "aac", Fraction(1, 12800), "mpeg4", "mp4"),
    "mov": Kind("libx264", "pcm_s16le", Fraction(1, 600), "h264", "mov"),
    "mkv": Kind("libx264", "flac", Fraction(1, 1000), "h264", "matroska"),
    "webm": Kind("libvpx", "libopus", Fraction(1, 1000), "vp8", "webm"),
    "avi": Kind("mpeg4", "mp2", Fraction(1, 25), "mpeg4", "matroska"),
    "ts": Kind("libx264", "aac", Fraction(1, 90000), "h264", "matroska"),
    "flv": Kind("libx264", "aac", Fraction(1, 1000), "h264", "matroska"),
}
"""By suffix."""

OPTIONS = {
    "libx264": {"preset": "ultrafast"},
    "mpeg4": {"qmax": "3"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "4", "b": "2M"},
}

UNEVEN = (0, 1, 2, 5, 6, 9, 10, 11, 15, 16)
"""Twenty-fifths of a second at which the frames of samples are shown, where that can be."""

SECRET = "secret-garden"
LOCATION = "+48.8577+002.2950/"
SIZE = (48, 64)
RATE = 25


def picture(number: int, size: tuple[int, int] = SIZE) -> Tensor:
    """Soft colors that move by a pixel a frame, and a gray level that counts the frames."""
    rows, columns = torch.meshgrid(*map(torch.arange, size), indexing="ij")
    waves = [(columns + 2 * number) / 9, (rows - number) / 7, (rows + columns + number) / 11]
    image = torch.stack([128 + 70 * torch.sin(wave) for wave in waves])
    image[:, :8, :8] = 40 + 10 * (number % 20)
    return image.round().byte()


def number_of(image: Tensor) -> int:
    """Which frame it is, of 20."""
    return round((image[:, 1:7, 1:7].float().mean().item() - 40) / 10)


def frame_of(image: Tensor, pixel_format: str = "yuv420p", **options: int) -> av.VideoFrame:
    rgb = av.VideoFrame.from_ndarray(image.permute(1, 2, 0).contiguous().numpy(), "rgb24")
    return rgb.reformat(format=pixel_format, **options)


def write_kind(folder: Path, kind: str, **options: object) -> tuple[Path, Fraction]:
    """Ten frames and a tone; the file and the unit of its times."""
    codec, sound, time_base, *_ = KINDS[kind]
    times = range(10) if kind == "avi" else UNEVEN
    units = [int(Fraction(number, 25) / time_base) for number in times]
    path = folder / f"source.{kind}"
    options = {"codec": codec, "sound": sound, "time_base": time_base, "times": units} | options
    return write_sample(path, **options), time_base


def planes_of(frame: av.VideoFrame) -> np.ndarray:
    """Y, Cb and Cr of a planar frame, ``3 h w``; chroma repeated for the pixels that share it."""
    planes = []
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width]
        planes.append(
            rows.repeat(frame.height // plane.height, 0).repeat(frame.width // plane.width, 1)
        )
    return np.stack(planes)


def plain_rgb(planes: np.ndarray, matrix: int, full: bool) -> np.ndarray:
    """The formula of BT.601 and BT.709, of planes ``3 h w`` of Y, Cb and Cr; 0 to 255."""
    red, blue = (0.2126, 0.0722) if matrix == 1 else (0.299, 0.114)
    y, cb, cr = planes.astype(float)
    y, cb, cr = (
        (y / 255, (cb - 128) / 255, (cr - 128) / 255)
        if full
        else ((y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224)
    )
    r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / (1 - red - blue)
    return (255 * np.stack([r, g, b])).clip(0, 255)


def write_sample(
    path: Path,
    container: str | None = None,
    *,
    codec: str = "libx264",
    size: tuple[int, int] = SIZE,
    times: Sequence[int] = range(10),
    time_base: Fraction = Fraction(1, RATE),
    pixel_format: str = "yuv420p",
    sound: str | tuple[str, ...] = (),
    layout: str = "mono",
    sound_options: dict[str, str] | None = None,
    sound_start: Fraction = Fraction(0),
    video: bool = True,
    secrets: bool = False,
    cover: bool = False,
    rotation: int = 0,
    mirrored: bool = False,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    images: Sequence[Tensor] | None = None,
    **attributes: object,
) -> Path:
    """A video of one frame at each of the times."""
    options = OPTIONS.get(codec, {}) | (options or {})
    with av.open(
        str(path), "w", format=container, container_options=container_options or {}
    ) as out:
        if secrets:
            add_secrets(out)
        stream = None
        if video:
            stream = out.add_stream(codec, RATE, options=options)
            stream.codec_context.height, stream.codec_context.width = size
            stream.pix_fmt = pixel_format
            stream.codec_context.time_base = stream.time_base = time_base
            for name, value in attributes.items():
                setattr(stream.codec_context, name, value)
            if rotation or mirrored:
                stream.set_display_rotation(rotation, mirrored)
            if secrets:
                stream.metadata.update(title=SECRET, language="fra", handler_name=SECRET)
                stream.metadata["timecode"] = "01:02:03:04"
        codecs = (sound,) if isinstance(sound, str) else sound
        tracks = [add_sound(out, codec, layout, sound_options, secrets) for codec in codecs]
        extra = add_extras(out, cover) if secrets or cover else []
        if stream:
            for number, pts in enumerate(times):
                image = images[number] if images else picture(number, size)
                frame = frame_of(image, pixel_format)
                frame.pts, frame.time_base = pts, time_base
                for name in ("colorspace", "color_range", "color_primaries", "color_trc"):
                    if name in attributes:
                        setattr(frame, name, attributes[name])
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        for packet, track in extra:
            packet.stream = track
            out.mux_one(packet)
        for tone in tracks:
            seconds = float((max(times) - min(times) + 1) * time_base) if video else 1.0
            for frame in tones(tone, seconds, sound_start):
                out.mux(tone.encode(frame))
            out.mux(tone.encode(None))
    return path


def add_secrets(out: av.container.OutputContainer) -> None:
    """Names, a place, a time and chapters."""
    out.metadata.update(
        title=SECRET,
        comment=SECRET,
        location=LOCATION,
        creation_time="2021-03-04T05:06:07",
        artist=SECRET,
        encoder=SECRET,
    )
    out.set_chapters(
        [
            {
                "id": 1, "start": 0, "end": 200, "time_base": Fraction(1, 1000),
                "metadata": {"title": SECRET},
            }
        ]
    )  # fmt: skip


def add_sound(out, codec: str, layout: str, options: dict[str, str] | None, secrets: bool):
    tone = out.add_stream(codec, rate=48000, layout=layout, options=options)
    if secrets:
        tone.metadata.update(title=SECRET, language="fra", handler_name=SECRET)
    return tone


def tones(tone, seconds: float, start: Fraction = Fraction(0), pitch: float = 440.0):
    """Frames of a sine."""
    size = 960
    for at in range(0, math.ceil(seconds * 48000), size):
        phase = 2 * math.pi * pitch * (at + np.arange(size)) / 48000
        samples = (8000 * np.sin(phase)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
        frame.pts = at + round(start * 48000)
        yield frame


def add_extras(out, cover: bool):
    """Subtitles; a cover; in Matroska an attached file: streams and what goes into them."""
    matroska = out.format.name in ("matroska", "webm")
    subtitles = out.add_mux_stream("subrip" if out.format.name == "matroska" else SUBTITLES)
    subtitles.time_base = Fraction(1, 1000)
    text = SECRET.encode()
    words = av.Packet(text if matroska else len(text).to_bytes(2) + text)
    words.pts = words.dts = 0
    words.duration, words.time_base = 200, Fraction(1, 1000)
    extras = [(words, subtitles)]
    if out.format.name == "matroska":
        out.add_attachment("notes.txt", "text/plain", SECRET.encode())
        if cover:
            out.add_attachment("cover.jpg", "image/jpeg", jpeg())
    elif cover:
        picture_track = out.add_mux_stream("mjpeg", width=SIZE[1], height=SIZE[0])
        picture_track.disposition = av.stream.Disposition.attached_pic
        image = av.Packet(jpeg())
        image.pts = image.dts = 0
        image.time_base, image.is_keyframe = Fraction(1, 1000), True
        extras.append((image, picture_track))
    return extras


SUBTITLES = "mov_text"


def jpeg() -> bytes:
    """A picture that is none of the video's."""
    context = av.CodecContext.create("mjpeg", "w")
    context.height, context.width = SIZE
    context.pix_fmt, context.time_base = "yuvj420p", Fraction(1, 25)
    frame = frame_of(picture(19), "yuvj420p")
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return b"".join(bytes(p) for p in [*context.encode(frame), *context.encode(None)])


def write_camera_recording(path: Path, law: int = 7) -> Path:
    """Matroska as IP cameras write it: H.264, and noise in G.711's mu-law (7) or A-law (6).

    PyAV does not write such tracks: bytes of another kind are given their names.
    """
    noise = np.random.default_rng(0).integers(0, 256, 6400, dtype=np.uint8).tobytes()
    room = "x" * 18
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", RATE, options=OPTIONS["libx264"])
        stream.codec_context.height, stream.codec_context.width = SIZE
        stream.pix_fmt = "yuv420p"
        tone = out.add_stream("pcm_u8", rate=8000, layout="mono")
        tone.metadata["title"] = room
        for number in range(20):
            frame = frame_of(picture(number))
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        for at in range(0, len(noise), 160):
            packet = av.Packet(noise[at : at + 160])
            packet.pts = packet.dts = at
            packet.time_base, packet.duration, packet.stream = Fraction(1, 8000), 160, tone
            out.mux_one(packet)
    header = struct.pack("<HHIIHHH", law, 1, 8000, 8000, 1, 8, 0)
    data = path.read_bytes()
    for old, new in (
        (b"\x86\x8dA_PCM/INT/LIT", b"\x86\x88A_MS/ACM\xec\x83\0\0\0"),
        (b"\x53\x6e\x92" + room.encode(), b"\x63\xa2\x92" + header),
    ):
        assert data.count(old) == 1
        data = data.replace(old, new)
    path.write_bytes(data)
    return path
