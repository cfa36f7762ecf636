"""The parrot: an attacker who has learned from anonymized images of the gallery's people.

It knows the pose, has the lessons as anonymized by the system, and trains a linear head on their
descriptors. Source: see `graphgan.metrics.parrot`.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.evaluation.cells import Cell, Cells, not_measured, rate_cell
from graphgan.evaluation.rules import RULES, describe_ruled, ruled_pictures
from graphgan.evaluation.subject import Subject
from graphgan.evaluation.trials import ConditionRule, NobodyElseError
from graphgan.faces.contracts import Recognizer
from graphgan.metrics.parrot import parrot_rank_one

NO_LESSONS = "no lessons: nobody has images of two videos"
ONE_PERSON = "no lessons of two people"


def measure_parrots(subject: Subject, recognizer: Recognizer) -> Cells:
    """Rank-1 of the parrot, with conditions drawn for each image and with one per person.

    Lessons and probes are anonymized in the same way, so a fixed condition per person gives the
    answer away.
    """
    return {
        f"{recognizer.name}, parrot, {name}": _measure(subject, recognizer, rule)
        for rule, name in RULES.items()
    }


def _measure(subject: Subject, recognizer: Recognizer, rule: ConditionRule) -> Cell:
    study, trials = subject.study, subject.study.trials
    known = study.people(trials.lessons)
    if not trials.lessons:
        return not_measured(NO_LESSONS)
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
    if not right.lessons:
        return not_measured("no results for the lessons")
    people = len(set(known.tolist()))
    note = f"chance {1 / people:.3g}, {right.lessons / people:.2g} lessons a person"
    named = torch.where(subject.present, right.named, torch.nan)
    return rate_cell(named, study.probe_people, note=note, reference=1 / people)


class _Answers(NamedTuple):
    """1 where the parrot names the person of a probe, NaN where it is not asked or has no result;
    and how many lessons it has learned from."""

    named: Float[Tensor, "n"]
    lessons: int


def _right(subject: Subject, recognizer: Recognizer, rule: ConditionRule) -> _Answers:
    study, trials = subject.study, subject.study.trials
    described = describe_ruled(subject, recognizer, rule)
    place = {number: i for i, number in enumerate(ruled_pictures(study))}
    lessons = described[[place[number] for number in trials.lessons]]
    taught = int((~lessons.isnan().all(1)).sum())
    known, probes = study.people(trials.lessons), described[: len(trials.probes)]
    asked = study.asked & torch.isin(study.probe_people, known) & ~probes.isnan().all(1)
    right = torch.full((len(probes),), torch.nan)
    if taught and asked.any():
        right[asked] = parrot_rank_one(
            lessons, known, probes[asked], study.probe_people[asked]
        ).float()
    return _Answers(right, taught)
