"""Read photos of every common format, and only what may go into the result.

That is pixels, structure, resolution and ICC profile. Dropped are:
EXIF (place, camera, thumbnail, maker notes), XMP, IPTC, Photoshop blocks, comments, text, second
images (of stereo cameras, gain and depth maps, films of motion photos, reduced pages), unknown
blocks, data after the end, and colors of fully transparent pixels.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphgan.anonymize.photos._containers import (
    CUT_SHORT,
    MAX_PROFILE_BYTES,
    PNG_SIGNATURE,
    gif_blocks,
    png_chunks,
    webp_chunks,
    with_end,
    without_texts,
)
from graphgan.anonymize.photos._formats import HDR_TRANSFERS, check_range, readable, written_format
from graphgan.anonymize.photos._photo import Frame, Photo
from graphgan.data._images import decoded_picture

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

_MAX_BYTES = 2**31
"""Of all frames together: a few bytes of a file may ask for any amount of memory."""

_MAX_FILE = 2**32
"""Of a file, which is held in memory; a TIFF cannot be larger."""

_WITH_FRAMES = ("PNG", "WEBP", "GIF", "TIFF", "AVIF")

# PNG's ways to name a color space beside an ICC profile, and how long they are.
_PNG_COLORS = {"sRGB": 1, "gAMA": 4, "cHRM": 32, "cICP": 4}
_TELL_FRAMES = ("PNG", "WEBP", "AVIF")  # in their headers, all as large as the first

# TIFF tags.
_SUBFILE, _OLD_SUBFILE, _BITS = 254, 255, 258
_REDUCED, _OLD_REDUCED = 1, 2
_PHOTOMETRIC, _DNG_VERSION = 262, 50706
_MIN_IS_WHITE = 0
_RAW = (32803, 34892)  # what the pixels of DNG and its relatives stand for


def read_photo(path: str | Path) -> Photo:
    """Read an image in any format that Pillow supports, with all pages or frames, upright.

    JPEG, PNG, WebP, GIF, TIFF and BMP keep their format. Of other formats only AVIF is read with
    all frames; `write_photo` writes them as JPEG if the source was lossy (AVIF, HEIC, JPEG 2000)
    and has one frame without alpha, else as PNG. HEIC needs the extra ``heif``.

    Frames keep their channels and depth, except that 1-bit images become gray, palettes are looked
    up, and CMYK is converted to RGB, by its ICC profile if it has one. The EXIF orientation is
    applied. Frames of an animation are those that a viewer shows. If one frame has alpha or colors,
    all have. Colors of fully transparent pixels become 0, since no detector would see them.

    Refused, because they would be cut to 8 bits: 16-bit color, floating-point numbers, HDR. Also
    refused: raw files of cameras, and truncated images, except a JPEG that only lacks its end
    marker.

    Raises:
        ValueError: the file is not such an image, is truncated or too large; it is named.
        OSError: there is no such file, or it may not be read.
    """
    path = Path(path)
    if (size := path.stat().st_size) > _MAX_FILE:
        raise ValueError(f"{path}: expected a file of at most {_MAX_FILE} bytes, got {size}")
    return photo_from_bytes(path.read_bytes(), str(path))


def photo_from_bytes(data: bytes, name: str) -> Photo:
    """`read_photo` for a file in memory; nothing is written.

    Raises:
        ValueError: not such an image, truncated or too large; the error starts with ``name``.
    """
    plain, profile = data, None
    if data.startswith(b"\xff\xd8\xff"):
        plain = with_end(data, name)
    elif data.startswith(PNG_SIGNATURE):
        plain, profile = without_texts(data)
    with decoded_picture(io.BytesIO(plain), name, readable(name)) as image:
        if profile is not None:
            image.info["icc_profile"] = profile
        return _photo_of(image, data)


def _photo_of(image: "ImageFile", data: bytes) -> Photo:
    source = "JPEG" if image.format == "MPO" else str(image.format)
    file_format = written_format(image)
    if source in _TELL_FRAMES:  # before the first one is decoded
        number = getattr(image, "n_frames", 1)
        _check_bytes(image.width * image.height * len(image.getbands()) * number, number)
    notes: dict[str, None] = {}  # a set in order
    if source != file_format:
        check_range(data)
        notes[f"{source} was written as {file_format}"] = None
    if source == "TIFF" and data[8:10] == b"CR":
        raise ValueError("expected an image, got a raw file of a camera (CR2)")
    encoding = _encoding(image, source, data)
    frames, total = [], 0
    for page in _pages(image, source, notes):
        frames.append(_frame_of(page, file_format, notes))
        total += frames[-1].pixels.nbytes
        _check_bytes(total, len(frames))
    if not frames:
        raise ValueError(
            "expected an image of full size, got reduced ones: a raw file of a camera?"
        )
    if file_format in ("PNG", "WEBP", "GIF"):  # with the same channels in all frames
        frames = _alike(frames)
    loop, converted = image.info.get("loop"), source != file_format
    return Photo(tuple(frames), file_format, loop, encoding, tuple(notes), converted)


def _check_bytes(total: int, frames: int) -> None:
    if frames > 1 and total > _MAX_BYTES:  # one is as large as its pixels may be
        raise ValueError(f"expected at most {_MAX_BYTES} bytes of pixels, got more")


def _encoding(image: "ImageFile", file_format: str, data: bytes) -> dict[str, Any]:
    """Options that make the encoder do as that of the source; refuses deep or truncated files."""
    if file_format == "JPEG":
        return _jpeg_encoding(image)
    if file_format == "PNG":
        return _png_encoding(image, data)
    if file_format == "WEBP":
        names = {name for name, _ in webp_chunks(data)}
        _check_whole(names)
        return {"lossless": "VP8L" in names and "VP8 " not in names}
    if file_format == "GIF":
        _check_whole({name for name, _ in gif_blocks(data)})
    return {}


def _check_whole(names: set[str]) -> None:
    if CUT_SHORT in names:  # decoders would leave out the last frames
        raise ValueError("the file is cut short")


def _jpeg_encoding(image: "ImageFile") -> dict[str, Any]:
    from PIL.JpegImagePlugin import get_sampling

    tables = getattr(image, "quantization", {})
    if image.mode == "CMYK" or not tables:
        return {}
    sampling = get_sampling(image)  # -1: none that Pillow can write
    return {
        "qtables": [tables[key] for key in sorted(tables)],
        "subsampling": max(sampling, 0),
        "progressive": bool(image.info.get("progressive")),
    }


def _png_encoding(image: "ImageFile", data: bytes) -> dict[str, Any]:
    chunks = list(png_chunks(data))
    _check_whole({name for name, _ in chunks})
    _, _, bits, color = struct.unpack_from(">IIBB", chunks[0].data)
    if bits == 16 and color != 0:
        raise ValueError("expected 8 bits a channel, got 16-bit color, which would be cut to 8")
    if bits == 16 and "transparency" in image.info:
        raise ValueError("expected 16-bit gray without a transparent value, got one")
    colors = {n: d for n, d in chunks if _PNG_COLORS.get(n) == len(d)}
    transfer = colors.get("cICP", b"\0\0")[1]
    if transfer in HDR_TRANSFERS:
        raise ValueError(f"expected standard range, got HDR ({HDR_TRANSFERS[transfer]})")
    kept = [(name.encode("latin-1"), payload) for name, payload in colors.items()]
    return {"chunks": kept, "default_image": bool(getattr(image, "default_image", False))}


def _pages(image: "ImageFile", file_format: str, notes: dict[str, None]) -> Iterator["ImageFile"]:
    """The image at each of its frames, without reduced copies of other pages."""
    if file_format not in _WITH_FRAMES and getattr(image, "n_frames", 1) > 1:
        notes["second images were dropped"] = None
    for i in count():
        if i:
            if file_format not in _WITH_FRAMES:
                return
            try:
                image.seek(i)
            except EOFError:
                return
        if file_format == "TIFF":
            tags = getattr(image, "tag_v2", {})
            if tags.get(_SUBFILE, 0) & _REDUCED or tags.get(_OLD_SUBFILE, 0) == _OLD_REDUCED:
                notes["reduced pages were dropped"] = None
                continue
            _check_tiff(image)
        image.load()
        yield image


def _check_tiff(image: "ImageFile") -> None:
    tags = getattr(image, "tag_v2", {})
    if _DNG_VERSION in tags or tags.get(_PHOTOMETRIC) in _RAW:
        raise ValueError("expected an image, got a raw file of a camera")
    bits = tuple(tags.get(_BITS, (1,)))
    if max(bits) > 8 and not image.mode.startswith("I;16") and image.mode not in "FI":
        raise ValueError(f"expected 8 bits a channel, got {bits}, which would be cut to 8")
    if image.mode.startswith("I;16") and bits != (16,):
        raise ValueError(f"expected gray of 8 or 16 bits, got {bits[0]}")


_GRAY_MODES, _COLOR_MODES = {"1", "L", "LA", "La"}, {"P", "PA", "RGB", "RGBX", "RGBA", "RGBa"}
_COLOR_MODES |= {"YCbCr"}


def _frame_of(image: "ImageFile", file_format: str, notes: dict[str, None]) -> Frame:
    """The decoded frame, upright; adds to ``notes`` what is converted or dropped."""
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    profile = _profile(image, notes)
    if upright.mode == "CMYK":
        upright, profile = _cmyk_to_rgb(upright, profile, notes), None
    pixels, tags = _own_channels(upright), getattr(image, "tag_v2", {})
    if file_format == "GIF" and len(pixels) < 3:  # its gray is a palette that has room for colors
        pixels = np.concatenate([pixels[:1]] * 3 + [pixels[1:]])
    if upright.mode.startswith("I;16") and tags.get(_PHOTOMETRIC) == _MIN_IS_WHITE:
        pixels = 65535 - pixels  # Pillow does so for 8 bits only
    duration = image.info.get("duration")
    if len(pixels) in (2, 4):  # colors of fully transparent pixels
        pixels = pixels * (pixels[-1:] > 0)
    return Frame(
        torch.from_numpy(pixels.copy()),
        duration=None if duration is None else float(duration),
        icc_profile=profile,
        resolution=_resolution(image),
        max_colors=256 if file_format == "GIF" else None,
    )


def _own_channels(image: "Image") -> np.ndarray:
    """8-bit pixels ``c h w``, or 16-bit gray."""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[None]
    if image.mode == "F":
        raise ValueError("pixels are floating-point numbers, whose range is not known")
    transparent = image.has_transparency_data
    if image.mode in _GRAY_MODES:
        mode = "LA" if transparent else "L"
    elif image.mode in _COLOR_MODES:
        mode = "RGBA" if transparent else "RGB"
    else:
        raise ValueError(f"expected gray, RGB, CMYK or a palette, got pixels of {image.mode}")
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return np.ascontiguousarray(pixels[None] if mode == "L" else pixels.transpose(2, 0, 1))


def _cmyk_to_rgb(image: "Image", profile: bytes | None, notes: dict[str, None]) -> "Image":
    from PIL import ImageCms

    if profile is not None:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            notes["CMYK was converted to sRGB by its ICC profile"] = None
            return converted
    notes["CMYK was converted to RGB without an ICC profile"] = None
    return image.convert("RGB")


def _profile(image: "ImageFile", notes: dict[str, None]) -> bytes | None:
    """The ICC profile, unless it is invalid: then it could be anything."""
    profile = image.info.get("icc_profile")
    if not profile:
        return None
    size = int.from_bytes(profile[:4])
    if profile[36:40] != b"acsp" or size != len(profile) or size > MAX_PROFILE_BYTES:
        notes["an ICC profile that is damaged or too large was dropped"] = None
        return None
    return bytes(profile)


def _resolution(image: "ImageFile") -> tuple[int, int] | None:
    """In whole dots, so that it cannot hide other data."""
    try:
        dots = [round(float(d)) for d in image.info["dpi"]]
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return (dots[0], dots[1]) if len(dots) == 2 and all(1 < d < 2**16 for d in dots) else None


def _alike(frames: list[Frame]) -> list[Frame]:
    """Give all frames colors if one has them, and alpha if one has it."""
    channels = {len(frame.pixels) for frame in frames}
    if len(channels) == 1:
        return frames
    color, alpha = max(channels) > 2, bool(channels & {2, 4})
    alike = []
    for frame in frames:
        opaque = torch.full((1, *frame.size), 255, dtype=torch.uint8)
        own = frame.pixels[: 3 if len(frame.pixels) > 2 else 1]
        own = own.expand(3, -1, -1) if color and len(own) == 1 else own
        last = [] if not alpha else [opaque if frame.alpha is None else frame.alpha]
        alike.append(replace(frame, pixels=torch.cat([own, *last])))
    return alike
