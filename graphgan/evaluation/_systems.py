"""The systems to compare; each turns face images into anonymized ones.

Your own system is one small class:

    class Mirrored:
        name = "mirrored"
        uses_conditions = False
        fingerprint = "1"  # changes when its results do

        def __call__(self, request):
            return request.source.flip(-1)
"""

import hashlib
import zlib
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan._threads import results_in_order
from graphgan.anonymize import (
    Anonymizer,
    Condition,
    ConditionOrder,
    FaceMethod,
    GeneratedFaces,
    Match,
    ObscuredFaces,
    blur_faces,
    give_identity,
    pixelate_faces,
)
from graphgan.anonymize._conditions import people_conditions
from graphgan.anonymize._crops import generate_crops
from graphgan.anonymize._faces import LEAST_SHOWN, Attempt, ReplacementTask
from graphgan.anonymize._methods import DEFAULT_SIZE, Obscuring
from graphgan.anonymize._obscure import BLUR_KERNEL, MOSAIC_BLOCK
from graphgan.anonymize.compositor import _constants as constants
from graphgan.anonymize.compositor import blend_crops, carry_outward
from graphgan.data import LANDMARKS_OF_68, to_float_image, to_uint8_image
from graphgan.data._prepared import PreparedPicture
from graphgan.landmarks import IBUG_68, Detection, LandmarkScheme, face_mask
from graphgan.models import AnonyGAN, CIAGANGenerator, Pretrained
from graphgan.models._ciagan import resized_images, resized_points
from graphgan.models.published import Kind, load_published
from graphgan.training._devices import torch_device
from graphgan.weights import FACES, PEOPLE, find_weights, weights_file

_Network = TypeVar("_Network", bound=Pretrained)


class Request(NamedTuple):
    """Faces to anonymize, with everything a system may use.

    Args:
        pictures: rows of the sources in the prepared folder: name, person, photo and crop.
        condition_people: people shown by the conditions.
        own_landmarks, own_condition_landmarks: those of the folder, if its scheme is not iBUG-68.
            ``landmarks`` and ``condition_landmarks`` are then found in the images, NaN where no
            face is found.
    Shapes:
        ``source, condition: b 3 h w`` in [-1, 1]; ``landmarks, condition_landmarks: b 68 2`` in
        pixels; ``mask: b 1 h w`` of the source, 1 inside the face; ``own_landmarks,
        own_condition_landmarks: b k 2``
    """

    source: Float[Tensor, "b 3 h w"]
    landmarks: Float[Tensor, "b 68 2"]
    mask: Float[Tensor, "b 1 h w"]
    condition: Float[Tensor, "b 3 h w"]
    condition_landmarks: Float[Tensor, "b 68 2"]
    pictures: Sequence[PreparedPicture]
    condition_people: Sequence[str]
    own_landmarks: Float[Tensor, "b k 2"] | None = None
    own_condition_landmarks: Float[Tensor, "b k 2"] | None = None


@runtime_checkable
class System(Protocol):
    """Anonymizes face crops.

    Attributes:
        name: name in tables and plots.
        uses_conditions: whether the result shows the condition's identity.
        fingerprint: cached results are valid as long as it does not change.
    """

    @property
    def name(self) -> str: ...

    @property
    def uses_conditions(self) -> bool: ...

    @property
    def fingerprint(self) -> str: ...

    def __call__(self, request: Request) -> Float[Tensor, "b 3 h w"]:
        """The results in [-1, 1] at the size of the sources; NaN where there is none."""
        ...


class Original:
    """Returns the source unchanged: the upper bound for utility, the lower bound for privacy."""

    name = "original"
    uses_conditions = False
    fingerprint = "1"

    def __call__(self, request: Request) -> Float[Tensor, "b 3 h w"]:
        return request.source


