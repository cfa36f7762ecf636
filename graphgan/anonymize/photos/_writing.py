"""Write photos: pixels, structure, resolution and ICC profile, and nothing else of the source."""

import io
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphgan.anonymize.photos._containers import png_chunks
from graphgan.anonymize.photos._photo import Frame, Photo
from graphgan.data._images import decoded_picture
from graphgan.extras import needs_extra
from graphgan.files import replacing

if TYPE_CHECKING:
    from PIL.Image import Image

_WITH_FRAMES = ("PNG", "WEBP", "GIF", "TIFF")
_CHANNELS = {"JPEG": (1, 3), "WEBP": (3, 4), "GIF": (3, 4), "BMP": (1, 3, 4)}  # others: any
_DEEP = ("PNG", "TIFF")
_QUALITY = 95  # of lossy files whose own is not known: hardly any visible loss
_PNG_LEVEL = 1  # three times as fast as Pillow's default for 7 % more bytes
_GIF_COLORS = 256
_GIF_LONGEST = 655_350  # milliseconds of a frame
_PNG_LONGEST, _WEBP_LONGEST = 65_535_000, 2**24 - 1  # milliseconds of a frame

_PREDICTOR, _DIFFERENCES = 317, 2  # TIFF tag: neighbors are subtracted before they are packed
# Size, depth, colors, where the pixels lie and how they are packed, resolution, ICC profile.
_TIFF_TAGS = {*range(254, 260), 262, 266, 273, 277, 278, 279, 282, 283, 284, 296, 317, 338, 339}
_TIFF_TAGS |= {34675}
_PNG_PARTS = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "pHYs", "iCCP", "sRGB", "gAMA", "cHRM"}
_PNG_PARTS |= {"cICP", "acTL", "fcTL", "fdAT"}
_STRUCTURE = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "adobe", "adobe_transform"}
_STRUCTURE |= {"progressive", "progression", "dpi", "resolution", "icc_profile"}
_STRUCTURE |= {"transparency", "loop", "duration"}
_STRUCTURE |= {"background", "version", "extension", "compression", "timestamp", "disposal"}
_STRUCTURE |= {"blend", "bbox"}
"""Of `PIL.Image.Image.info`, without texts, comments and EXIF."""


def write_photo(path: str | Path, photo: Photo) -> None:
    """Write a photo in its own format, whatever the suffix is; complete or not at all.

    Unchanged pixels stay bit by bit in lossless files: PNG, TIFF, BMP, lossless WebP, and GIF with
    at most 256 colors per frame. JPEG is compressed with the tables and subsampling of the source
    (quality 95 if it has none), lossy WebP with quality 95. Equal successive frames of an animated
    PNG become one, which is shown for as long.

    Raises:
        ValueError: frames that the format cannot hold.
        OSError: the file cannot be written.
    """
    data = photo_to_bytes(photo, str(path))
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def photo_to_bytes(photo: Photo, name: str) -> bytes:
    """The bytes that `write_photo` would write.

    Raises:
        ValueError: frames that the format cannot hold; the error starts with ``name``.
    """
    with needs_extra("recipes"):
        import PIL  # noqa: F401
    _check_fits(name, photo)
    data = _ENCODERS[photo.format](photo)
    if left := _said(data, photo.format):  # by another version of Pillow, say
        raise ValueError(f"{name}: expected only pixels in the result, got {sorted(left)}")
    return data


def _said(data: bytes, file_format: str) -> set[str]:
    """What a file says beside pixels, structure, resolution and ICC profile, as Pillow reads it."""
    if file_format == "PNG":  # Pillow refuses large profiles
        return {name for name, _ in png_chunks(data)} - _PNG_PARTS
    with decoded_picture(io.BytesIO(data), "the result", (file_format,)) as image:
        said = {str(key) for key in image.info} - _STRUCTURE
        for page in range(getattr(image, "n_frames", 1) if file_format == "TIFF" else 0):
            image.seek(page)
            said |= {f"tag {tag}" for tag in getattr(image, "tag_v2", ()) if tag not in _TIFF_TAGS}
    return said


def _check_fits(name: str, photo: Photo) -> None:
    if photo.format not in _ENCODERS:
        raise ValueError(f"{name}: expected one of {', '.join(_ENCODERS)}, got {photo.format}")
    if not photo.frames or (len(photo.frames) > 1 and photo.format not in _WITH_FRAMES):
        raise ValueError(f"{name}: {photo.format} does not hold {len(photo.frames)} frames")
    for frame in photo.frames:
        channels, deep = len(frame.pixels), frame.pixels.dtype != torch.uint8
        if channels not in _CHANNELS.get(photo.format, (1, 2, 3, 4)):
            raise ValueError(f"{name}: {photo.format} does not hold {channels} channels")
        if deep and (photo.format not in _DEEP or photo.is_animation):
            raise ValueError(
                f"{name}: {photo.format} does not support 16 bits, or not in animations"
            )
    shapes = {(*frame.pixels.shape, frame.pixels.dtype) for frame in photo.frames}
    if photo.format != "TIFF" and len(shapes) > 1:
        raise ValueError(f"{name}: expected frames of one shape, got {sorted(map(str, shapes))}")


