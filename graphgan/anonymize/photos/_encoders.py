"""A photo to the bytes of a file: pixels, structure, resolution and ICC profile, nothing else."""

import io
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphgan.anonymize.photos.photo import Frame, Photo

if TYPE_CHECKING:
    from PIL.Image import Image

QUALITY = 95  # of lossy files whose own is not known: hardly any visible loss
PNG_LEVEL = 1  # three times as fast as Pillow's default for 7 % more bytes
_GIF_COLORS = 256
_GIF_LONGEST = 655_350  # milliseconds of a frame
_PNG_LONGEST, _WEBP_LONGEST = 65_535_000, 2**24 - 1  # milliseconds of a frame

_PREDICTOR, _DIFFERENCES = 317, 2  # TIFF tag: neighbors are subtracted before they are packed


def encode_jpeg(photo: Photo) -> bytes:
    """Baseline or progressive with the source's tables and subsampling, or quality 95."""
    options = dict(photo.encoding)
    if "qtables" not in options:
        options = {"quality": QUALITY, "subsampling": 0}
    return _saved(photo.frames[0], "JPEG", **options)


def encode_png(photo: Photo) -> bytes:
    """One picture, or an animation whose frames replace the part that differs."""
    from PIL.PngImagePlugin import PngInfo

    colors = PngInfo()
    for name, payload in photo.encoding.get("chunks", ()):
        colors.add(name, payload)
    options: dict[str, Any] = {"compress_level": PNG_LEVEL, "pnginfo": colors}
    if len(photo.frames) == 1:
        return _saved(photo.frames[0], "PNG", **options)
    still = bool(photo.encoding.get("default_image"))  # the first is shown by still viewers only
    options |= {"default_image": still, "loop": photo.loop or 0}
    durations = [min(frame.duration or 0, _PNG_LONGEST) for frame in photo.frames[still:]]
    return _saved_all(photo.frames, "PNG", duration=durations, **options)


def encode_tiff(photo: Photo) -> bytes:
    """Pages packed by LZW, whatever the source's compression was; deflating takes far longer."""
    tags = {_PREDICTOR: _DIFFERENCES}
    return _saved_all(photo.frames, "TIFF", compression="tiff_lzw", tiffinfo=tags)


def encode_webp(photo: Photo) -> bytes:
    """Lossless with the colors of transparent pixels where the source is, or quality 95."""
    options = {"lossless": bool(photo.encoding.get("lossless")), "exact": True, "quality": QUALITY}
    if len(photo.frames) == 1:
        return _saved(photo.frames[0], "WEBP", **options)
    # With alpha every frame whole: where one is transparent, libwebp would show the one before.
    whole = any(frame.alpha is not None for frame in photo.frames)
    options |= {"method": 4, "kmin": 0, "kmax": 1 if whole else 0}
    durations = [min(round(frame.duration or 0), _WEBP_LONGEST) for frame in photo.frames]
    return _saved_all(photo.frames, "WEBP", duration=durations, loop=photo.loop or 0, **options)


def encode_bmp(photo: Photo) -> bytes:
    """By Pillow, or with a header that says where alpha is, which Pillow does not write."""
    frame = photo.frames[0]
    if len(frame.pixels) != 4:
        return _saved(frame, "BMP")
    height, width = frame.size
    rows = frame.pixels.numpy()[[2, 1, 0, 3]].transpose(1, 2, 0)[::-1].tobytes()
    dots = [round(d / 0.0254) for d in frame.resolution or (96, 96)]
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(rows), *dots, 0, 0)
    info += struct.pack("<4I4s48x", *masks, b"BGRs")  # sRGB
    offset = 14 + len(info)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + info + rows


def encode_gif(photo: Photo) -> bytes:
    """Every frame with its own colors; reduced to 256 only where there are more."""
    pictures = [_palette_picture(frame, number) for number, frame in enumerate(photo.frames)]
    options: dict[str, Any] = {"optimize": False}
    options["duration"] = [
        min(10 * round((frame.duration or 0) / 10), _GIF_LONGEST) for frame in photo.frames
    ]
    if len(pictures) > 1:
        if photo.loop is not None:
            options["loop"] = photo.loop
        if photo.frames[0].alpha is not None:
            options["disposal"] = 2  # what is transparent must not show the frame before
        options |= {"save_all": True, "append_images": pictures[1:]}
    else:
        options["duration"] = options["duration"][0]
    data = io.BytesIO()
    pictures[0].save(data, "GIF", **options)
    return data.getvalue()


def _palette_picture(frame: Frame, number: int) -> "Image":
    from PIL import Image

    pixels = frame.pixels
    colors = pixels[: 3 if len(pixels) > 2 else 1].expand(3, -1, -1)
    rgb = np.array(colors.permute(1, 2, 0))
    if frame.alpha is None:  # so many or fewer colors stay as they are when it is quantized
        return Image.fromarray(rgb).quantize(_GIF_COLORS, dither=Image.Dither.NONE)
    visible = pixels[-1].numpy() > 127
    rgb[~visible] = rgb[visible][0] if visible.any() else 0  # takes up no color
    clear = _GIF_COLORS - 1
    reduced = Image.fromarray(rgb).quantize(clear, dither=Image.Dither.NONE)
    picture = Image.fromarray(np.where(visible, np.asarray(reduced), clear).astype(np.uint8))
    palette = [*(reduced.getpalette() or []), *[0] * 3 * _GIF_COLORS][: 3 * clear]
    # Of every frame another one, or Pillow breaks the file at a frame of nothing else.
    picture.putpalette([*palette, number % 256, number // 256 % 256, 0])
    picture.info["transparency"] = clear
    return picture


ENCODERS: dict[str, Callable[[Photo], bytes]] = {
    "JPEG": encode_jpeg,
    "PNG": encode_png,
    "WEBP": encode_webp,
    "GIF": encode_gif,
    "TIFF": encode_tiff,
    "BMP": encode_bmp,
}


def _saved(frame: Frame, file_format: str, **options: Any) -> bytes:
    """A frame as a whole file, with its profile and resolution."""
    data = io.BytesIO()
    _with_profile(frame).save(data, file_format, **options)
    return data.getvalue()


def _saved_all(frames: Sequence[Frame], file_format: str, **options: Any) -> bytes:
    """Pages or an animation as a whole file, each with the profile and resolution it may have."""
    pictures = [_with_profile(frame) for frame in frames]
    data = io.BytesIO()
    pictures[0].save(data, file_format, save_all=True, append_images=pictures[1:], **options)
    return data.getvalue()


def _with_profile(frame: Frame) -> "Image":
    picture = _picture_of(frame)
    own: dict[str, Any] = {}
    if frame.icc_profile is not None:
        own["icc_profile"] = frame.icc_profile
    if frame.resolution is not None:
        own["dpi"] = frame.resolution
    picture.encoderinfo = own
    return picture


def _picture_of(frame: Frame) -> "Image":
    """The pixels of a frame, without its profile and resolution."""
    from PIL import Image

    pixels = frame.pixels.numpy().transpose(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
