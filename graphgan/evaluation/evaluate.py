"""Systems and metrics to one table: what `recipes/anonygan/evaluate.py` runs.

tools = Tools(CenterFace(), FaceMesh(), [DlibResNetRecogniser()])
with Examiner(tools, workers=2) as examiner:
    study = Study(pictures, make_trials(pictures.pictures), examiner)
    evaluation = evaluate(study, [Original(), obscuring_system("blur"), Mine()])
write_report(evaluation, Path("report"))
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan.data.batches import to_float_image
from graphgan.evaluation.cells import Cells, not_measured, rate_cell
from graphgan.evaluation.examiner import LEAST_SIDE
from graphgan.evaluation.folds import measure_folds
from graphgan.evaluation.groups import measure_groups, probe_groups
from graphgan.evaluation.naturalness import LEAST_FOR_FID, Naturalness
from graphgan.evaluation.privacy import (
    ATTACKERS,
    Attack,
    Attacker,
    Curve,
    measure_parrot,
    measure_recognition,
    measure_same_class,
)
from graphgan.evaluation.study import Results, Study
from graphgan.evaluation.systems import CIAGANSystem, FolderOfResults, Original, System
from graphgan.evaluation.transfer import measure_transfer, shown_as_asked
from graphgan.evaluation.trials import ConditionRule
from graphgan.evaluation.utility import measure_utility
from graphgan.faces.contracts import Recogniser
from graphgan.metrics.identification import descriptor_distances

SHEET_ROWS = 8
PARROT_RULES: dict[ConditionRule, str] = {
    "drawn": "parrot, conditions drawn",
    "fixed": "parrot, one condition a person",
}


@dataclass(frozen=True)
class Evaluation:
    """What was found.

    Args:
        rows: by system, by the name of the metric; a metric of some systems alone is missing in
            the others' rows.
        curves: by attacker, by system: false against true accepts of the first recogniser.
        facts: what it was measured on, and how.
        warnings: what a reader must know.
        sheet: columns of pictures in [-1, 1].
        groups: by system, by the name of a group of probes: the same for that group alone.
    """

    rows: dict[str, Cells]
    curves: dict[Attacker, dict[str, Curve]]
    facts: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    sheet: dict[str, Float[Tensor, "b 3 h w"]] = field(default_factory=dict)
    groups: dict[str, dict[str, Cells]] = field(default_factory=dict)


def evaluate(
    study: Study,
    systems: Sequence[System],
    *,
    features: nn.Module | None = None,
    by_group: bool = False,
) -> Evaluation:
    """Measure everything of every system.

    Args:
        study: pictures, trials and tools.
        systems: of different names. What is said of the originals, thresholds and floors, is
            measured whether or not `Original` is among them.
        features: for FID and KID, 8-bit ``b 3 h w`` to ``b d``; None leaves them out.
        by_group: measure the groups of `probe_groups`, too.
    Raises:
        ValueError: no system, two of one name; results that are no pictures.
    """
    names = [system.name for system in systems]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected systems of different names, got {names}")
    tools, trials = study.examiner.tools, study.trials
    for system in systems:
        if isinstance(system, FolderOfResults):
            system.check([study.pictures.pictures[i] for i in trials.probes])
    attacks = {
        attacker: [Attack(study, recogniser, attacker) for recogniser in tools.recognisers]
        for attacker in ATTACKERS
    }
    naturalness = Naturalness(study, tools.recognisers[0], features)
    rows: dict[str, Cells] = {}
    curves: dict[Attacker, dict[str, Curve]] = {attacker: {} for attacker in ATTACKERS}
    warnings = _warnings(study, naturalness)
    for system in systems:
        results = study.results(system, trials.probes, trials.conditions)
        if not results.present.any():
            raise ValueError(f"{system.name}: expected results for the probes, got none")
        seen = study.see(results.images)
        cells = measure_utility(study, results, seen)
        for attacker, own in attacks.items():
            for attack in own:
                found, curve = measure_recognition(attack, results, seen)
                cells |= found
                if curve is not None and attack is own[0]:
                    curves[attacker][system.name] = curve
        for recogniser in tools.recognisers:
            cells |= measure_same_class(study, recogniser, results)
            cells |= _parrots(study, system, recogniser)
            cells |= measure_transfer(study, system, results, recogniser)
        cells |= naturalness.measure(results, seen)
        for attack in chain(*attacks.values()):
            cells |= measure_folds(attack, results)
        rows[system.name] = cells
        warnings += _warnings_of(study, system, results)
    facts = _facts(study, attacks, naturalness)
    groups: dict[str, dict[str, Cells]] = {}
    if by_group:
        members = probe_groups(study)
        groups = {system.name: measure_groups(study, system, members) for system in systems}
    return Evaluation(rows, curves, facts, warnings, _sheet(study, systems), groups)


def _parrots(study: Study, system: System, recogniser: Recogniser) -> Cells:
    cells: Cells = {}
    for rule, name in PARROT_RULES.items():
        key = f"{recogniser.name}, {name}"
        if not system.uses_conditions and cells:  # there is nothing to draw or to fix
            cells[key] = next(iter(cells.values()))
        elif not study.trials.lessons:
            cells[key] = not_measured("no lessons: nobody has pictures of two videos")
        else:
            cells[key] = measure_parrot(study, system, recogniser, rule)
    return cells


def _shown(study: Study) -> list[int]:
    """Positions of a few probes, of different people where there are enough."""
    people = study.probe_people.tolist()
    firsts = [people.index(person) for person in dict.fromkeys(people)]
    chosen = np.linspace(0, len(firsts) - 1, min(SHEET_ROWS, len(firsts))).round().astype(int)
    return [firsts[i] for i in chosen.tolist()]


def _sheet(study: Study, systems: Sequence[System]) -> dict[str, Tensor]:
    """Condition, source, and what each system made of them; grey where it made nothing."""
    shown = _shown(study)
    sources = [study.trials.probes[i] for i in shown]
    conditions = _sheet_conditions(study, systems, shown)
    columns = {}
    if any(system.uses_conditions for system in systems):
        columns["condition"] = to_float_image(study.images(conditions))
    if not any(isinstance(system, Original) for system in systems):
        columns["source"] = to_float_image(study.images(sources))
    for system in systems:
        results = study.results(system, sources, conditions)
        there = results.present[:, None, None, None]
        columns[system.name] = torch.where(there, to_float_image(results.images), 0.0)
    return columns


def _sheet_conditions(study: Study, systems: Sequence[System], shown: Sequence[int]) -> list[int]:
    """Those of the trials, or, where CIAGAN has stand-ins for them, others that it can show."""
    asked = [study.trials.conditions[i] for i in shown]
    for system in systems:
        if not isinstance(system, CIAGANSystem) or system.people is None:
            continue
        if not bool(shown_as_asked(study, system, asked).all()):
            persons = [picture.person for picture in study.pictures.pictures]
            known = [i for i, person in enumerate(persons) if person in system.people]
            own = [persons[study.trials.probes[i]] for i in shown]
            rng = np.random.default_rng((study.settings.seed, 14))
            choices = [[i for i in known if persons[i] != person] for person in own]
            if all(choices):
                return [int(rng.choice(numbers)) for numbers in choices]
    return asked


def _warnings(study: Study, naturalness: Naturalness) -> list[str]:
    warnings = []
    height, width = study.pictures.size
    if min(height, width) < LEAST_SIDE:
        warnings.append(
            f"images of {width} x {height} pixels were enlarged to {LEAST_SIDE} for detectors "
            "and recognisers: figures of folders of another size cannot be put beside these"
        )
    if not bool(study.recognisable.all()):
        count = int((~study.recognisable).sum())
        warnings.append(f"{count} probes are of people who are not in the gallery")
    trained = sum(study.pictures.pictures[i].split == "train" for i in study.trials.probes)
    if trained:
        warnings.append(
            f"{trained} probes are of the training split: networks that were trained on this "
            "folder have seen these people"
        )
    if incomplete := int((~study.complete).sum()):
        warnings.append(
            f"{incomplete} probes lack landmarks: who goes by the true ones is not asked about them"
        )
    if naturalness.features is not None and naturalness.count < LEAST_FOR_FID:
        warnings.append(
            f"FID and KID of {naturalness.count} pictures on each side, fewer than "
            f"{LEAST_FOR_FID}, say little"
        )
    return warnings


def _warnings_of(study: Study, system: System, results: Results) -> list[str]:
    warnings = []
    if missing := int((~results.present).sum()):
        warnings.append(f"{system.name}: no result for {missing} of {len(results.present)} probes")
    if isinstance(system, FolderOfResults):
        pictures = [study.pictures.pictures[i] for i in study.trials.probes]
        warnings += system.remarks(pictures, study.pictures.size)
    if system.uses_conditions:
        shown = shown_as_asked(study, system, study.trials.conditions)
        if others := int((~shown).sum()):
            warnings.append(
                f"{system.name}: {others} of {len(shown)} conditions are none of its people; "
                "others of its people stand in"
            )
    return warnings


def _facts(
    study: Study,
    attacks: dict[Attacker, list[Attack]],
    naturalness: Naturalness,
) -> dict[str, Any]:
    trials, info = study.trials, study.pictures.info
    facts: dict[str, Any] = {
        "probes": len(trials.probes),
        "people": len(set(study.probe_people.tolist())),
        "people in the gallery": len(set(study.gallery_people.tolist())),
        "lessons": len(trials.lessons),
        "people among the conditions": len({study.pictures.persons[i] for i in trials.conditions}),
        "size": list(study.pictures.size),
        "resize": f"sides below {LEAST_SIDE} pixels to {LEAST_SIDE}, bicubic",
        "seed": study.settings.seed,
        "false-accept rate": study.settings.false_accept_rate,
        "conditions of the parrot": f"people of the split {study.settings.condition_split!r}",
        "split of the folder": info.get("options", {}).get("protocol") or "by person",
        "least overlap in place": study.settings.min_iou,
        "pictures on each side of a Frechet distance": naturalness.count,
        f"FD-{naturalness.recogniser.name} of the untouched probes, the floor": (
            naturalness.floor.text()
        ),
        "features of FID and KID": _describe(naturalness.features),
        "recognisers": [recogniser.name for recogniser in study.examiner.tools.recognisers],
        "detectors": [detector.name for detector in study.examiner.tools.all_detectors],
        "landmarker": study.examiner.tools.landmarker.name,
    }
    for attacker, own in attacks.items():
        for attack in own:
            facts |= _different_people(attack, attacker)
            if attacker == "pose known":
                facts |= _conditions_as_sources(attack)
    return facts


def _describe(features: nn.Module | None) -> str:
    if features is None:
        return "none"
    path = getattr(features, "path", None)
    return type(features).__name__ if path is None else str(path.name)


def _conditions_as_sources(attack: Attack) -> dict[str, Any]:
    """How often the untouched conditions are taken for the people who are to be hidden by them."""
    study, recogniser = attack.study, attack.recogniser
    given, there = study.trials.conditions, attack.askable
    if recogniser.threshold is None or not there.any():
        return {}
    shown = study.examiner.describe(study.images(given), study.landmarks(given), recogniser)
    distances = descriptor_distances(shown, attack.gallery)
    own = torch.where(attack.is_same, distances, torch.inf).amin(1)
    taken = torch.where(there & own.isfinite(), (own <= recogniser.threshold).float(), torch.nan)
    cell = rate_cell(taken, study.probe_people)
    return {f"{recogniser.name}: conditions themselves verified as the source": cell.as_json()}


def _different_people(attack: Attack, attacker: Attacker) -> dict[str, Any]:
    """How often two different real people are taken for one, and where 1 % of them are."""
    name = f"{attack.recogniser.name}, {attacker}"
    facts: dict[str, Any] = {}
    if attack.calibrated is not None:
        facts[f"{name}: threshold at FAR"] = attack.calibrated
    threshold = attack.recogniser.threshold
    distances = attack.impostors
    if threshold is not None and len(distances):
        people = attack.study.probe_people[:, None].expand_as(attack.is_same)
        accepted = (distances <= threshold).float()
        accepted = torch.where(distances.isnan(), distances, accepted)
        cell = rate_cell(accepted, people[~attack.is_same])
        facts[f"{name}: different real people verified"] = cell.as_json()
    return facts
