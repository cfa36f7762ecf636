"""Whether a new face fits its image: seam, sharpness and skin tone."""

import torch

from graphgan.evaluation._measurements import Measurements, mean_measurement
from graphgan.evaluation._measures.comparing import SKIN
from graphgan.evaluation._study import Subject


def measure_appearance(subject: Subject) -> Measurements:
    """Compare each result with its original in and around the face mask with a forehead.

    Probes with missing landmarks are excluded. The reference of each cell is the mean of the
    originals.
    """
    study = subject.study
    found = subject.once(
        "appearance",
        lambda: study.tool_runner.compare(
            subject.results.images,
            study.images(study.protocol.probes),
            study.landmarks(study.protocol.probes),
        ),
    )
    cells: Measurements = {}
    for name, values in found.items():
        of_result, of_original = values.unbind(1)
        untouched = of_original[of_original.isfinite() & study.complete]
        cells[name] = mean_measurement(
            torch.where(subject.present & study.complete, of_result, torch.nan),
            study.probe_people,
            empty="no skin is visible beside the faces" if name == SKIN else "no face mask",
            reference=float(untouched.mean()) if len(untouched) else None,
        )
    return cells
