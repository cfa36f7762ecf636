"""Whether a detector still finds a face in a result, in the source's place and pose."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.evaluation.cells import Cells, mean_cell, not_measured, rate_cell
from graphgan.evaluation.study import Seen, Study
from graphgan.evaluation.subject import Subject
from graphgan.faces.contracts import FaceDetector
from graphgan.metrics.detection import detected, landmark_box
from graphgan.metrics.landmark_error import landmark_error

_POSE_ERRORS = ("pose error", "pose error to detected", "pose error as published")


def measure_utility(subject: Subject) -> Cells:
    """Detection by every detector, and the errors of detected landmarks.

    All probes are measured; the gallery is not used.
    """
    cells: Cells = {}
    for detector in subject.study.examiner.tools.all_detectors:
        cells |= _detection(subject, detector)
    return cells | _pose(subject)


def _detection(subject: Subject, detector: FaceDetector) -> Cells:
    study, name = subject.study, detector.name
    found = subject.once(
        ("faces", name), lambda: study.examiner.find(subject.results.images, detector)
    )
    boxes, people = [own.boxes for own in found], study.probe_people
    truth = landmark_box(study.landmarks(study.trials.probes))
    anywhere = _where(subject, detected(boxes, truth, min_iou=0.0))
    at_place = _where(subject, detected(boxes, truth, min_iou=study.settings.min_iou))
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


def _pose(subject: Subject) -> Cells:
    study, seen = subject.study, subject.seen
    given = study.landmarks(study.trials.probes)
    if seen.landmarks.shape != given.shape:
        why = f"the landmarker has {seen.landmarks.shape[1]} landmarks, the images {given.shape[1]}"
        return {name: not_measured(why) for name in _POSE_ERRORS}
    errors = subject.once("pose", lambda: _errors(study, seen))
    of_originals = study.once("pose", lambda: _errors(study, study.originals))
    cells: Cells = {}
    for name, error in errors.items():
        floor = of_originals[name][of_originals[name].isfinite()]
        cells[name] = mean_cell(
            _where(subject, error),
            study.probe_people,
            empty="no face is detected",
            note=_left_out(subject.present & error.isnan(), seen.found),
            reference=float(floor.mean()) if len(floor) else None,
        )
    return cells


def _errors(study: Study, seen: Seen) -> dict[str, Float[Tensor, "n"]]:
    """Of every probe in which a face is found."""
    given = study.landmarks(study.trials.probes)
    found, of_original = (
        torch.where(own.found[:, None, None], own.landmarks, torch.nan)
        for own in (seen, study.originals)
    )
    published = landmark_error(found, of_original, normalization="eye_coordinates")
    errors = landmark_error(found, given), landmark_error(found, of_original), published
    return dict(zip(_POSE_ERRORS, errors, strict=True))


def _left_out(missing: Bool[Tensor, "n"], found: Bool[Tensor, "n"]) -> str:
    """How many results have no error, and why: of the others the original was not found."""
    undetected = int((missing & ~found).sum())
    note, others = f"{undetected} not detected", int((missing & found).sum())
    return f"{note}, {others} without reference" if others else note


def _where(subject: Subject, values: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    """Only of results that there are."""
    return torch.where(subject.present, values, torch.nan)
