"""Read photos of any kind that people have, and write them back with nothing else of the original.

Only pixels, structure, resolution and ICC profile go from one file to the other. What is dropped:
EXIF (place, camera, thumbnail, maker notes), XMP, IPTC, Photoshop blocks, comments, text, second
images (of stereo cameras, gain and depth maps, films of motion photos, reduced pages), unknown
blocks, data after the end, and colors under pixels that are fully transparent.
"""

import io
import struct
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from graphgan.anonymize.photos._containers import (
    CUT_SHORT,
    PNG_SIGNATURE,
    gif_blocks,
    png_chunks,
    webp_chunks,
)
from graphgan.anonymize.photos._encoders import ENCODERS
from graphgan.anonymize.photos._formats import (
    HDR_TRANSFERS,
    check_range,
    readable,
    written_format,
)
from graphgan.anonymize.photos._frames import alike, frame_of
from graphgan.anonymize.photos._repairs import with_end, without_texts
from graphgan.anonymize.photos.leftovers import leftovers_of
from graphgan.anonymize.photos.photo import Photo
from graphgan.data.images import decoded_picture
from graphgan.extras import needs_extra
from graphgan.files import replacing

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

MAX_BYTES = 2**31
"""Of the pixels of all frames: a few bytes of file may ask for any amount of memory."""

MAX_FILE = 2**32
"""Bytes of a file: it is held in memory, and a TIFF cannot have more."""

_WITH_FRAMES = ("PNG", "WEBP", "GIF", "TIFF", "AVIF")
_CHANNELS = {"JPEG": (1, 3), "WEBP": (3, 4), "GIF": (3, 4), "BMP": (1, 3, 4)}  # others: any
_DEEP = ("PNG", "TIFF")

# PNG's ways to name a color space beside an ICC profile, and how long they are.
_PNG_COLORS = {"sRGB": 1, "gAMA": 4, "cHRM": 32, "cICP": 4}
_TELL_FRAMES = ("PNG", "WEBP", "AVIF")  # in their headers, all as large as the first

# TIFF tags.
_SUBFILE, _OLD_SUBFILE, _BITS = 254, 255, 258
_REDUCED, _OLD_REDUCED = 1, 2
_PHOTOMETRIC, _DNG_VERSION = 262, 50706
_RAW = (32803, 34892)  # what the pixels of DNG and its relatives stand for


def read_photo(path: str | Path) -> Photo:
    """Read a picture of any format that Pillow reads, with all its pages or frames, upright.

    JPEG, PNG, WebP, GIF, TIFF and BMP stay what they are. Of all others AVIF alone is read with all
    frames, and the photo's format, which `write_photo` writes, is JPEG for what was lossy (AVIF,
    HEIC, JPEG 2000) and has one frame without alpha, else PNG. HEIC takes the extra ``heif``.

    Frames keep the file's own channels and depth, with these exceptions: 1-bit pictures become
    gray, palettes are looked up, CMYK is converted to RGB by its ICC profile where it has one.
    The EXIF orientation is applied. Frames of an animation are those that a viewer shows, blended
    with what was before. All have alpha where one has it, and colors where one has them. Colors
    of fully transparent pixels become 0, since what nobody sees no detector sees.

    Refused, since they would be cut to 8 bits: color of 16 bits, floating-point numbers, HDR.
    Refused as well: raw files of cameras, and pictures that are cut short; a JPEG that lacks
    nothing but its end marker is not.

    Raises:
        ValueError: the file is no such picture, is cut short or too large; its name is given.
        OSError: there is no such file, or it may not be read.
    """
    path = Path(path)
    if (size := path.stat().st_size) > MAX_FILE:
        raise ValueError(f"{path}: expected a file of at most {MAX_FILE} bytes, got {size}")
    return photo_from_bytes(path.read_bytes(), str(path))


def photo_from_bytes(data: bytes, name: str) -> Photo:
    """`read_photo` of a file that is in memory; nothing is written.

    Args:
        data: the whole file.
        name: what errors call it.
    Raises:
        ValueError: no such picture, cut short or too large; ``name`` is given.
    """
    plain, profile = _as_pillow_takes_it(data, name)
    with decoded_picture(io.BytesIO(plain), name, readable(name)) as image:
        if profile is not None:
            image.info["icc_profile"] = profile
        return _photo_of(image, data)


def _as_pillow_takes_it(data: bytes, name: str) -> tuple[bytes, bytes | None]:
    """The bytes to decode, and an ICC profile that is not in them."""
    if data.startswith(b"\xff\xd8\xff"):
        return with_end(data, name), None
    if data.startswith(PNG_SIGNATURE):
        return without_texts(data)
    return data, None


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
        raise ValueError("expected a picture, got a raw file of a camera (CR2)")
    encoding = _encoding(image, source, data)
    frames, total = [], 0
    for page in _pages(image, source, notes):
        frames.append(frame_of(page, file_format, notes))
        total += frames[-1].pixels.nbytes
        _check_bytes(total, len(frames))
    if not frames:
        raise ValueError("expected a whole picture, got reduced ones: a raw file of a camera?")
    if file_format in ("PNG", "WEBP", "GIF"):  # with the same channels in all frames
        frames = alike(frames)
    loop, converted = image.info.get("loop"), source != file_format
    return Photo(tuple(frames), file_format, loop, encoding, tuple(notes), converted)