class MethodSystem:
    """A method of the anonymizer, with each image treated as a photo, as users would run it.

    The face is cropped, replaced and pasted as by `graphgan-anonymize`, at the image's own size,
    and covered by a mosaic if that fails. Results are not checked by a recognizer, so results that
    it would refuse are measured, too.

    Args:
        method: replaces faces.
        name: name in tables.
        fingerprint: fingerprint of the method; the compositor's is added.
    """

    def __init__(self, method: FaceMethod, *, name: str, fingerprint: str) -> None:
        self.method = method
        self.name = name
        self.fingerprint = f"{fingerprint}; from {LEAST_SHOWN} on; {constants.fingerprint()}"
        self.uses_conditions = method.uses_conditions
        self._anonymizer = Anonymizer("pixelate", _no_faces, recognizer=None)

    def __call__(self, request: Request) -> Float[Tensor, "b 3 h w"]:
        people = _conditions(request) if self.uses_conditions else [None] * len(request[0])
        return self._replaced(request, people)

    def _replaced(
        self, request: Request, people: Sequence[Condition | None]
    ) -> Float[Tensor, "b 3 h w"]:
        photos = zip(to_uint8_image(request.source), request.landmarks, people, strict=True)
        return torch.stack(list(results_in_order(photos, self._replaced_one)))

    def _replaced_one(
        self, photo: tuple[UInt8[Tensor, "3 h w"], Float[Tensor, "68 2"], Condition | None]
    ) -> Float[Tensor, "3 h w"]:
        image, points, person = photo
        attempts = chain([Attempt(self.method, person)], self._anonymizer.fallbacks())
        task = ReplacementTask(_detection(points, image), attempts)
        return to_float_image(self._anonymizer.replace(image, [task], check=False).image)


def _no_faces(image: UInt8[Tensor, "3 h w"]) -> list[Detection]:
    """The faces of the images are known."""
    return []


def _detection(points: Float[Tensor, "68 2"], image: Tensor) -> Detection:
    """A face with the box of its landmarks; of all of the image where there are none."""
    there = points[points.isfinite().all(1)]
    if not len(there):
        there = torch.tensor([[0.0, 0.0], [image.shape[2] - 1.0, image.shape[1] - 1.0]])
    return Detection(torch.cat([there.amin(0), there.amax(0)]), points)


def _conditions(request: Request) -> list[Condition]:
    """Those of a request, at their own size."""
    shown = zip(request.condition, request.condition_landmarks, strict=True)
    return [Condition(str(i), image, points) for i, (image, points) in enumerate(shown)]


def obscuring_system(kind: Obscuring) -> MethodSystem:
    """The anonymizer's own mosaic, blur or flat color."""
    return MethodSystem(ObscuredFaces(kind), name=kind, fingerprint=kind)


class PublishedBlur:
    """A Gaussian blur of the face mask, 101 x 101 pixels, as in published evaluations."""

    name = "published-blur"
    uses_conditions = False
    fingerprint = f"{BLUR_KERNEL}, sigma a quarter"

    def __call__(self, request: Request) -> Float[Tensor, "b 3 h w"]:
        return blur_faces(request.source, request.mask)


class PublishedMosaic:
    """A mosaic of the face mask in blocks of 10 x 10 pixels, as in published evaluations."""

    name = "published-pixelate"
    uses_conditions = False
    fingerprint = f"{MOSAIC_BLOCK}"

    def __call__(self, request: Request) -> Float[Tensor, "b 3 h w"]:
        return pixelate_faces(request.source, request.mask)


class AnonyGANSystem(MethodSystem):
    """A trained AnonyGAN in the anonymizer, showing the condition of each request.

    Args:
        weights: a weights file, a run folder, or a published checkpoint.
        name: name in tables.
        size: height and width of the crops, if the weights do not record them.
        pasted: False measures the raw network output, I_g of [A] Dall'Asen et al., ICIAP 2021,
            without the source around it; sources that lack landmarks then have no result.
        device: device to run on.
    Raises:
        ValueError: the weights do not exist, or the network uses other landmarks.
    """

    def __init__(
        self,
        weights: Path,
        *,
        name: str = "anonygan",
        size: tuple[int, int] = DEFAULT_SIZE,
        pasted: bool = True,
        device: str = "cpu",
    ) -> None:
        path = find_weights(weights)
        checksum = _checksum(path)
        model = _ours_or_published(AnonyGAN, path, "anonygan_generator")
        count = model.generator.num_landmarks
        if count not in LANDMARKS_OF_68:
            known = " or ".join(map(str, LANDMARKS_OF_68))
            raise ValueError(f"{path}: expected a network of {known} landmarks, got {count}")
        self._model = model.to(torch_device(device)).fuse()
        method = GeneratedFaces(self._model, size=model.size or size)
        how = "" if pasted else " not pasted"
        super().__init__(method, name=name, fingerprint=f"{checksum} {method.size}{how}")
        self.trained_with = model.trained_with
        self.pasted = pasted

    def __call__(self, request: Request) -> Float[Tensor, "b 3 h w"]:
        if self.pasted:
            return super().__call__(request)
        points = request.landmarks, request.condition_landmarks
        return _of_whole_images(self._model, request, points, self.method.size)


