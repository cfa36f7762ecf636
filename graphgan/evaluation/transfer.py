"""Does the result look like the condition?"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from graphgan.evaluation.cells import Cells, not_measured, rate_cell
from graphgan.evaluation.study import Results, Study
from graphgan.evaluation.systems import CIAGANSystem, System
from graphgan.faces.contracts import Recogniser


def shown_as_asked(study: Study, system: System, conditions: Sequence[int]) -> Bool[Tensor, "n"]:
    """Where a system can show the condition: CIAGAN has stand-ins for whom it was not taught."""
    if not isinstance(system, CIAGANSystem):
        return torch.ones(len(conditions), dtype=torch.bool)
    people = [study.pictures.pictures[i].person for i in conditions]
    return torch.tensor([person in (system.people or ()) for person in people])


def measure_transfer(
    study: Study, system: System, results: Results, recogniser: Recogniser
) -> Cells:
    """Distances of descriptors to the condition and to the source, faces aligned as they are known.

    "nearer to the condition": share of results whose descriptor is nearer to the condition's than
    to the source's; "verified as the condition": share within the recogniser's threshold of it.

    Args:
        study: what is asked.
        system: whose results they are.
        results: of the probes under their conditions.
        recogniser: describes faces.
    """
    nearer = f"{recogniser.name}: nearer to the condition"
    taken = f"{recogniser.name}: verified as the condition"
    if not system.uses_conditions:
        return {name: not_measured("it takes no condition") for name in (nearer, taken)}
    trials, examiner = study.trials, study.examiner
    known = shown_as_asked(study, system, trials.conditions)
    landmarks = study.landmarks(trials.probes)
    result = examiner.describe(results.images, landmarks, recogniser)
    source = examiner.describe(study.images(trials.probes), landmarks, recogniser)
    condition = examiner.describe(
        study.images(trials.conditions), study.landmarks(trials.conditions), recogniser
    )
    there = results.present & known
    to_condition = torch.where(there, (result - condition).norm(dim=1), torch.nan)
    to_source = (result - source).norm(dim=1)
    closer = torch.where(to_condition.isnan(), to_condition, (to_condition < to_source).float())
    empty = "the conditions are not among its people"
    cells = {nearer: rate_cell(closer, study.probe_people, empty=empty)}
    if recogniser.threshold is None:
        return cells | {taken: not_measured("no threshold is known")}
    accepted = (to_condition <= recogniser.threshold).float()
    accepted = torch.where(to_condition.isnan(), to_condition, accepted)
    return cells | {taken: rate_cell(accepted, study.probe_people, empty=empty)}
