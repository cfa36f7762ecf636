"""The inputs of one evaluation: images, trials, tools, and measurements of the originals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from graphgan.data.batches import to_float_image, to_uint8_image
from graphgan.data.prepared import PreparedPictures
from graphgan.evaluation.examiner import Examiner
from graphgan.evaluation.systems import Request, System
from graphgan.evaluation.trials import ConditionRule, Splits, Trials, draw_conditions
from graphgan.faces.contracts import Faces
from graphgan.landmarks.masks import face_mask

Found = TypeVar("Found")


@dataclass(frozen=True)
class Settings:
    """Settings of the metrics.

    Args:
        min_iou: minimum overlap with the landmarks' box for a detection to count as in place.
        false_accept_rates: false-accept rates whose thresholds are calibrated on the originals.
        pair_count: number of mated and of non-mated pairs for areas under curves.
        frechet_count: number of images on each side of every Frechet distance.
        condition_split: split that supplies conditions for the parrot and for links.
        batch_size: number of images per batch.
        seed: random seed of everything drawn besides the trials.
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
        landmarks: by the landmarker, of the first face, or of where faces mostly are when there is
            none.
    """

    images: UInt8[Tensor, "n 3 h w"]
    faces: Sequence[Faces]
    landmarks: Float[Tensor, "n 68 2"]

    @cached_property
    def found(self) -> Bool[Tensor, "n"]:
        """Whether the detector found a face."""
        return torch.tensor([len(own.boxes) > 0 for own in self.faces], dtype=torch.bool)


@dataclass(frozen=True)
class Study:
    """A prepared folder with trials, tools and settings.

    Args:
        pictures: all images of the folder, with 68 landmarks.
        trials: the images to measure.
        examiner: runs the tools.
        settings: settings of the metrics.
    """

    pictures: PreparedPictures
    trials: Trials
    examiner: Examiner
    settings: Settings = field(default_factory=Settings)
    _read: dict[int, UInt8[Tensor, "3 h w"]] = field(default_factory=dict, init=False, repr=False)
    _found: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def once(self, what: Any, find: Callable[[], Found]) -> Found:
        """Return what was computed for the originals under this name, or compute it."""
        if what not in self._found:
            self._found[what] = find()
        found: Found = self._found[what]
        return found

    def images(self, numbers: Sequence[int]) -> UInt8[Tensor, "n 3 h w"]:
        """Untouched images; each is read once, since a folder may hold many more than are
        needed."""
        for i in numbers:
            if i not in self._read:
                self._read[i] = self.pictures[i].image
        none = torch.zeros(0, 3, *self.pictures.size, dtype=torch.uint8)
        return torch.stack([self._read[i] for i in numbers]) if numbers else none

    def landmarks(self, numbers: Sequence[int]) -> Float[Tensor, "n 68 2"]:
        """The given landmarks."""
        rows = [self.pictures.pictures[i].landmarks for i in numbers]
        return torch.stack(rows) if rows else torch.zeros(0, self.pictures.num_landmarks, 2)

    def people(self, numbers: Sequence[int]) -> Int[Tensor, "n"]:
        """Person numbers of images."""
        return torch.tensor([self.pictures.persons[i] for i in numbers], dtype=torch.long)

    @cached_property
    def probe_people(self) -> Int[Tensor, "n"]:
        """Person number of each probe."""
        return self.people(self.trials.probes)

    @cached_property
    def gallery_people(self) -> Int[Tensor, "m"]:
        """Person number of each gallery image."""
        return self.people(self.trials.gallery)

    @cached_property
    def asked(self) -> Bool[Tensor, "n"]:
        """Probes that can be asked about re-identification: their person is in the gallery, and
        they are not on its side."""
        free = torch.tensor([not reason for reason in self.trials.reasons])
        return free & torch.isin(self.probe_people, self.gallery_people)

    @cached_property
    def probe_videos(self) -> Int[Tensor, "n"]:
        """Number of the video of each probe, another one for another person."""
        names = list(zip(self.probe_people.tolist(), self.trials.videos, strict=True))
        numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
        return torch.tensor([numbers[name] for name in names], dtype=torch.long)

    @cached_property
    def complete(self) -> Bool[Tensor, "n"]:
        """Probes with all landmarks."""
        return self.complete_of(self.trials.probes)

    def complete_of(self, numbers: Sequence[int]) -> Bool[Tensor, "n"]:
        """Images with all landmarks."""
        return self.landmarks(numbers).isfinite().flatten(1).all(1)

    @cached_property
    def usual_box(self) -> Float[Tensor, "4"]:
        """The detector's median box in the originals.

        If it finds none, the central box of half the image's size.
        """
        images, detector = self.images(self.trials.probes), self.examiner.tools.detector
        found = self.examiner.find(images, detector)
        if firsts := [own.boxes[0] for own in found if len(own.boxes)]:
            return torch.stack(firsts).median(0).values
        height, width = self.pictures.size
        return torch.tensor([width, height, 3 * width, 3 * height]) / 4 - 0.5

    def see(self, images: UInt8[Tensor, "n 3 h w"]) -> Seen:
        """Run the detector and the landmark detector on images."""
        if not len(images):
            return Seen(images, [], torch.zeros(0, 68, 2))
        faces = self.examiner.find(images, self.examiner.tools.detector)
        usual = Faces.of_boxes(self.usual_box[None])
        looked_at = [own if len(own.boxes) else usual for own in faces]
        return Seen(images, faces, self.examiner.locate(images, looked_at))

    @cached_property
    def originals(self) -> Seen:
        """The untouched probes."""
        return self.see(self.images(self.trials.probes))

    @cached_property
    def gallery(self) -> Seen:
        """The untouched gallery."""
        return self.see(self.images(self.trials.gallery))

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
            ValueError: nobody to be the condition that the system takes; results of another shape
                than ``b 3 h w``, or not in [-1, 1].
        """
        images, landmarks = self.images(sources), self.landmarks(sources)
        shown = conditions if system.uses_conditions else sources
        if len(shown) != len(sources):
            raise ValueError(
                f"{system.name}: expected a second person as condition, got images of one "
                "person (--condition-split names whose images are conditions)"
            )

        def compute() -> dict[str, Tensor]:
            parts, step = [], self.settings.batch_size
            batches = range(0, len(sources), step)
            for first in self.examiner.progress(batches, len(batches), system.name):
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
            landmarks,
            self.images(shown),
            self.landmarks(shown),
        )
        return Results(**self.examiner.cache.fetch("results", inputs, compute))

    def _request(self, sources: Sequence[int], conditions: Sequence[int]) -> Request:
        landmarks = self.landmarks(sources)
        return Request(
            to_float_image(self.images(sources)),
            landmarks,
            face_mask(landmarks, self.pictures.size),
            to_float_image(self.images(conditions)),
            self.landmarks(conditions),
            [self.pictures.pictures[i] for i in sources],
            self._people_of(conditions),
        )

    def _people_of(self, numbers: Sequence[int]) -> list[str]:
        return [self.pictures.pictures[i].person for i in numbers]


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
