"""Do the results as a set look real? Distances to real pictures that they were not made of.

Every distance is between as many results as real pictures, always the same number for all systems:
it falls with the number. Sources and real pictures have no picture in common. The untouched sources
give the floor at that number: the distance between two halves of the originals.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.evaluation.cells import Cell, Cells, not_measured
from graphgan.evaluation.features import PictureFeatures
from graphgan.evaluation.privacy import attack_of
from graphgan.evaluation.study import Study
from graphgan.evaluation.subject import Subject
from graphgan.faces.contracts import Recogniser
from graphgan.metrics.frechet import frechet_distance

LEAST_FOR_FID = 2048  # below it FID says more about the number of pictures than about them


class Naturalness:
    """Two sets of pictures: the sources of the results, and real ones to compare them with.

    Both are of the probes' people, so that what differs is not who is shown.

    Args:
        study: what is asked.
        recogniser: whose descriptors the Frechet distance of faces is of.
        features: for distances of whole pictures; None where there are no weights.
    Attributes:
        count: pictures in each set.
    """

    def __init__(
        self, study: Study, recogniser: Recogniser, features: PictureFeatures | None
    ) -> None:
        self.study = study
        self.recogniser = recogniser
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

    @property
    def names(self) -> list[str]:
        """Of the metrics."""
        own = None if self.features is None else self.features.name
        whole = ["FID", "KID"] if own is None else [f"FD-{own}", f"KD-{own}"]
        return [f"FD-{self.recogniser.name}", *whole]

    def measure(self, subject: Subject) -> Cells:
        """Frechet distance of face descriptors; Frechet and kernel distance of picture features."""
        if missing := int((~subject.results.present[self.chosen]).sum()):
            why = f"results are missing: {missing} of {self.count}"
            return dict.fromkeys(self.names, not_measured(why))
        faces, *whole = self.names
        attack = attack_of(self.study, self.recogniser, "pipeline")
        cells = {faces: self._cell(faces, frechet_distance, attack.of_subject(subject))}
        if self.features is None:
            return cells | dict.fromkeys(whole, not_measured("weights missing"))
        rows = self.features.of_subject(subject)
        for name, measure in zip(whole, (frechet_distance, kernel_distance), strict=True):
            cells[name] = self._cell(name, measure, rows)
        return cells

    def _cell(
        self,
        name: str,
        measure: Callable[[Tensor, Tensor], float],
        rows: Float[Tensor, "n d"],
    ) -> Cell:
        is_faces = name == self.names[0]
        real, untouched = self._faces() if is_faces else self._whole()
        try:
            distance = measure(real, rows[self.chosen])
            floor = self.study.once(("floor", name), lambda: measure(real, untouched))
        except ValueError as error:
            return not_measured(str(error))
        return Cell(distance, count=self.count, reference=floor)

    def _faces(self) -> tuple[Tensor, Tensor]:
        """Descriptors of the real pictures and of the untouched sources."""
        attack = attack_of(self.study, self.recogniser, "pipeline")

        def describe() -> Tensor:
            seen = self.study.see(self.study.images(self.real))
            return self.study.examiner.describe(seen.images, seen.landmarks, self.recogniser)

        real = self.study.once(("real", self.recogniser.name), describe)
        return real, attack.originals[self.chosen]

    def _whole(self) -> tuple[Tensor, Tensor]:
        """The same of the features of whole pictures."""
        assert self.features is not None
        probes = self.study.trials.probes
        sources = [probes[i] for i in self.chosen.tolist()]
        return self.features.of_pictures(self.real), self.features.of_pictures(sources)


def kernel_distance(real: Float[Tensor, "n d"], made: Float[Tensor, "m d"]) -> float:
    """Unbiased squared maximum mean discrepancy under ``k(x, y) = (x . y / d + 1)^3``, whole sets.

    Source: Binkowski et al., "Demystifying MMD GANs", ICLR 2018, section 4.

    Raises:
        ValueError: fewer than two pictures.
    """
    x, y = real.double(), made.double()
    if min(len(x), len(y)) < 2:
        raise ValueError(f"expected at least 2 pictures in each set, got {len(x)} and {len(y)}")

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    within = [
        kernel(own, own).fill_diagonal_(0).sum() / (len(own) * (len(own) - 1)) for own in (x, y)
    ]
    return float(within[0] + within[1] - 2 * kernel(x, y).mean())
