"""Turn one photo into one image of a prepared folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from graphgan.data._images import read_image, write_image
from graphgan.data._prepared import Split
from graphgan.landmarks import (
    IBUG_68,
    OPENPOSE_18,
    Crop,
    LandmarkDetector,
    LandmarkScheme,
    crop_image,
    face_crop,
    person_crop,
)
from graphgan.landmarks._crop import whole_crop
from graphgan.landmarks._masks import face_outline, has_face_mask

CropRule = Literal["face", "person", "whole"]
"""A square around the face, a rectangle around the person, or the whole photo."""

# If most landmarks are outside the image, they belong to another one.
_LEAST_INSIDE = 0.5


@dataclass(frozen=True)
class ListedPhoto:
    """One photo to prepare.

    Args:
        path: path of the photo.
        source: its name in the manifest and in the landmark file, which is its path in the photo
            folder.
        person: person the photo shows.
        split: split given by the photo folder; None if people are split later.
    """

    path: Path
    source: str
    person: str
    split: Split | None = None


@dataclass(frozen=True)
class CropTask:
    """Instructions for one photo.

    Args:
        folder: the prepared folder.
        image: path of the crop in it.
        size: height and width of the crop, in pixels.
        scheme: scheme of the landmarks.
        crop: what to crop.
        landmarks: landmarks in pixels of the photo; None to detect them.
    """

    photo: ListedPhoto
    folder: Path
    image: str
    size: tuple[int, int]
    scheme: LandmarkScheme
    crop: CropRule
    # Arrays are sent between processes by value, tensors through shared memory, one file each.
    landmarks: Float[np.ndarray, "k 2"] | None

    @property
    def target(self) -> Path:
        """Path of the crop."""
        return self.folder / self.image


@dataclass(frozen=True)
class CroppedPhoto:
    """A crop that was written.

    Args:
        landmarks: in pixels of the crop.
        outside: number of landmarks outside the photo.
    """

    crop: Crop
    landmarks: Float[np.ndarray, "k 2"]
    outside: int


@dataclass(frozen=True)
class UnusablePhoto:
    """A photo without a crop: a short reason that can be counted, and details."""

    reason: str
    detail: str = ""


CropOutcome = CroppedPhoto | UnusablePhoto


def crop_photo(task: CropTask, detector: LandmarkDetector | None) -> CropOutcome:
    """Read a photo, crop the face or person, and write the crop.

    A photo that is used whole keeps its pixels. If the detector finds several faces or persons, the
    one nearest to the center of the photo is used.

    Raises:
        OSError: the crop cannot be written.
    """
    try:
        image = read_image(task.photo.path)
    except ValueError as error:
        return UnusablePhoto("unreadable", str(error).removeprefix(f"{task.photo.path}: "))
    except OSError as error:
        return UnusablePhoto("unreadable", error.strerror or type(error).__name__)
    if task.crop == "whole" and image.shape[1:] != task.size:
        return UnusablePhoto("another size", _sizes(task.size, (image.shape[1], image.shape[2])))
    landmarks = _landmarks(task, image, detector)
    if landmarks is None:
        what = "person" if task.scheme == OPENPOSE_18 else "face"
        return UnusablePhoto(f"no {what} found")
    present, inside = landmarks.isfinite().all(-1), _inside(landmarks, image)
    if task.crop != "face" and not present.any():
        return UnusablePhoto("all joints missing")
    try:
        crop = _crop(task, landmarks)
        if inside.sum() < _LEAST_INSIDE * present.sum():
            raise ValueError(f"{inside.sum()} of {present.sum()} lie inside the image")
        pixels = image if task.crop == "whole" else _resampled(image, crop, task.size)
        moved = crop.to_crop(landmarks, task.size)
        _check_mask(moved, task)
    except ValueError as error:
        return UnusablePhoto("bad landmarks", str(error))
    task.target.parent.mkdir(parents=True, exist_ok=True)
    write_image(task.target, pixels)
    return CroppedPhoto(crop, moved.numpy(), int((present & ~inside).sum()))


def _sizes(expected: tuple[int, int], got: tuple[int, int]) -> str:
    return f"expected {expected[1]} x {expected[0]} pixels, got {got[1]} x {got[0]}"


def _crop(task: CropTask, landmarks: Float[Tensor, "k 2"]) -> Crop:
    if task.crop == "whole":
        return whole_crop(task.size)
    if task.crop == "person":
        return person_crop(landmarks, task.size)
    # Other schemes may include hair or lack the jaw: use the mask's box.
    if task.scheme.outline is None or task.scheme == IBUG_68:
        return face_crop(landmarks)
    return face_crop(face_outline(landmarks[None], scheme=task.scheme)[0])


def _resampled(
    image: UInt8[Tensor, "3 h w"], crop: Crop, size: tuple[int, int]
) -> UInt8[Tensor, "3 {size[0]} {size[1]}"]:
    return crop_image(image, crop, size).round().clamp(0, 255).to(torch.uint8)


def _check_mask(landmarks: Float[Tensor, "k 2"], task: CropTask) -> None:
    """Without a mask a face would stay as it is, whatever is generated."""
    if task.scheme.outline is None:
        return
    if not has_face_mask(landmarks[None], task.size, scheme=task.scheme).item():
        parts = " of the jaw or the brows" if task.scheme == IBUG_68 else ""
        raise ValueError(f"the face mask is empty: landmarks{parts} are missing")


def _landmarks(
    task: CropTask, image: UInt8[Tensor, "3 h w"], detector: LandmarkDetector | None
) -> Float[Tensor, "k 2"] | None:
    if task.landmarks is not None:
        return torch.from_numpy(task.landmarks)
    if detector is None:
        raise ValueError(f"{task.photo.source}: expected landmarks or a detector")
    height, width = image.shape[-2:]
    middle = torch.tensor([(width - 1) / 2, (height - 1) / 2])
    faces = detector(image)
    if not faces:
        return None
    central = min(faces, key=lambda face: float((face.box.view(2, 2).mean(0) - middle).norm()))
    return central.landmarks.double()


def _inside(landmarks: Float[Tensor, "k 2"], image: UInt8[Tensor, "3 h w"]) -> Bool[Tensor, " k"]:
    height, width = image.shape[-2:]
    edge = torch.tensor([width - 0.5, height - 0.5], dtype=landmarks.dtype)
    return ((landmarks >= -0.5) & (landmarks <= edge)).all(-1)
