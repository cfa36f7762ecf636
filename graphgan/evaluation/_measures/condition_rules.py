"""Images anonymized with conditions that are drawn by another rule than the protocol's.

Conditions that stay the same for one person help attackers who learn or link images. Both are
therefore measured twice.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.evaluation._measures.privacy import attack_of
from graphgan.evaluation._protocol import ConditionRule
from graphgan.evaluation._study import Study, Subject
from graphgan.faces import Recognizer

RULES: dict[ConditionRule, str] = {
    "drawn": "conditions drawn",
    "fixed": "one condition a person",
}


def images_under_rules(study: Study) -> list[int]:
    """The probes, then the parrot images that are not probes."""
    return list(dict.fromkeys([*study.protocol.probes, *study.protocol.parrot_images]))


def describe_under_rule(
    subject: Subject, recognizer: Recognizer, rule: ConditionRule
) -> Float[Tensor, "p d"]:
    """Descriptors of `images_under_rules` as anonymized by that rule; NaN without a result.

    Faces are aligned as the sources' landmarks say. A system that takes no condition, and
    one whose conditions are drawn alike, has made its results of the probes already.

    Raises:
        NobodyElseError: nobody to be the condition.
    """
    study, numbers = subject.study, images_under_rules(subject.study)
    first = len(study.protocol.probes)
    # Drawn together, so that all pictures of a person get one condition where it is fixed.
    conditions = study.conditions(numbers, rule) if subject.system.uses_conditions else numbers
    what = ("ruled", recognizer.name, tuple(conditions))
    if subject.system.uses_conditions and conditions[:first] != study.protocol.conditions:
        return subject.once(what, lambda: _described(subject, recognizer, numbers, conditions))
    attack = attack_of(study, recognizer, "pose known")
    there = subject.results.present[:, None]
    of_probes = torch.where(there, attack.of_subject(subject), torch.nan)
    if not (further := numbers[first:]):
        return of_probes
    shown = conditions[first:]
    others = subject.once(what, lambda: _described(subject, recognizer, further, shown))
    return torch.cat([of_probes, others])


def _described(
    subject: Subject, recognizer: Recognizer, sources: Sequence[int], conditions: Sequence[int]
) -> Float[Tensor, "p d"]:
    study = subject.study
    results = study.results(subject.system, sources, conditions)
    described = study.tool_runner.describe(results.images, study.landmarks(sources), recognizer)
    return torch.where(results.present[:, None], described, torch.nan)