def _encode_jpeg(photo: Photo) -> bytes:
    """Baseline or progressive with the source's tables and subsampling, or quality 95."""
    options = dict(photo.encoding)
    if "qtables" not in options:
        options = {"quality": _QUALITY, "subsampling": 0}
    return _saved(_pictures(photo), "JPEG", **options)


def _encode_png(photo: Photo) -> bytes:
    """One image, or an animation whose frames replace the part that differs."""
    from PIL.PngImagePlugin import PngInfo

    colors = PngInfo()
    for name, payload in photo.encoding.get("chunks", ()):
        colors.add(name, payload)
    options: dict[str, Any] = {"compress_level": _PNG_LEVEL, "pnginfo": colors}
    if len(photo.frames) == 1:
        return _saved(_pictures(photo), "PNG", **options)
    still = bool(photo.encoding.get("default_image"))  # the first is shown by still viewers only
    options |= {"default_image": still, "loop": photo.loop or 0}
    durations = [min(frame.duration or 0, _PNG_LONGEST) for frame in photo.frames[still:]]
    return _saved(_pictures(photo), "PNG", duration=durations, **options)


def _encode_tiff(photo: Photo) -> bytes:
    """Pages with LZW compression, whatever the source had; deflate takes far longer."""
    tags = {_PREDICTOR: _DIFFERENCES}
    return _saved(_pictures(photo), "TIFF", compression="tiff_lzw", tiffinfo=tags)


def _encode_webp(photo: Photo) -> bytes:
    """Lossless if the source is, with the colors of transparent pixels; else quality 95."""
    options: dict[str, Any] = {"exact": True, "quality": _QUALITY}
    options |= {"lossless": bool(photo.encoding.get("lossless"))}
    if len(photo.frames) == 1:
        return _saved(_pictures(photo), "WEBP", **options)
    # With alpha every frame whole: where one is transparent, libwebp would show the one before.
    whole = any(frame.alpha is not None for frame in photo.frames)
    options |= {"method": 4, "kmin": 0, "kmax": 1 if whole else 0}
    options |= {"duration": [min(round(f.duration or 0), _WEBP_LONGEST) for f in photo.frames]}
    return _saved(_pictures(photo), "WEBP", loop=photo.loop or 0, **options)


def _encode_bmp(photo: Photo) -> bytes:
    """With alpha a header of our own says so, which Pillow does not write."""
    frame = photo.frames[0]
    if len(frame.pixels) != 4:
        return _saved(_pictures(photo), "BMP")
    height, width = frame.size
    rows = frame.pixels.numpy()[[2, 1, 0, 3]].transpose(1, 2, 0)[::-1].tobytes()
    dots = [round(d / 0.0254) for d in frame.resolution or (96, 96)]
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(rows), *dots, 0, 0)
    info += struct.pack("<4I4s48x", *masks, b"BGRs")  # sRGB
    offset = 14 + len(info)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + info + rows


def _encode_gif(photo: Photo) -> bytes:
    """Every frame has its own colors, reduced to 256 if there are more."""
    pictures = [_palette_picture(frame, number) for number, frame in enumerate(photo.frames)]
    options: dict[str, Any] = {"optimize": False}
    options["duration"] = [
        min(10 * round((frame.duration or 0) / 10), _GIF_LONGEST) for frame in photo.frames
    ]
    if len(pictures) == 1:
        options["duration"] = options["duration"][0]
    elif photo.frames[0].alpha is not None:
        options["disposal"] = 2  # what is transparent must not show the frame before
    if len(pictures) > 1 and photo.loop is not None:
        options["loop"] = photo.loop
    return _saved(pictures, "GIF", **options)


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


_ENCODERS: dict[str, Callable[[Photo], bytes]] = {
    "JPEG": _encode_jpeg,
    "PNG": _encode_png,
    "WEBP": _encode_webp,
    "GIF": _encode_gif,
    "TIFF": _encode_tiff,
    "BMP": _encode_bmp,
}


def _saved(pictures: "Sequence[Image]", file_format: str, **options: Any) -> bytes:
    """One picture, pages or an animation as a whole file."""
    if len(pictures) > 1:
        options |= {"save_all": True, "append_images": pictures[1:]}
    data = io.BytesIO()
    pictures[0].save(data, file_format, **options)
    return data.getvalue()


def _pictures(photo: Photo) -> "list[Image]":
    """The frames, each with the profile and resolution that Pillow writes with it."""
    from PIL import Image

    pictures = []
    for frame in photo.frames:
        pixels = np.ascontiguousarray(frame.pixels.numpy().transpose(1, 2, 0))
        picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        own = {"icc_profile": frame.icc_profile, "dpi": frame.resolution}
        picture.encoderinfo = {key: value for key, value in own.items() if value is not None}
        pictures.append(picture)
    return pictures
