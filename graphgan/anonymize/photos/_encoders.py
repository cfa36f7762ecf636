"""A photo to the bytes of a file: pixels, structure, resolution and ICC profile, nothing else.

Pillow writes all but animations of GIF and WebP. Those are put together here: its GIF is broken
where a frame is empty, and libwebp leaves pixels of the frame before where one is transparent.
"""

import io
import struct
from collections.abc import Callable
from typing import Any

from graphgan.anonymize.photos._containers import webp_chunks
from graphgan.anonymize.photos._frame_pictures import (
    Box,
    changed_boxes,
    cut,
    picture_of,
    saved,
    saved_all,
)
from graphgan.anonymize.photos._gif_encoder import encode_gif
from graphgan.anonymize.photos.photo import Frame, Photo

QUALITY = 95  # of lossy files whose own is not known: hardly any visible loss
PNG_LEVEL = 1  # three times as fast as Pillow's default for 7 % more bytes
PNG_LONGEST = 65_535_000  # milliseconds of a frame

_PREDICTOR, _DIFFERENCES = 317, 2  # TIFF tag: neighbors are subtracted before they are packed


def encode_jpeg(photo: Photo) -> bytes:
    """Baseline or progressive with the source's tables and subsampling, or quality 95."""
    options = dict(photo.encoding)
    if "qtables" not in options:
        options = {"quality": QUALITY, "subsampling": 0}
    return saved(photo.frames[0], "JPEG", **options)


def encode_png(photo: Photo) -> bytes:
    """One picture, or an animation whose frames replace the part that differs."""
    from PIL.PngImagePlugin import PngInfo

    colors = PngInfo()
    for name, payload in photo.encoding.get("chunks", ()):
        colors.add(name, payload)
    options: dict[str, Any] = {"compress_level": PNG_LEVEL, "pnginfo": colors}
    if len(photo.frames) == 1:
        return saved(photo.frames[0], "PNG", **options)
    still = bool(photo.encoding.get("default_image"))  # the first is shown by still viewers only
    options |= {"default_image": still, "loop": photo.loop or 0}
    durations = [min(frame.duration or 0, PNG_LONGEST) for frame in photo.frames[still:]]
    return saved_all(photo.frames, "PNG", duration=durations, **options)


def encode_tiff(photo: Photo) -> bytes:
    """Pages packed by LZW, whatever the source's compression was; deflating takes far longer."""
    tags = {_PREDICTOR: _DIFFERENCES}
    return saved_all(photo.frames, "TIFF", compression="tiff_lzw", tiffinfo=tags)


def encode_webp(photo: Photo) -> bytes:
    """Lossless with the colours of transparent pixels where the source is, or quality 95."""
    options = {"lossless": bool(photo.encoding.get("lossless")), "exact": True, "quality": QUALITY}
    if len(photo.frames) == 1:
        return saved(photo.frames[0], "WEBP", **options)
    height, width = photo.frames[0].size
    profile = photo.frames[0].icc_profile
    has_alpha = any(frame.alpha is not None for frame in photo.frames)
    flags = 0x02 | 0x10 * has_alpha | 0x20 * (profile is not None)
    chunks = [_riff("VP8X", struct.pack("<I", flags) + _uint24(width - 1) + _uint24(height - 1))]
    if profile is not None:
        chunks.append(_riff("ICCP", profile))
    chunks.append(_riff("ANIM", struct.pack("<IH", 0, photo.loop or 0)))
    boxes = map(_even_box, changed_boxes(photo.frames))
    for frame, box in zip(photo.frames, boxes, strict=True):
        chunks.append(_webp_frame(frame, box, options))
    return _riff("RIFF", b"WEBP" + b"".join(chunks))


def _webp_frame(frame: Frame, box: Box, options: dict[str, Any]) -> bytes:
    data = io.BytesIO()
    cut(picture_of(frame), box).save(data, "WEBP", **options)
    left, top, width, height = box
    places = (left // 2, top // 2, width - 1, height - 1, round(frame.duration or 0))
    head = b"".join(map(_uint24, places)) + b"\x02"  # not blended with, and kept for, the others
    parts = [part for part in webp_chunks(data.getvalue()) if part.name in ("ALPH", "VP8 ", "VP8L")]
    return _riff("ANMF", head + b"".join(_riff(*part) for part in parts))


def _even_box(box: Box) -> Box:
    """Grown to the left and up: WebP counts offsets in twos."""
    left, top, width, height = box
    return left - left % 2, top - top % 2, width + left % 2, height + top % 2


def _uint24(number: int) -> bytes:
    return number.to_bytes(3, "little")


def _riff(name: str, payload: bytes) -> bytes:
    padding = b"\0" * (len(payload) % 2)
    return name.encode("latin-1") + struct.pack("<I", len(payload)) + payload + padding


def encode_bmp(photo: Photo) -> bytes:
    """By Pillow, or with a header that says where alpha is, which Pillow does not write."""
    frame = photo.frames[0]
    if len(frame.pixels) != 4:
        return saved(frame, "BMP")
    height, width = frame.size
    rows = frame.pixels.numpy()[[2, 1, 0, 3]].transpose(1, 2, 0)[::-1].tobytes()
    dots = [round(d / 0.0254) for d in frame.resolution or (96, 96)]
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(rows), *dots, 0, 0)
    info += struct.pack("<4I4s48x", *masks, b"BGRs")  # sRGB
    offset = 14 + len(info)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + info + rows


ENCODERS: dict[str, Callable[[Photo], bytes]] = {
    "JPEG": encode_jpeg,
    "PNG": encode_png,
    "WEBP": encode_webp,
    "GIF": encode_gif,
    "TIFF": encode_tiff,
    "BMP": encode_bmp,
}
