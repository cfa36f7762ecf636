"""Anonymize a photo from bytes to bytes; nothing touches a disk."""

import hashlib
from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from graphgan.anonymize._anonymizer import Anonymizer
from graphgan.anonymize._faces import Face
from graphgan.anonymize.photos._anonymize import replaced_frames
from graphgan.anonymize.photos._photo import Frame, Photo
from graphgan.anonymize.photos._reading import photo_from_bytes
from graphgan.anonymize.photos._writing import photo_to_bytes
from graphgan.training import memory_errors_explained

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
}
"""By the format of the photo."""

_SHOWN_BY_NO_BROWSER = ("TIFF",)
_PREVIEW_SIDE = 1600


class Anonymized(NamedTuple):
    """The outcome for a photo.

    Args:
        format: of the result, such as "JPEG".
        size: height and width of the first page, upright.
        frames: number of pages, or of frames of an animation.
        faces: that were found.
        unmatched: numbers of pages without a face.
        notes: what was dropped.
        file: the result; None if no face was found.
        previews: before and after as PNG, if some browsers do not show the format.
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
    """Replace the faces of a photo; the result of a photo without faces has no file.

    Who is shown depends on the bytes of the photo.

    Raises:
        ValueError: not an image, one that would be damaged, or one too large for the memory.
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
    """An image as the bytes of a PNG file."""
    return photo_to_bytes(Photo((Frame(image.to(torch.uint8)),), "PNG"), "the image")
