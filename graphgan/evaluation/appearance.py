"""Does a new face fit into its picture: its seam, its sharpness, and the tone of its skin?"""

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.anonymize.compositor.constants import FOREHEAD
from graphgan.evaluation.cells import Cells, mean_cell
from graphgan.evaluation.subject import Subject
from graphgan.landmarks.masks import face_mask
from graphgan.metrics.seam import seam_visibility
from graphgan.metrics.sharpness import face_sharpness
from graphgan.metrics.skin_tone import skin_beside, skin_tone

_AT_ONCE = 32  # pictures in a batch

SEAM, SHARPNESS, SKIN = "seam", "sharpness", "skin tone, difference to the skin beside"
AROUND = "sharpness, against the surroundings"


def measure_appearance(subject: Subject) -> Cells:
    """Compare each result with its original in and around the face mask with a forehead.

    The mask is the same for all systems, whatever they replaced. Probes without an outline of
    landmarks are left out.
    """
    found = subject.once("appearance", lambda: _compared(subject))
    people, study = subject.study.probe_people, subject.study
    untouched = {name: float(values.nanmean()) for name, values in found.untouched.items()}
    empty = {SKIN: "no skin is seen beside the faces"}
    return {
        name: mean_cell(
            torch.where(subject.present & study.complete, values, torch.nan),
            people,
            empty=empty.get(name, "no face mask"),
            reference=untouched[name] if untouched[name] == untouched[name] else None,
        )
        for name, values in found.of_results.items()
    }


class _Compared:
    """One number a probe for each measure, of results and of the originals themselves."""

    def __init__(self) -> None:
        self.of_results: dict[str, Float[Tensor, n]] = {}
        self.untouched: dict[str, Float[Tensor, n]] = {}


def _compared(subject: Subject) -> _Compared:
    trials, study = subject.study.trials, subject.study
    originals, landmarks = study.images(trials.probes), study.landmarks(trials.probes)
    parts = [
        _compare(*batch)
        for batch in zip(
            *(torch.split(x, _AT_ONCE) for x in (subject.results.images, originals, landmarks)),
            strict=True,
        )
    ]
    found = _Compared()
    for name in parts[0]:
        columns = [torch.cat([part[name][i] for part in parts]) for i in (0, 1)]
        found.of_results[name], found.untouched[name] = columns
    return found


def _compare(
    results: Tensor, originals: Tensor, landmarks: Float[Tensor, "b 68 2"]
) -> dict[str, tuple[Float[Tensor, "b"], Float[Tensor, "b"]]]:
    size = (originals.shape[2], originals.shape[3])
    mask = face_mask(landmarks, size, forehead=FOREHEAD)
    sharpness = face_sharpness(results, originals, mask)
    beside = skin_beside(originals, mask, landmarks)
    tones = [skin_tone(images, landmarks, beside).delta_e for images in (results, originals)]
    one = torch.ones(len(results))
    return {
        SEAM: (seam_visibility(results, originals, mask), one),
        SHARPNESS: (sharpness.to_original, one),
        AROUND: (sharpness.to_surroundings, sharpness.original_to_surroundings),
        SKIN: (tones[0], tones[1]),
    }
