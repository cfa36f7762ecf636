"""What an evaluation works on: `Study`, its images, protocol and tools, and `Subject`, a system."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from graphgan.data import PreparedPictures, to_float_image, to_uint8_image
from graphgan.evaluation._protocol import ConditionRule, EvaluationProtocol, Splits, draw_conditions
from graphgan.evaluation._systems import Request, System
from graphgan.evaluation._tools import ToolRunner
from graphgan.faces import Faces
from graphgan.landmarks import IBUG_68, face_mask
from graphgan.landmarks._masks import face_outline
from graphgan.metrics import box_iou, landmark_box

_Value = TypeVar("_Value")


class _Memo:
    """Computes each value once."""

    _found: dict[Any, Any]

    def once(self, what: Any, find: Callable[[], _Value]) -> _Value:
        """The value that was found under this name before, or else is found now."""
        if what not in self._found:
            self._found[what] = find()
        found: _Value = self._found[what]
        return found


@dataclass(frozen=True)
class Settings:
    """Settings of the metrics.

    Args:
        min_iou: smallest overlap of a detected box with the landmarks' box to count as in place.
        false_accept_rates: for verification with thresholds that are calibrated on the originals.
        pair_count: number of mated and of non-mated pairs for areas under ROC curves.
        frechet_count: number of images on each side of every Frechet distance.
        condition_split: split that supplies the conditions for the parrot and for links.
        batch_size: number of images that a system gets at once.
        seed: random seed for everything besides the protocol.
    """

    min_iou: float = 0.3
    false_accept_rates: tuple[float, ...] = (0.01, 0.001)
    pair_count: int = 3000
    frechet_count: int = 300
    condition_split: Splits = "test"
    batch_size: int = 32
    seed: int = 0


@dataclass(frozen=True)
class Results:
    """A system's results for n sources.

    Args:
        images: the sources themselves where there is no result.
        present: where there is a result.
    """

    images: UInt8[Tensor, "n 3 h w"]
    present: Bool[Tensor, "n"]


@dataclass(frozen=True)
class Seen:
    """n images as the attackers see them, with the inputs of recognition.

    Args:
        images: of one size.
        faces: all that the detector found.
        landmarks: of the first face, by the landmarker; of the place where faces usually are if no
            face was found.
    """

    images: UInt8[Tensor, "n 3 h w"]
    faces: Sequence[Faces]
    landmarks: Float[Tensor, "n 68 2"]

    @cached_property
    def found(self) -> Bool[Tensor, "n"]:
        """Whether the detector found a face."""
        return torch.tensor([len(own.boxes) > 0 for own in self.faces], dtype=torch.bool)


@dataclass(frozen=True)
class Study(_Memo):
    """A prepared folder, the protocol and the tools of an evaluation.

    Args:
        pictures: all images of the folder. If it has other landmarks than the 68, the landmarker
            finds these.
        protocol: the roles of the images.
        tool_runner: with its tools.
        settings: settings of the metrics.
    """

    pictures: PreparedPictures
    protocol: EvaluationProtocol
    tool_runner: ToolRunner
    settings: Settings = field(default_factory=Settings)
    _read: dict[int, UInt8[Tensor, "3 h w"]] = field(default_factory=dict, init=False, repr=False)
    _located: dict[int, Float[Tensor, "68 2"]] = field(default_factory=dict, init=False, repr=False)
    _found: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def images(self, numbers: Sequence[int]) -> UInt8[Tensor, "n 3 h w"]:
        """Untouched images; each is read once, since a folder may hold many more than are
        needed."""
        for i in numbers:
            if i not in self._read:
                self._read[i] = self.pictures[i].image
        none = torch.zeros(0, 3, *self.pictures.size, dtype=torch.uint8)
        return torch.stack([self._read[i] for i in numbers]) if numbers else none

    def landmarks(self, numbers: Sequence[int]) -> Float[Tensor, "n 68 2"]:
        """The folder's or, if its scheme is another one, those that the landmarker finds in the
        untouched face; NaN where the detector finds no face there."""
        if self.pictures.scheme == IBUG_68:
            return self.own_landmarks(numbers)
        if missing := [i for i in dict.fromkeys(numbers) if i not in self._located]:
            self._located.update(zip(missing, self._locate(missing), strict=True))
        rows = [self._located[i] for i in numbers]
        return torch.stack(rows) if rows else torch.zeros(0, IBUG_68.num_landmarks, 2)

    def own_landmarks(self, numbers: Sequence[int]) -> Float[Tensor, "n k 2"]:
        """The folder's landmarks, of its scheme."""
        rows = [self.pictures.pictures[i].landmarks for i in numbers]
        return torch.stack(rows) if rows else torch.zeros(0, self.pictures.num_landmarks, 2)

    def outlines(self, numbers: Sequence[int]) -> Float[Tensor, "n _ 2"]:
        """Points whose box is that of the face: the 68 or, of other schemes, the mask's corners."""
        points, scheme = self.own_landmarks(numbers), self.pictures.scheme
        return points if scheme == IBUG_68 else face_outline(points, scheme=scheme)

    def _locate(self, numbers: Sequence[int]) -> Float[Tensor, "n 68 2"]:
        images, runner = self.images(numbers), self.tool_runner
        places = landmark_box(self.outlines(numbers))
        found = runner.find(images, runner.tools.detector)
        at_place = [_at(own, place) for own, place in zip(found, places, strict=True)]
        return runner.locate(images, at_place)

    def people(self, numbers: Sequence[int]) -> Int[Tensor, "n"]:
        """Person numbers of images."""
        return torch.tensor([self.pictures.persons[i] for i in numbers], dtype=torch.long)

    @cached_property
    def probe_people(self) -> Int[Tensor, "n"]:
        """Number of the person of each probe."""
        return self.people(self.protocol.probes)

    @cached_property
    def gallery_people(self) -> Int[Tensor, "m"]:
        """Number of the person of each image in the gallery."""
        return self.people(self.protocol.gallery)

    @cached_property
    def asked(self) -> Bool[Tensor, "n"]:
        """Probes that re-identification uses: their person is in the gallery, and their video is
        not on the gallery's side."""
        free = torch.tensor([not reason for reason in self.protocol.reasons])
        return free & torch.isin(self.probe_people, self.gallery_people)

    @cached_property
    def probe_videos(self) -> Int[Tensor, "n"]:
        """Video number of each probe; different people have different numbers."""
        names = list(zip(self.probe_people.tolist(), self.protocol.videos, strict=True))
        numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
        return torch.tensor([numbers[name] for name in names], dtype=torch.long)

    @cached_property
    def complete(self) -> Bool[Tensor, "n"]:
        """Probes with all landmarks."""
        return self.complete_of(self.protocol.probes)

    def complete_of(self, numbers: Sequence[int]) -> Bool[Tensor, "n"]:
        """Images with all landmarks."""
        return self.landmarks(numbers).isfinite().flatten(1).all(1)

    @cached_property
    def usual_box(self) -> Float[Tensor, "4"]:
        """The detector's median box in the originals.

        If it finds none, the central box of half the image's size.
        """
        images, detector = self.images(self.protocol.probes), self.tool_runner.tools.detector
        found = self.tool_runner.find(images, detector)
        if firsts := [own.boxes[0] for own in found if len(own.boxes)]:
            return torch.stack(firsts).median(0).values
        height, width = self.pictures.size
        return torch.tensor([width, height, 3 * width, 3 * height]) / 4 - 0.5

    def see(self, images: UInt8[Tensor, "n 3 h w"]) -> Seen:
        """Run the detector and the landmark detector on images."""
        if not len(images):
            return Seen(images, [], torch.zeros(0, 68, 2))
        faces = self.tool_runner.find(images, self.tool_runner.tools.detector)
        usual = Faces.of_boxes(self.usual_box[None])
        looked_at = [own if len(own.boxes) else usual for own in faces]
        return Seen(images, faces, self.tool_runner.locate(images, looked_at))

    @cached_property
    def originals(self) -> Seen:
        """The untouched probes."""
        return self.see(self.images(self.protocol.probes))

    @cached_property
    def gallery(self) -> Seen:
        """The untouched gallery."""
        return self.see(self.images(self.protocol.gallery))

    def conditions(self, sources: Sequence[int], rule: ConditionRule) -> tuple[int, ...]:
        """A condition for each source, by the given rule, for the parrot and for links.

        Raises:
            NobodyElseError: no other person can be the condition.
        """
        return draw_conditions(
            self.pictures.pictures,
            sources,
            rule=rule,
            split=self.settings.condition_split,
            seed=self.settings.seed,
        )

    def results(self, system: System, sources: Sequence[int], conditions: Sequence[int]) -> Results:
        """A system's results for these sources, cached by content.

        Raises:
            ValueError: the system needs conditions and there is no other person; results have
                another shape than ``b 3 h w``, or are not in [-1, 1].
        """
        images = self.images(sources)
        shown = conditions if system.uses_conditions else sources
        if len(shown) != len(sources):
            raise ValueError(
                f"{system.name}: expected a second person as condition, got images of one "
                "person (--condition-split names whose images are conditions)"
            )

        def compute() -> dict[str, Tensor]:
            parts, step = [], self.settings.batch_size
            batches = range(0, len(sources), step)
            for first in self.tool_runner.progress(batches, len(batches), system.name):
                own = slice(first, first + step)
                made = system(self._request(sources[own], shown[own]))
                parts.append(_as_stored(system, made, images[own]))
            made, present = (torch.cat(column) for column in zip(*parts, strict=True))
            return {"images": made, "present": present}

        # Names matter: a folder's results are found by name.
        names = "\n".join([*(self.pictures.names[i] for i in sources), *self._people_of(shown)])
        inputs = (
            f"{type(system).__name__} {system.fingerprint}",
            names,
            images,
            self.landmarks(sources),
            self.own_landmarks(sources),
            self.images(shown),
            self.landmarks(shown),
            self.own_landmarks(shown),
        )
        return Results(**self.tool_runner.cache.fetch("results", inputs, compute))

    def _request(self, sources: Sequence[int], conditions: Sequence[int]) -> Request:
        scheme, own = self.pictures.scheme, self.own_landmarks(sources)
        return Request(
            to_float_image(self.images(sources)),
            self.landmarks(sources),
            face_mask(own, self.pictures.size, scheme=scheme),
            to_float_image(self.images(conditions)),
            self.landmarks(conditions),
            [self.pictures.pictures[i] for i in sources],
            self._people_of(conditions),
            None if scheme == IBUG_68 else own,
            None if scheme == IBUG_68 else self.own_landmarks(conditions),
        )

    def _people_of(self, numbers: Sequence[int]) -> list[str]:
        return [self.pictures.pictures[i].person for i in numbers]


