"""Videos of every kind, made by PyAV itself, with moving pictures, a tone and secrets."""

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from torch import Tensor

SECRET = "secret-garden"
LOCATION = "+48.8577+002.2950/"
SIZE = (48, 64)
RATE = 25


def picture(number: int, size: tuple[int, int] = SIZE) -> Tensor:
    """Soft colours that move by a pixel a frame, and a grey level that counts the frames."""
    rows, columns = torch.meshgrid(*map(torch.arange, size), indexing="ij")
    waves = [
        (columns + 2 * number) / 9,
        (rows - number) / 7,
        (rows + columns + number) / 11,
    ]
    image = torch.stack([128 + 70 * torch.sin(wave) for wave in waves])
    image[:, :8, :8] = 40 + 8 * (number % 20)
    return image.round().byte()


def number_of(image: Tensor) -> int:
    """Which frame it is, of 20."""
    return round((image[:, 1:7, 1:7].float().mean().item() - 40) / 8)


def frame_of(image: Tensor, pixel_format: str = "yuv420p", **options: int) -> av.VideoFrame:
    rgb = av.VideoFrame.from_ndarray(image.permute(1, 2, 0).contiguous().numpy(), "rgb24")
    return rgb.reformat(format=pixel_format, **options)


def write_sample(
    path: Path,
    container: str | None = None,
    *,
    codec: str = "libx264",
    size: tuple[int, int] = SIZE,
    times: Sequence[int] = range(10),
    time_base: Fraction = Fraction(1, RATE),
    pixel_format: str = "yuv420p",
    sound: str | None = None,
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
    options = {"preset": "ultrafast"} | (options or {}) if codec == "libx264" else options
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
        tone = add_sound(out, sound, secrets) if sound else None
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
        if tone:
            seconds = float((max(times) + 1) * time_base) if video else 1.0
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


def add_sound(out, codec: str, secrets: bool):
    tone = out.add_stream(codec, rate=48000, layout="mono")
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
