"""Is a result still a face for a detector, in the source's place and pose?"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.evaluation.cells import Cells, mean_cell, not_measured, rate_cell
from graphgan.evaluation.study import Results, Seen, Study
from graphgan.metrics.detection import detected, landmark_box
from graphgan.metrics.landmark_error import landmark_error


def measure_utility(study: Study, results: Results, seen: Seen) -> Cells:
    """Detection by every detector, and the errors of the landmarks that the landmarker finds.

    Args:
        study: what is asked.
        results: of a system.
        seen: the same as the attackers see them.
    """
    cells: Cells = {}
    for detector in study.examiner.tools.all_detectors:
        found = study.examiner.find(results.images, detector)
        cells |= _detection(study, results, [own.boxes for own in found], detector.name)
    return cells | _pose(study, results, seen)


def _detection(
    study: Study, results: Results, boxes: list[Float[Tensor, "_ 4"]], name: str
) -> Cells:
    people = study.probe_people
    truth = landmark_box(study.landmarks(study.trials.probes))
    anywhere = _where(results, detected(boxes, truth, min_iou=0.0))
    at_place = _where(results, detected(boxes, truth, min_iou=study.settings.min_iou))
    cells = {
        f"detected by {name}": rate_cell(anywhere, people),
        f"detected in place by {name}": rate_cell(at_place, people),
    }
    if name == study.examiner.tools.detector.name:
        kept = torch.where(study.originals.found, anywhere, torch.nan)
        cells["detected where the original is"] = rate_cell(
            kept, people, empty="no original is detected"
        )
    return cells


def _pose(study: Study, results: Results, seen: Seen) -> Cells:
    given = study.landmarks(study.trials.probes)
    there = seen.found & results.present
    found = torch.where(there[:, None, None], seen.landmarks, torch.nan)
    if found.shape != given.shape:
        why = f"the landmarker has {found.shape[1]} landmarks, the images {given.shape[1]}"
        return {"pose error": not_measured(why), "pose error as published": not_measured(why)}
    of_original = torch.where(
        study.originals.found[:, None, None], study.originals.landmarks, torch.nan
    )
    people, empty = study.probe_people, "no face is detected"
    errors = {
        "pose error": landmark_error(found, given),
        "pose error to detected": landmark_error(found, of_original),
        "pose error as published": landmark_error(
            found, of_original, normalisation="eye_coordinates"
        ),
    }
    return {
        name: mean_cell(
            error, people, empty=empty, note=_left_out(results.present & error.isnan(), seen.found)
        )
        for name, error in errors.items()
    }


def _left_out(missing: Bool[Tensor, "n"], found: Bool[Tensor, "n"]) -> str:
    """How many results have no error, and why: of the others the original was not found."""
    undetected = int((missing & ~found).sum())
    note, others = f"{undetected} not detected", int((missing & found).sum())
    return f"{note}, {others} without reference" if others else note


def _where(results: Results, values: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """Only of results that there are."""
    return torch.where(results.present, values, torch.nan)
