"""The contact sheet of an evaluation: a few sources and each system's results."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.data import to_float_image
from graphgan.evaluation._measures.transfer import shown_as_asked
from graphgan.evaluation._study import Study, Subject
from graphgan.evaluation._systems import CIAGANSystem, Original, System

SHEET_ROWS = 6


def sheet_columns(subjects: Sequence[Subject]) -> dict[str, Float[Tensor, "b 3 h w"]]:
    """Source, condition and each system's results; gray where there is none.

    Rows show different people, if there are enough.
    """
    study, systems = subjects[0].study, [subject.system for subject in subjects]
    shown = _shown(study)
    sources = [study.protocol.probes[i] for i in shown]
    conditions = _conditions(study, systems, shown)
    original = next((s.name for s in systems if isinstance(s, Original)), "source")
    columns = {original: to_float_image(study.images(sources))}
    if any(system.uses_conditions for system in systems):
        columns["condition"] = to_float_image(study.images(conditions))
    for system in systems:
        if system.name not in columns:
            results = study.results(system, sources, conditions)
            there = results.present[:, None, None, None]
            columns[system.name] = torch.where(there, to_float_image(results.images), 0.0)
    return columns


def _shown(study: Study) -> list[int]:
    people = study.probe_people.tolist()
    firsts = [people.index(person) for person in dict.fromkeys(people)]
    if len(firsts) < SHEET_ROWS:
        firsts = list(range(len(people)))
    chosen = np.linspace(0, len(firsts) - 1, min(SHEET_ROWS, len(firsts))).round().astype(int)
    return [firsts[i] for i in chosen.tolist()]


def _conditions(study: Study, systems: Sequence[System], shown: Sequence[int]) -> list[int]:
    """Those of the protocol, or, where CIAGAN has stand-ins for them, others that it can show."""
    if not study.protocol.conditions:
        return []
    asked = [study.protocol.conditions[i] for i in shown]
    for system in systems:
        if not isinstance(system, CIAGANSystem) or system.people is None:
            continue
        if not bool(shown_as_asked(study, system, asked).all()):
            persons = [picture.person for picture in study.pictures.pictures]
            known = [i for i, person in enumerate(persons) if person in system.people]
            own = [persons[study.protocol.probes[i]] for i in shown]
            rng = np.random.default_rng((study.settings.seed, 14))
            choices = [[i for i in known if persons[i] != person] for person in own]
            if all(choices):
                return [int(rng.choice(numbers)) for numbers in choices]
    return asked
