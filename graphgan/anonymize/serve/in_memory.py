"""A photo anonymized from bytes to bytes: nothing touches a disk."""

import hashlib
from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.faces import Face
from graphgan.anonymize.photos.anonymize import replaced_frames
from graphgan.anonymize.photos.files import photo_from_bytes, photo_to_bytes
from graphgan.anonymize.photos.photo import Frame, Photo
from graphgan.training.devices import memory_errors_explained

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
}
"""Of all formats that photos are written in."""

_SHOWN_BY_NO_BROWSER = ("TIFF",)
_PREVIEW_SIDE = 1600


class Anonymized(NamedTuple):
    """What became of a photo.

    Args:
        format: of the result, such as "JPEG".
        size: height and width of the first page, upright.
        frames: pages, or frames of an animation.
        faces: that were found.
        unmatched: numbers of pages without a face.
        notes: what could not be kept.
        file: the result; None where no face was found.
        previews: before and after as PNG, where not all browsers show the format.
    """

    format: str
    size: tuple[int, int]
    frames: int
    faces: tuple[Face, ...]
    unmatched: tuple[int, ...]
    notes: tuple[str, ...]
    file: bytes | None
    previews: tuple[bytes, bytes] | None


def anonymize_bytes(anonymizer: Anonymizer, data: bytes) -> Anonymized:
    """Replace the faces of a photo; one without any face gives no file.

    Who is shown is drawn by the photo's bytes: no name is asked for.

    Raises:
        ValueError: no picture, one that cannot be kept as it is, or too large for the memory.
    """
    name = "the file"
    try:
        with memory_errors_explained("a smaller photo needs less"):
            photo = photo_from_bytes(data, name)
            return _anonymized(anonymizer, photo, hashlib.sha256(data).hexdigest())
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f"{name}: ")) from error


def _anonymized(anonymizer: Anonymizer, photo: Photo, key: str) -> Anonymized:
    done = replaced_frames(anonymizer, photo, key)
    file, previews = None, None
    if done.faces:
        file = photo_to_bytes(replace(photo, frames=tuple(done.frames)), "the result")
    if photo.format in _SHOWN_BY_NO_BROWSER or photo.converted:
        previews = _preview(photo.frames[0]), _preview(done.frames[0])
    return Anonymized(
        photo.format,
        photo.frames[0].size,
        len(done.frames),
        tuple(done.faces),
        tuple(done.unmatched),
        (*photo.notes, *done.notes),
        file,
        previews,
    )


def _preview(frame: Frame) -> bytes:
    image = frame.rgb()
    scale = _PREVIEW_SIDE / max(image.shape[1:])
    if scale < 1:
        size = [max(round(side * scale), 1) for side in image.shape[1:]]
        image = F.interpolate(image[None], size, mode="bilinear", antialias=True)[0]
    return png_of(image)


def png_of(image: UInt8[Tensor, "3 h w"]) -> bytes:
    """A picture as the bytes of a PNG file."""
    return photo_to_bytes(Photo((Frame(image.to(torch.uint8)),), "PNG"), "the picture")