def _check_bytes(total: int, frames: int) -> None:
    if frames > 1 and total > MAX_BYTES:  # one is as large as its pixels may be
        raise ValueError(f"expected at most {MAX_BYTES} bytes of pixels, got more")


def write_photo(path: str | Path, photo: Photo) -> None:
    """Write a photo in its own format, whatever the suffix; it is there whole or not at all.

    Outside changed pixels, lossless files are the same bit by bit: PNG, TIFF, BMP, lossless WebP,
    and GIF where no frame has more than 256 colors. JPEG is compressed again, with the tables and
    subsampling of the source (quality 95 where it has none), lossy WebP with quality 95. Frames of
    an animated PNG that are the same as the one before become one, which is shown for as long.

    Raises:
        ValueError: frames that the format cannot hold.
        OSError: the file cannot be written.
    """
    data = photo_to_bytes(photo, str(path))
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def photo_to_bytes(photo: Photo, name: str) -> bytes:
    """What `write_photo` writes, in memory.

    Args:
        photo: as it was read, with other pixels.
        name: what errors call it.
    Raises:
        ValueError: frames that the format cannot hold; ``name`` is given.
    """
    with needs_extra("recipes"):
        import PIL  # noqa: F401
    _check_fits(name, photo)
    data = ENCODERS[photo.format](photo)
    if left := leftovers_of(data):  # by another version of Pillow, say
        raise ValueError(f"{name}: expected nothing but pixels to be written, got {left}")
    return data


def _check_fits(name: str, photo: Photo) -> None:
    if photo.format not in ENCODERS:
        raise ValueError(f"{name}: expected one of {', '.join(ENCODERS)}, got {photo.format}")
    if not photo.frames or (len(photo.frames) > 1 and photo.format not in _WITH_FRAMES):
        raise ValueError(f"{name}: {photo.format} does not hold {len(photo.frames)} frames")
    for frame in photo.frames:
        channels, deep = len(frame.pixels), frame.pixels.dtype != torch.uint8
        if channels not in _CHANNELS.get(photo.format, (1, 2, 3, 4)):
            raise ValueError(f"{name}: {photo.format} does not hold {channels} channels")
        if deep and (photo.format not in _DEEP or photo.is_animation):
            raise ValueError(f"{name}: {photo.format} does not hold 16 bits, or not in animations")
    shapes = {(*frame.pixels.shape, frame.pixels.dtype) for frame in photo.frames}
    if photo.format != "TIFF" and len(shapes) > 1:
        raise ValueError(f"{name}: expected frames of one shape, got {sorted(map(str, shapes))}")


def _encoding(image: "ImageFile", file_format: str, data: bytes) -> dict[str, Any]:
    """What the format's encoder is to do as the source's did; refuses what is deeper or cut."""
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
        raise ValueError("expected 16-bit gray without a transparent value, got one with it")
    colors = {n: d for n, d in chunks if _PNG_COLORS.get(n) == len(d)}
    transfer = colors.get("cICP", b"\0\0")[1]
    if transfer in HDR_TRANSFERS:
        raise ValueError(f"expected standard range, got HDR ({HDR_TRANSFERS[transfer]})")
    kept = [(name.encode("latin-1"), payload) for name, payload in colors.items()]
    return {"chunks": kept, "default_image": bool(getattr(image, "default_image", False))}


def _pages(image: "ImageFile", file_format: str, notes: dict[str, None]) -> Iterator["ImageFile"]:
    """The picture at each of its frames; reduced copies of other pages are left out."""
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
            if _is_reduced(image):
                notes["reduced pages were dropped"] = None
                continue
            _check_tiff(image)
        image.load()
        yield image


def _is_reduced(image: "ImageFile") -> bool:
    tags = getattr(image, "tag_v2", {})
    reduced = tags.get(_SUBFILE, 0) & _REDUCED or tags.get(_OLD_SUBFILE, 0) == _OLD_REDUCED
    return bool(reduced)


def _check_tiff(image: "ImageFile") -> None:
    tags = getattr(image, "tag_v2", {})
    if _DNG_VERSION in tags or tags.get(_PHOTOMETRIC) in _RAW:
        raise ValueError("expected a picture, got a raw file of a camera")
    bits = tuple(tags.get(_BITS, (1,)))
    if max(bits) > 8 and not image.mode.startswith("I;16") and image.mode not in "FI":
        raise ValueError(f"expected 8 bits a channel, got {bits}, which would be cut to 8")
    if image.mode.startswith("I;16") and bits != (16,):
        raise ValueError(f"expected gray of 8 or 16 bits, got {bits[0]}")
