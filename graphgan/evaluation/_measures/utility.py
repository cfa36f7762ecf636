"""Does a result still have a face in the same place, with the same pose and expression?"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.evaluation._measurements import (
    Measurement,
    Measurements,
    mean_measurement,
    not_measured,
    rate_measurement,
)
from graphgan.evaluation._study import Seen, Study, Subject
from graphgan.faces import FaceDetector
from graphgan.landmarks import IBUG_68
from graphgan.metrics import Expression, detected, landmark_box, landmark_error
from graphgan.metrics._intervals import correlation_over_people

_POSE_ERRORS = ("pose error", "pose error to detected", "pose error as published")


def measure_utility(subject: Subject) -> Measurements:
    """Detection by every detector, and the errors of the landmarks that the landmarker finds.

    This uses all probes, since it needs no gallery.
    """
    cells: Measurements = {}
    for detector in subject.study.tool_runner.tools.all_detectors:
        cells |= _detection(subject, detector)
    return cells | _pose(subject)


def _detection(subject: Subject, detector: FaceDetector) -> Measurements:
    study, name = subject.study, detector.name
    found = subject.once(
        ("faces", name), lambda: study.tool_runner.find(subject.results.images, detector)
    )
    boxes, people = [own.boxes for own in found], study.probe_people
    truth = landmark_box(study.outlines(study.protocol.probes))
    anywhere = _where(subject, detected(boxes, truth, min_iou=0.0))
    at_place = _where(subject, detected(boxes, truth, min_iou=study.settings.min_iou))
    cells = {
        f"detected by {name}": rate_measurement(anywhere, people),
        f"detected in place by {name}": rate_measurement(at_place, people),
    }
    if name == study.tool_runner.tools.detector.name:
        kept = torch.where(study.originals.found, anywhere, torch.nan)
        cells["detected where the original is"] = rate_measurement(
            kept, people, empty="no original is detected"
        )
    return cells


def _pose(subject: Subject) -> Measurements:
    study, seen = subject.study, subject.seen
    errors = subject.once("pose", lambda: _errors(study, seen))
    of_originals = study.once("pose", lambda: _errors(study, study.originals))
    cells: Measurements = {}
    for name, error in errors.items():
        floor = of_originals[name][of_originals[name].isfinite()]
        cells[name] = mean_measurement(
            _where(subject, error),
            study.probe_people,
            empty="no face is detected",
            note=_left_out(subject.present & error.isnan(), seen.found),
            reference=float(floor.mean()) if len(floor) else None,
        )
    if (scheme := study.pictures.scheme) != IBUG_68:
        why = (
            f"the folder has {scheme.name} landmarks, but the landmarker finds {IBUG_68.name}; see "
            "pose error to detected"
        )
        cells["pose error"] = not_measured(why)
    return cells


def _errors(study: Study, seen: Seen) -> dict[str, Float[Tensor, "n"]]:
    """Of every probe in which a face is found."""
    given = study.landmarks(study.protocol.probes)
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


_LEAST_FACES = 20  # a correlation of fewer says little
_DEGREES = ("yaw", "pitch", "roll")


def measure_expressions(subject: Subject) -> Measurements:
    """Correlation with the original and mean absolute difference, over faces found in both.

    There are a correlation and a difference for each measure of `Expression`, in its unit, or none
    if the study has no tool that reads expressions.
    """
    study = subject.study
    if study.tool_runner.tools.expressions is None:
        return {}
    sources = study.once(
        "expressions",
        lambda: study.tool_runner.express(study.originals.images, study.originals.faces),
    )
    results = subject.once(
        "expressions", lambda: study.tool_runner.express(subject.seen.images, subject.seen.faces)
    )
    cells: Measurements = {}
    for name, result, source in zip(Expression._fields, results, sources, strict=True):
        words = name.replace("_", " ")
        asked = torch.where(subject.present, result, torch.nan)
        unit = ", degrees" if name in _DEGREES else ""
        cells[f"{words}: correlation"] = _correlation(asked, source, study.probe_people)
        cells[f"{words}: difference{unit}"] = mean_measurement(
            (asked - source).abs(), study.probe_people, empty="no face is found in both"
        )
    return cells


def _correlation(
    result: Float[Tensor, "n"], source: Float[Tensor, "n"], people: Tensor
) -> Measurement:
    both = result.isfinite() & source.isfinite()
    if both.sum() < _LEAST_FACES:
        return not_measured(f"{int(both.sum())} faces are found in both, fewer than {_LEAST_FACES}")
    try:
        interval = correlation_over_people(result, source, people)
    except ValueError as error:
        return not_measured(str(error))
    if len(set(people[both].tolist())) < 2:  # an interval over one person would have no width
        return Measurement(interval.mean, count=int(both.sum()))
    return Measurement(interval.mean, interval.low, interval.high, int(both.sum()))
