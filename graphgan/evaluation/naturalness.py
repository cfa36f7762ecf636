"""Do the results as a set look like faces? Distances to real pictures that are no probes.

Every distance is between as many results as real pictures, always the same number for all systems:
it falls with the number. The untouched probes give the floor at that number.
"""

from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from graphgan.data.batches import to_float_image
from graphgan.evaluation.cells import Cell, Cells, not_measured
from graphgan.evaluation.study import Results, Seen, Study
from graphgan.faces.contracts import Recogniser
from graphgan.metrics.distribution import frechet_inception_distance, kernel_inception_distance
from graphgan.metrics.frechet import frechet_distance

LEAST_FOR_FID = 2048  # below it FID says more about the number of pictures than about them


class Naturalness:
    """Real pictures to compare with, those of the probes' people first.

    Args:
        study: what is asked.
        recogniser: whose descriptors the Frechet distance of faces is of.
        features: 8-bit ``b 3 h w`` to ``b d`` for FID and KID; None where there are no weights.
    """

    def __init__(self, study: Study, recogniser: Recogniser, features: nn.Module | None) -> None:
        self.study = study
        self.recogniser = recogniser
        self.features = features
        trials, rng = study.trials, np.random.default_rng((study.settings.seed, 13))
        probes, asked = set(trials.probes), set(study.probe_people.tolist())
        others = [i for i in rng.permutation(len(study.pictures)).tolist() if i not in probes]
        others.sort(key=lambda i: study.pictures.persons[i] not in asked)  # stable
        self.count = min(study.settings.frechet_count, len(probes), len(others))
        self.real = sorted(others[: self.count])
        chosen = rng.permutation(len(trials.probes))[: self.count]
        self.chosen = torch.from_numpy(np.sort(chosen))

    @cached_property
    def described(self) -> Float[Tensor, "n d"]:
        """Descriptors of the real pictures."""
        seen = self.study.see(self.study.images(self.real))
        return self.study.examiner.describe(seen.images, seen.landmarks, self.recogniser)

    @cached_property
    def floor(self) -> Cell:
        """The Frechet distance of the untouched probes: no system can be expected below it."""
        return self._of_faces(self.study.originals)

    def measure(self, results: Results, seen: Seen) -> Cells:
        """Frechet distance of face descriptors, FID and KID of one system."""
        name = f"FD-{self.recogniser.name}"
        if not results.present[self.chosen].all():
            missing = not_measured("results are missing")
            return {key: missing for key in (name, "FID", "KID")}
        return {name: self._of_faces(seen), **self._of_pictures(results.images[self.chosen])}

    def _of_faces(self, seen: Seen) -> Cell:
        described = self.study.examiner.describe(seen.images, seen.landmarks, self.recogniser)
        try:
            distance = frechet_distance(self.described, described[self.chosen])
        except ValueError as error:
            return not_measured(str(error))
        return Cell(distance, count=self.count)

    def _of_pictures(self, images: UInt8[Tensor, "n 3 h w"]) -> Cells:
        if self.features is None:
            return dict.fromkeys(("FID", "KID"), not_measured("weights missing"))
        real = to_float_image(self.study.images(self.real))
        made = to_float_image(images)
        cells: Cells = {}
        for name, measure in (("FID", frechet_inception_distance), ("KID", _kernel_distance)):
            try:
                cells[name] = Cell(measure(real, made, self.features), count=self.count)
            except ValueError as error:
                cells[name] = not_measured(str(error))
        return cells


def _kernel_distance(real: Tensor, made: Tensor, features: nn.Module) -> float:
    return kernel_inception_distance(real, made, features).mean
