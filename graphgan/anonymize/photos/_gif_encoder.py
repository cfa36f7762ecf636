"""A photo to the bytes of a GIF. Source: Graphics Interchange Format, version 89a."""

import io
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from graphgan.anonymize.photos._containers import gif_blocks
from graphgan.anonymize.photos._frame_pictures import Box, changed_boxes, whole_box
from graphgan.anonymize.photos.photo import Frame, Photo

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_COLORS = 256  # so many or fewer stay as they are when a picture is quantized
_CLEAR = 255  # index of the transparent colour


def encode_gif(photo: Photo) -> bytes:
    """Every frame with its own colours; reduced to 256 only where there are more."""
    height, width = photo.frames[0].size
    out = [b"GIF89a", struct.pack("<HHBBB", width, height, 0x70, 0, 0)]
    if len(photo.frames) > 1 and photo.loop is not None:
        out.append(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", photo.loop, 0))
    has_alpha = any(frame.alpha is not None for frame in photo.frames)
    boxes = [whole_box(f) for f in photo.frames] if has_alpha else changed_boxes(photo.frames)
    for frame, box in zip(photo.frames, boxes, strict=True):
        out += _gif_frame(frame, box)
    return b"".join([*out, b"\x3b"])


def _gif_frame(frame: Frame, box: Box) -> Iterator[bytes]:
    left, top, width, height = box
    picture, clear = _gif_picture(frame, box)
    data = io.BytesIO()
    picture.save(data, "GIF", optimize=False, interlace=False)
    image = next(payload for name, payload in gif_blocks(data.getvalue()) if name == "image")
    palette = (picture.getpalette() or []) + [0] * 768
    disposal = 1 if clear is None else 2  # what is transparent must not show the frame before
    delay = min(round((frame.duration or 0) / 10), 65535)
    flags, index = disposal << 2 | (clear is not None), clear or 0
    yield b"\x21\xf9\x04" + struct.pack("<BHBB", flags, delay, index, 0)
    yield b"\x2c" + struct.pack("<HHHHB", left, top, width, height, 0x87) + bytes(palette[:768])
    yield image[10:]  # a single picture has its colours in front of this block


def _gif_picture(frame: Frame, box: Box) -> tuple["Image", int | None]:
    """The palette picture and the index of its transparent colour."""
    from PIL import Image

    left, top, width, height = box
    pixels = frame.pixels[:, top : top + height, left : left + width]
    colors = pixels[: 3 if len(pixels) > 2 else 1].expand(3, -1, -1)
    rgb = np.array(colors.permute(1, 2, 0))
    if frame.alpha is None:
        return Image.fromarray(rgb).quantize(_MAX_COLORS, dither=Image.Dither.NONE), None
    visible = pixels[-1].numpy() > 127
    rgb[~visible] = rgb[visible][0] if visible.any() else 0  # takes up no colour
    reduced = Image.fromarray(rgb).quantize(_CLEAR, dither=Image.Dither.NONE)
    picture = Image.fromarray(np.where(visible, np.asarray(reduced), _CLEAR).astype(np.uint8))
    picture.putpalette(reduced.getpalette() or [])
    return picture, _CLEAR