def _of_whole_images(
    model: AnonyGAN,
    request: Request,
    points: tuple[Float[Tensor, "b k 2"], Float[Tensor, "b k 2"]],
    size: tuple[int, int],
    scheme: LandmarkScheme = IBUG_68,
) -> Float[Tensor, "b 3 h w"]:
    """`generate_crops` of images brought to the network's size and back; NaN where landmarks
    lack."""
    complete = torch.stack([own.isfinite().flatten(1).all(1) for own in points]).all(0)
    result = torch.full_like(request.source, torch.nan)
    if not complete.any():
        return result
    columns = (request.source, points[0], request.condition, points[1])
    given = [column[complete] for column in columns]
    shape = (request.source.shape[2], request.source.shape[3])
    for i in (0, 2):
        given[i + 1] = resized_points(given[i + 1], shape, size)
        given[i] = resized_images(given[i], size)
    made = generate_crops(model, *given, scheme=scheme)
    result[complete] = resized_images(made, shape).clamp(-1, 1)
    return result


class SchemeAnonyGANSystem:
    """A trained AnonyGAN for landmarks of another scheme, given those of the folder.

    The anonymizer does not take such networks. Results are pasted into the scheme's face mask with
    the anonymizer's soft edge; nothing in front of a face is kept.

    Args:
        weights, name, pasted, device: see `AnonyGANSystem`.
        scheme: scheme of the folder, with as many landmarks as the network takes.
    Raises:
        ValueError: the weights do not exist.
    """

    uses_conditions = True

    def __init__(
        self,
        weights: Path,
        scheme: LandmarkScheme,
        *,
        name: str = "anonygan",
        pasted: bool = True,
        device: str = "cpu",
    ) -> None:
        path = find_weights(weights)
        model = _ours_or_published(AnonyGAN, path, "anonygan_generator")
        how = constants.fingerprint() if pasted else "not pasted"
        self.name, self.pasted, self.scheme = name, pasted, scheme
        self.fingerprint = f"{_checksum(path)} {scheme.name}; {how}"
        self.trained_with = model.trained_with
        self._model = model.to(torch_device(device)).fuse()

    def __call__(self, request: Request) -> Float[Tensor, "b 3 h w"]:
        source, condition = request.own_landmarks, request.own_condition_landmarks
        assert source is not None and condition is not None
        shape = (request.source.shape[2], request.source.shape[3])
        size = self._model.size or shape
        made = _of_whole_images(self._model, request, (source, condition), size, self.scheme)
        there = made.isfinite().flatten(1).all(1)
        if not self.pasted or not there.any():
            return made
        forehead = self._model.forehead
        masks = face_mask(source[there], shape, forehead=forehead, scheme=self.scheme)
        made[there] = blend_crops(request.source[there], carry_outward(made[there], masks), masks)
        return made


