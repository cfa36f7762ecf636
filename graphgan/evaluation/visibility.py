"""Whether a linear classifier can tell anonymized images from real ones."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.evaluation.cells import Cells, mean_cell, not_measured
from graphgan.evaluation.features import PictureFeatures
from graphgan.evaluation.subject import Subject
from graphgan.metrics.parrot import parrot_rank_one

_CHANCE = 0.5


def measure_visibility(subject: Subject, features: PictureFeatures | None) -> Cells:
    """Accuracy of logistic regression on features of results and of their sources; 0.5 is chance.

    Trained on half of the people and tested on the other half, then vice versa, so that every
    person is judged once by a classifier that has not seen them. Anonymized and real images are
    equally many.
    """
    if features is None:
        return {"told from real": not_measured("no feature network is given")}
    name = f"told from real by {features.name or 'features'}"
    right = subject.once(("told from real", features.name), lambda: _right(subject, features))
    if right is None:
        return {name: not_measured("images of only one person")}
    right = torch.where(subject.present, right, torch.nan)
    return {name: mean_cell(right, subject.study.probe_people, reference=_CHANCE)}


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
    both = features.of_pictures(study.trials.probes), features.of_subject(subject)
    right = torch.full((len(people),), torch.nan)
    for train, test in ((first, ~first), (~first, first)):
        rows = [torch.cat([own[there & side] for own in both]) for side in (train, test)]
        labels = [torch.arange(2).repeat_interleave(len(own) // 2) for own in rows]
        # The parrot's head is logistic regression; here it learns two "people": real and not.
        told = parrot_rank_one(rows[0], labels[0], rows[1], labels[1])
        right[there & test] = told.view(2, -1).mean(0).float()
    return right
