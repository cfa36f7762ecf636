"""Whether the expression is preserved: mouth, eyes, brows, gaze and head direction."""

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.evaluation.cells import Cell, Cells, mean_cell, not_measured
from graphgan.evaluation.subject import Subject
from graphgan.metrics.expression import Expression
from graphgan.metrics.intervals import correlation_over_people

_LEAST_FACES = 20  # correlations of fewer faces are unreliable
_DEGREES = ("yaw", "pitch", "roll")


def measure_expressions(subject: Subject) -> Cells:
    """Correlation with the original and mean absolute difference, over faces found in both.

    One correlation and one difference for each measure of `Expression`, in its unit; none if the
    study has no expression reader.
    """
    study = subject.study
    if study.examiner.tools.expressions is None:
        return {}
    sources = study.once(
        "expressions", lambda: study.examiner.express(study.originals.images, study.originals.faces)
    )
    results = subject.once(
        "expressions", lambda: study.examiner.express(subject.seen.images, subject.seen.faces)
    )
    cells: Cells = {}
    for name, result, source in zip(Expression._fields, results, sources, strict=True):
        words = name.replace("_", " ")
        asked = torch.where(subject.present, result, torch.nan)
        unit = ", degrees" if name in _DEGREES else ""
        cells[f"{words}: correlation"] = _correlation(asked, source, study.probe_people)
        cells[f"{words}: difference{unit}"] = mean_cell(
            (asked - source).abs(), study.probe_people, empty="no face is found in both"
        )
    return cells


def _correlation(result: Float[Tensor, "n"], source: Float[Tensor, "n"], people: Tensor) -> Cell:
    both = result.isfinite() & source.isfinite()
    if both.sum() < _LEAST_FACES:
        return not_measured(f"{int(both.sum())} faces are found in both, fewer than {_LEAST_FACES}")
    try:
        interval = correlation_over_people(result, source, people)
    except ValueError as error:
        return not_measured(str(error))
    if len(set(people[both].tolist())) < 2:  # an interval over one person would be empty
        return Cell(interval.mean, count=int(both.sum()))
    return Cell(interval.mean, interval.low, interval.high, int(both.sum()))