def _at(faces: Faces, place: Float[Tensor, "4"]) -> Faces:
    """The face that overlaps the place most; none if none does."""
    overlaps = box_iou(faces.boxes, place[None])[:, 0].nan_to_num(nan=0)
    best = overlaps.argsort(descending=True)[:1]
    return faces.at(best[overlaps[best] > 0])


def _as_stored(
    system: System, made: Tensor, images: UInt8[Tensor, "b 3 h w"]
) -> tuple[UInt8[Tensor, "b 3 h w"], Bool[Tensor, "b"]]:
    """Results of 8 bits, ``images`` in place of missing ones, and which are there."""
    if made.shape != images.shape:
        raise ValueError(
            f"{system.name}: expected results of shape {tuple(images.shape)}, "
            f"got {tuple(made.shape)}"
        )
    made = made.detach().float().cpu()
    if (made.abs() > 1.05).any():
        raise ValueError(f"{system.name}: expected results in [-1, 1], got {made.abs().max():.3g}")
    present = made.isfinite().flatten(1).all(1)
    there = present[:, None, None, None]
    return torch.where(there, to_uint8_image(made), images), present


class Subject(_Memo):
    """A system's results for the probes.

    Args:
        study: the study.
        system: whose results are examined.
    Attributes:
        results: of all probes.
        present: the probes that are measured: those with a result, see `among`.
    Raises:
        ValueError: no result at all, or see `Study.results`.
    """

    def __init__(self, study: Study, system: System) -> None:
        self.study, self.system = study, system
        protocol = study.protocol
        self.results: Results = study.results(system, protocol.probes, protocol.conditions)
        self.present: Bool[Tensor, n] = self.results.present
        self._found: dict[Any, Any] = {}
        if not self.present.any():
            raise ValueError(f"{system.name}: expected results for the probes, got none")

    def among(self, members: Bool[Tensor, "n"]) -> "Subject":
        """The same, restricted to these probes; detections are shared."""
        own = copy.copy(self)
        own.present = self.present & members
        return own

    @property
    def seen(self) -> Seen:
        """All results as the attackers see them."""
        return self.once("seen", lambda: self.study.see(self.results.images))
