"""Pictures anonymised under conditions that are drawn by another rule than those of the trials.

An attacker who learns, and one who links pictures, are helped by conditions that stay the same for
one person. Both are asked twice.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.evaluation.privacy import attack_of
from graphgan.evaluation.study import Study
from graphgan.evaluation.subject import Subject
from graphgan.evaluation.trials import ConditionRule
from graphgan.faces.contracts import Recogniser

RULES: dict[ConditionRule, str] = {
    "drawn": "conditions drawn",
    "fixed": "one condition a person",
}


def ruled_pictures(study: Study) -> list[int]:
    """The probes, then lessons that are none."""
    return list(dict.fromkeys([*study.trials.probes, *study.trials.lessons]))


def describe_ruled(
    subject: Subject, recogniser: Recogniser, rule: ConditionRule
) -> Float[Tensor, "p d"]:
    """Descriptors of `ruled_pictures` as anonymised by that rule; NaN without a result.

    Faces are aligned as the sources' landmarks say. A system that takes no condition has made its
    results of the probes already.

    Raises:
        NobodyElseError: nobody to be the condition.
    """
    study, numbers = subject.study, ruled_pictures(subject.study)
    if subject.system.uses_conditions:
        # All together, so that all pictures of a person get one condition where it is fixed.
        conditions = study.conditions(numbers, rule)
        ruled = ("ruled", rule, recogniser.name)
        return subject.once(ruled, lambda: _described(subject, recogniser, numbers, conditions))
    further = numbers[len(study.trials.probes) :]
    there = subject.results.present[:, None]
    of_probes = attack_of(study, recogniser, "pose known").of_subject(subject)
    of_probes = torch.where(there, of_probes, torch.nan)
    what = ("further", recogniser.name)
    others = subject.once(what, lambda: _described(subject, recogniser, further, further))
    return torch.cat([of_probes, others]) if further else of_probes


def _described(
    subject: Subject, recogniser: Recogniser, sources: Sequence[int], conditions: Sequence[int]
) -> Float[Tensor, "p d"]:
    study = subject.study
    if not sources:
        return torch.zeros(0, 1)
    results = study.results(subject.system, sources, conditions)
    described = study.examiner.describe(results.images, study.landmarks(sources), recogniser)
    return torch.where(results.present[:, None], described, torch.nan)
