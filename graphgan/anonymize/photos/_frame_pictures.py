"""Frames as Pillow's pictures, and the boxes in which the frames of an animation differ."""

import io
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from graphgan.anonymize.photos.photo import Frame

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[int, int, int, int]  # left, top, width, height


def saved(frame: Frame, file_format: str, **options: Any) -> bytes:
    """A frame as a whole file, with its profile and resolution."""
    data = io.BytesIO()
    _with_profile(frame).save(data, file_format, **options)
    return data.getvalue()


def saved_all(frames: Sequence[Frame], file_format: str, **options: Any) -> bytes:
    """Pages or an animation as a whole file, each with the profile and resolution it may have."""
    pictures = [_with_profile(frame) for frame in frames]
    data = io.BytesIO()
    pictures[0].save(data, file_format, save_all=True, append_images=pictures[1:], **options)
    return data.getvalue()


def _with_profile(frame: Frame) -> "Image":
    picture = picture_of(frame)
    own: dict[str, Any] = {}
    if frame.icc_profile is not None:
        own["icc_profile"] = frame.icc_profile
    if frame.resolution is not None:
        own["dpi"] = frame.resolution
    picture.encoderinfo = own
    return picture


def picture_of(frame: Frame) -> "Image":
    """The pixels of a frame, without its profile and resolution."""
    from PIL import Image

    pixels = frame.pixels.numpy().transpose(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))


def cut(picture: "Image", box: Box) -> "Image":
    """The part of a picture within a box."""
    left, top, width, height = box
    return picture.crop((left, top, left + width, top + height))


def whole_box(frame: Frame) -> Box:
    """The box that a frame fills."""
    height, width = frame.size
    return 0, 0, width, height


def changed_boxes(frames: Sequence[Frame]) -> list[Box]:
    """The first frame whole; of every other the smallest box in which it differs from the last."""
    boxes = [whole_box(frames[0])]
    for before, after in pairwise(frames):
        changed = (before.pixels.numpy() != after.pixels.numpy()).any(0)
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        if not len(rows):  # a frame still has a pixel
            rows = columns = np.zeros(1, dtype=np.int64)
        (top, bottom), (left, right) = ((int(i[0]), int(i[-1]) + 1) for i in (rows, columns))
        boxes.append((left, top, right - left, bottom - top))
    return boxes
