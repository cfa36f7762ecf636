"""Conditions: the people who are shown instead of those who must be hidden."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_positive
from graphgan._tensor_files import read_tensors
from graphgan.data import SyntheticFaces, photo_sources, read_image, to_float_image
from graphgan.data._images import decode_image, decoded_picture
from graphgan.landmarks import Alignment, FindFaces, crop_aligned
from graphgan.landmarks._alignment import align_face
from graphgan.landmarks._crop import whole_crop
from graphgan.metrics import yaw
from graphgan.weights import PEOPLE, weights_file

_NOBODY = (74, 2, 22, 13, 149, 109, 1, 92, 127, 146, 101, 95, 131, 24, 123, 148)


class Look(NamedTuple):
    """What a face looks like; NaN where this is unknown.

    Args:
        tone: median color of cheeks and nose, CIELAB; in photos corrected for the exposure.
        age: in years, apparent.
        male: probability, apparent.
    """

    tone: Float[Tensor, "3"]
    age: float
    male: float


@dataclass(frozen=True)
class Condition:
    """An aligned face of a person to show.

    Args:
        name: in reports.
        look: if it is known; otherwise it is computed when needed.
        descriptor: of `DlibResNetRecognizer`; computed when needed, too.
    Shapes:
        ``image: 3 h w`` in [-1, 1], ``landmarks: 68 2`` in its pixels
    """

    name: str
    image: Float[Tensor, "3 h w"]
    landmarks: Float[Tensor, "68 2"]
    look: Look | None = None
    descriptor: Float[Tensor, "128"] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[1], self.image.shape[2]

    def resized(self, size: tuple[int, int]) -> "Condition":
        """The same person on ``size`` pixels, height and width."""
        image, landmarks = self.image, self.landmarks
        if size != self.size:
            whole = Alignment(whole_crop(self.size))
            image = crop_aligned(image, whole, size).clamp(-1, 1)
            landmarks = whole.to_crop(landmarks, size)
        return Condition(self.name, image, landmarks, self.look, self.descriptor)


class _StoredCondition(Condition):
    """Decoded each time that it is shown: all the people at once take 290 MB and half a second."""

    _content: bytes
    _size: tuple[int, int]

    def __init__(
        self,
        name: str,
        content: bytes,
        landmarks: Float[Tensor, "68 2"],
        look: Look | None,
        descriptor: Float[Tensor, "128"] | None,
    ) -> None:
        with decoded_picture(io.BytesIO(content), name) as image:
            width, height = image.size
        for key, value in (
            ("name", name),
            ("landmarks", landmarks),
            ("look", look),
            ("descriptor", descriptor),
            ("_content", content),
            ("_size", (height, width)),
        ):
            object.__setattr__(self, key, value)

    @property
    def image(self) -> Float[Tensor, "3 h w"]:
        return to_float_image(decode_image(self._content, self.name))

    @property
    def size(self) -> tuple[int, int]:
        return self._size

    def resized(self, size: tuple[int, int]) -> Condition:
        whole = Condition(self.name, self.image, self.landmarks, self.look, self.descriptor)
        return whole.resized(size)


def people_conditions(path: Path | None = None) -> list[Condition]:
    """People who look real and do not exist: each is composed of several portraits.

    The portraits themselves are of people who do not exist (faker-js/assets-person-portrait, CC0).
    512 x 512 pixels.

    Args:
        path: a file of ``scripts/compose_people.py``; by default the one that is shipped.
    Raises:
        ValueError: a file of another kind.
        OSError: no such file, or one that may not be read.
    """
    path = weights_file(PEOPLE) if path is None else path
    try:
        tensors = dict(read_tensors(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    landmarks = tensors.pop("landmarks", torch.zeros(0))
    looks, descriptors = (tensors.pop(name, None) for name in ("looks", "descriptors"))
    if not tensors or landmarks.shape != (len(tensors), 68, 2):
        raise ValueError(f"{path}: expected people and 68 landmarks of each")
    if wrong := [name for name, image in tensors.items() if image.dtype != torch.uint8]:
        raise ValueError(f"{path}: expected the bytes of images, got others for {wrong[0]}")
    return [
        _StoredCondition(
            name, tensors[name].numpy().tobytes(), points.float(), _as_look(look), descriptor
        )
        for name, points, look, descriptor in zip(
            sorted(tensors),
            landmarks,
            _rows(looks, len(tensors), 5, path),
            _rows(descriptors, len(tensors), 128, path),
            strict=True,
        )
    ]


def _rows(
    numbers: Tensor | None, people: int, count: int, path: Path
) -> list[Float[Tensor, "_"] | None]:
    """The numbers of each of the people; None where they are not known."""
    if numbers is None:
        return [None] * people
    if numbers.shape != (people, count):
        raise ValueError(f"{path}: expected {count} numbers for each of the people")
    return [row.float() if row.isfinite().all() else None for row in numbers]


def _as_look(numbers: Float[Tensor, "5"] | None) -> Look | None:
    """L*, a*, b*, age and the probability of male."""
    if numbers is None:
        return None
    return Look(numbers[:3], float(numbers[3]), float(numbers[4]))


def nobody_conditions(size: tuple[int, int] = (128, 128)) -> list[Condition]:
    """Drawn people who do not resemble real ones.

    These are 16 of 160 drawn people. Their descriptors are farthest from one image of each of the
    302 people on whom this library is evaluated: all farther than 0.6, the distance up to which
    dlib matches two faces.

    Raises:
        ValueError: a size below 16.
    """
    return [_drawn(person, size, seed=0) for person in _NOBODY]


def drawn_conditions(
    count: int = 16, *, size: tuple[int, int] = (128, 128), seed: int = 0
) -> list[Condition]:
    """Drawn people, who do not exist; each in the most frontal of a few views.

    Raises:
        ValueError: less than one, or a size below 16.
    """
    check_positive(count=count)
    return [_drawn(person, size, seed=seed) for person in range(count)]


def _drawn(person: int, size: tuple[int, int], *, seed: int) -> Condition:
    faces = SyntheticFaces(1, 4, size=max(size), seed=seed, first_person=person)
    whole = Alignment(whole_crop(faces.size))
    views = (faces[view] for view in range(4))
    image, landmarks = min(views, key=lambda face: abs(float(yaw(face.landmarks[None]))))
    crop = crop_aligned(to_float_image(image), whole, size)
    return Condition(f"drawn-{person}", crop, whole.to_crop(landmarks, size))


def photo_conditions(
    path: str | Path, detector: FindFaces, *, size: tuple[int, int] = (128, 128)
) -> list[Condition]:
    """The person of a photo, or those of all photos below a folder.

    Args:
        path: a photo of one face, or a folder of such photos.
        detector: finds them.
        size: height and width of the aligned crops, in pixels.
    Raises:
        ValueError: a photo with no face or several, or no photo at all.
        OSError: a photo that cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        return [_photo_condition(path, path.name, detector, size)]
    sources, _ = photo_sources(path)
    if not sources:
        raise ValueError(f"{path}: expected photos of people to show, found none")
    return [_photo_condition(path / source, source, detector, size) for source in sources]


def _photo_condition(
    path: Path, name: str, detector: FindFaces, size: tuple[int, int]
) -> Condition:
    image = read_image(path)
    faces = detector(image)
    if len(faces) != 1:
        raise ValueError(f"{path}: expected a photo with one face, found {len(faces)}")
    landmarks = faces[0].landmarks
    try:
        alignment = align_face(landmarks)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    crop = crop_aligned(to_float_image(image), alignment, size).clamp(-1, 1)
    return Condition(name, crop, alignment.to_crop(landmarks, size))
