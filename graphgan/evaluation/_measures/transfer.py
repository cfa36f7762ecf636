"""Whether the result looks like the condition."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.evaluation._measurements import Measurements, not_measured, rate_measurement
from graphgan.evaluation._measures.privacy import attack_of
from graphgan.evaluation._study import Study, Subject
from graphgan.evaluation._systems import CIAGANSystem, System
from graphgan.faces import Recognizer


def shown_as_asked(study: Study, system: System, conditions: Sequence[int]) -> Bool[Tensor, "n"]:
    """Whether a system can show the condition: CIAGAN uses stand-ins for unknown people."""
    if not isinstance(system, CIAGANSystem):
        return torch.ones(len(conditions), dtype=torch.bool)
    people = [study.pictures.pictures[i].person for i in conditions]
    return torch.tensor([person in (system.people or ()) for person in people])


def measure_transfer(subject: Subject, recognizer: Recognizer) -> Measurements:
    """Distances of descriptors to the condition and to the source, with faces aligned by the true
    landmarks.

    "nearer to the condition": share of results whose descriptor is nearer to the condition's than
    to the source's; "verified as the condition": share within the recognizer's threshold of it.

    Args:
        subject: results of the probes under their conditions.
        recognizer: computes face descriptors.
    """
    study, system = subject.study, subject.system
    nearer = f"{recognizer.name}: nearer to the condition"
    taken = f"{recognizer.name}: verified as the condition"
    if not system.uses_conditions:
        return {name: not_measured("it uses no condition") for name in (nearer, taken)}
    to_condition, to_source = subject.once(
        ("likeness", recognizer.name), lambda: _distances(subject, recognizer)
    )
    there = subject.present & shown_as_asked(study, system, study.protocol.conditions)
    to_condition = torch.where(there, to_condition, torch.nan)
    closer = torch.where(to_condition.isnan(), to_condition, (to_condition < to_source).float())
    empty = "the conditions are not among its people"
    cells = {nearer: rate_measurement(closer, study.probe_people, empty=empty)}
    if recognizer.threshold is None:
        return cells | {taken: not_measured("no threshold is known")}
    accepted = (to_condition <= recognizer.threshold).float()
    accepted = torch.where(to_condition.isnan(), to_condition, accepted)
    return cells | {taken: rate_measurement(accepted, study.probe_people, empty=empty)}


def _distances(
    subject: Subject, recognizer: Recognizer
) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]]:
    """From the results to the conditions and to the sources."""
    study = subject.study
    protocol, tool_runner = study.protocol, study.tool_runner
    attack = attack_of(study, recognizer, "pose known")
    result = attack.of_subject(subject)
    shown = study.landmarks(protocol.conditions)
    condition = tool_runner.describe(study.images(protocol.conditions), shown, recognizer)
    return (result - condition).norm(dim=1), (result - attack.originals).norm(dim=1)
