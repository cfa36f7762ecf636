"""The parrot: an attacker who has learned from anonymized images of the people in the gallery.

It knows the pose. It has the parrot images as anonymized by the system, and trains a linear head on
their descriptors. Source: see `graphgan.metrics.parrot_rank_one`.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.evaluation._measurements import (
    Measurement,
    Measurements,
    not_measured,
    rate_measurement,
)
from graphgan.evaluation._measures.condition_rules import (
    RULES,
    describe_under_rule,
    images_under_rules,
)
from graphgan.evaluation._protocol import ConditionRule, NobodyElseError
from graphgan.evaluation._study import Subject
from graphgan.faces import Recognizer
from graphgan.metrics import parrot_rank_one

NO_PARROT_IMAGES = "no parrot images: nobody has images from two videos"
ONE_PERSON = "no parrot images of two people"


def measure_parrots(subject: Subject, recognizer: Recognizer) -> Measurements:
    """Rank-1 of the parrot, with conditions drawn for each image and with one for each person.

    Parrot images and probes are anonymized alike, so one condition for each person reveals the
    answer.
    """
    return {
        f"{recognizer.name}, parrot, {name}": _measure(subject, recognizer, rule)
        for rule, name in RULES.items()
    }


def _measure(subject: Subject, recognizer: Recognizer, rule: ConditionRule) -> Measurement:
    study, protocol = subject.study, subject.study.protocol
    known = study.people(protocol.parrot_images)
    if not protocol.parrot_images:
        return not_measured(NO_PARROT_IMAGES)
    taught = torch.isin(study.probe_people, known) & study.asked
    if len(set(study.probe_people[taught].tolist())) < 2:
        return not_measured(ONE_PERSON)
    what = rule if subject.system.uses_conditions else "any"
    try:
        right = subject.once(
            ("parrot", recognizer.name, what), lambda: _right(subject, recognizer, rule)
        )
    except NobodyElseError as error:
        return not_measured(str(error))
    if not right.parrot_images:
        return not_measured("no results for the parrot images")
    people = len(set(known.tolist()))
    note = f"chance {1 / people:.3g}, {right.parrot_images / people:.2g} parrot images a person"
    named = torch.where(subject.present, right.named, torch.nan)
    return rate_measurement(named, study.probe_people, note=note, reference=1 / people)


class _Answers(NamedTuple):
    """1 where the parrot names the person of a probe, NaN where it is not asked or has no result;
    and how many images it has learned from."""

    named: Float[Tensor, "n"]
    parrot_images: int


def _right(subject: Subject, recognizer: Recognizer, rule: ConditionRule) -> _Answers:
    study, protocol = subject.study, subject.study.protocol
    described = describe_under_rule(subject, recognizer, rule)
    place = {number: i for i, number in enumerate(images_under_rules(study))}
    parrot_images = described[[place[number] for number in protocol.parrot_images]]
    taught = int((~parrot_images.isnan().all(1)).sum())
    known, probes = study.people(protocol.parrot_images), described[: len(protocol.probes)]
    asked = study.asked & torch.isin(study.probe_people, known) & ~probes.isnan().all(1)
    right = torch.full((len(probes),), torch.nan)
    if taught and asked.any():
        right[asked] = parrot_rank_one(
            parrot_images, known, probes[asked], study.probe_people[asked]
        ).float()
    return _Answers(right, taught)