def anonygan_system(
    weights: Path, scheme: LandmarkScheme, *, name: str, pasted: bool, device: str
) -> AnonyGANSystem | SchemeAnonyGANSystem:
    """The system of a network, for a folder of this scheme.

    Networks of 68 and 29 landmarks can be measured on any folder: the 68 are found in its images.

    Raises:
        ValueError: the weights do not exist, or the network uses other landmarks.
    """
    if scheme == IBUG_68:
        return AnonyGANSystem(weights, name=name, pasted=pasted, device=device)
    path = find_weights(weights)
    _checksum(path)  # raises if there is no file
    count = _ours_or_published(AnonyGAN, path, "anonygan_generator").generator.num_landmarks
    if count == scheme.num_landmarks:
        return SchemeAnonyGANSystem(weights, scheme, name=name, pasted=pasted, device=device)
    if count not in LANDMARKS_OF_68:
        known = " or ".join(map(str, (scheme.num_landmarks, *LANDMARKS_OF_68)))
        raise ValueError(
            f"{path}: expected a network of {known} landmarks for faces with {scheme.name}, got "
            f"one of {count}"
        )
    return AnonyGANSystem(weights, name=name, pasted=pasted, device=device)


class ProductSystem(AnonyGANSystem):
    """``graphgan-anonymize`` with its defaults: shipped weights and nonexistent people.

    The requests' conditions are ignored; the identity is chosen by the image's name and the look of
    the face. No recognizer takes part: no result is checked, and nobody is avoided.

    Args:
        weights: weights to use instead of the shipped ones.
        name: name in tables.
        match: how people are matched, see `ConditionOrder`.
        device: device to run on.
    Raises:
        ValueError: the weights do not exist, or the network uses other landmarks.
    """

    def __init__(
        self,
        weights: Path = Path(FACES),
        *,
        name: str = "product",
        match: Match = "tone",
        device: str = "cpu",
    ) -> None:
        super().__init__(weights, name=name, device=device)
        self.uses_conditions = False
        people = people_conditions()
        self.fingerprint += f"; shows {_checksum(weights_file(PEOPLE))} by {match}"
        self._order = ConditionOrder(people, match=match)

    def __call__(self, request: Request) -> Float[Tensor, "b 3 h w"]:
        faces = zip(
            to_uint8_image(request.source), request.landmarks, request.pictures, strict=True
        )
        return self._replaced(request, [self._chosen(*face) for face in faces])

    def _chosen(
        self,
        image: UInt8[Tensor, "3 h w"],
        landmarks: Float[Tensor, "68 2"],
        picture: PreparedPicture,
    ) -> Condition:
        (look,) = self._order.looks(image, [landmarks])
        return next(self._order.of(picture.name, look))


class CIAGANSystem:
    """A trained CIAGAN, which can only show people of its own training set.

    A condition's person is shown if it was in the training set; otherwise one of the training
    people stands in, always the same for the same person.

    Args:
        weights: a weights file, a run folder, or a published checkpoint.
        name: name in tables.
        pasted: False measures the raw network output.
        device: device to run on.
    Attributes:
        people: the training people, or None if a published checkpoint does not name them.
    Raises:
        ValueError: the weights do not exist.
    """

    uses_conditions = True

    def __init__(
        self, weights: Path, *, name: str = "ciagan", pasted: bool = True, device: str = "cpu"
    ) -> None:
        self.name, self.pasted = name, pasted
        path = find_weights(weights)
        how = constants.fingerprint() if pasted else "not pasted"
        self.fingerprint = f"{_checksum(path)}; {how}"
        generator = _ours_or_published(CIAGANGenerator, path, "ciagan_generator")
        self.device = torch_device(device)
        self.generator = generator.to(self.device).fuse()
        self.people = generator.people

    def __call__(self, request: Request) -> Float[Tensor, "b 3 h w"]:
        device = self.device
        numbers = torch.tensor([self.identity(person) for person in request.condition_people])
        return give_identity(
            self.generator,
            request.source.to(device),
            request.landmarks.to(device),
            numbers.to(device),
            pasted=self.pasted,
        )

    def identity(self, person: str) -> int:
        """The number of the person, or of its stand-in."""
        if self.people is not None and person in self.people:
            return self.people.index(person)
        return zlib.crc32(person.encode()) % self.generator.num_identities


def _checksum(path: Path) -> str:
    if not path.is_file():
        raise ValueError(f"expected a weights file, found none at {path}")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _ours_or_published(network: type[_Network], path: Path, kind: Kind) -> _Network:
    """The network of a file, in eval mode."""
    if path.suffix == ".safetensors":
        return network.from_pretrained(path)
    published = load_published(kind, path)
    assert isinstance(published, network)
    return published
