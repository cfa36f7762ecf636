"""Is the person still recognised? Asked of three attackers.

*pipeline*: recognition as it is, with landmarks by its own detector; where that finds nothing, of
what fills the place where faces usually are.
*pose known*: faces are aligned by the true landmarks, as a result that keeps the pose gives away.
*parrot*: holds anonymised pictures of the gallery's people, and trains a linear head on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.evaluation.cells import Cell, Cells, mean_cell, not_measured, rate_cell
from graphgan.evaluation.study import Results, Seen, Study
from graphgan.evaluation.systems import System
from graphgan.evaluation.trials import ConditionRule
from graphgan.faces.contracts import NamingRecogniser, Recogniser
from graphgan.metrics.identification import (
    descriptor_distances,
    rank_one,
    roc,
    same_class,
    threshold_at,
    verified,
)
from graphgan.metrics.parrot import parrot_rank_one

Attacker = Literal["pipeline", "pose known"]
ATTACKERS: tuple[Attacker, Attacker] = ("pipeline", "pose known")

NO_OTHER = "nobody has pictures of two videos"
NOBODY_ELSE = "nobody else in the gallery"
ALONE = "one person alone in the gallery, who is always the nearest"
Curve = tuple[Float[Tensor, "t"], Float[Tensor, "t"]]


@dataclass(frozen=True)
class Attack:
    """An attacker with a recogniser, who has seen the gallery and the originals.

    Args:
        study: what is asked.
        recogniser: describes faces.
        attacker: how faces are aligned.
    """

    study: Study
    recogniser: Recogniser
    attacker: Attacker

    def describe(self, seen: Seen, landmarks: Float[Tensor, "n 68 2"]) -> Float[Tensor, "n d"]:
        """Descriptors of what is seen; ``landmarks`` are the true ones."""
        points = seen.landmarks if self.attacker == "pipeline" else landmarks
        return self.study.examiner.describe(seen.images, points, self.recogniser)

    @cached_property
    def originals(self) -> Float[Tensor, "n d"]:
        """Descriptors of the untouched probes."""
        return self.of_probes(self.study.originals)

    @cached_property
    def gallery(self) -> Float[Tensor, "m d"]:
        """Descriptors of the gallery, none where there is no gallery."""
        if not self.study.trials.gallery:
            return self.originals[:0]
        landmarks = self.study.landmarks(self.study.trials.gallery)
        return self.describe(self.study.gallery, landmarks)

    def of_probes(self, seen: Seen) -> Float[Tensor, "n d"]:
        """Descriptors of the probes, as a system left them."""
        return self.describe(seen, self.study.landmarks(self.study.trials.probes))

    @cached_property
    def is_same(self) -> Bool[Tensor, "n m"]:
        """Which gallery picture is of a probe's person."""
        return self.study.probe_people[:, None] == self.study.gallery_people

    @cached_property
    def askable(self) -> Bool[Tensor, "n"]:
        """Probes whose person is in the gallery, with all landmarks that the attacker goes by."""
        if self.attacker == "pipeline":
            return self.study.recognisable
        own = (self.is_same & self.study.complete_of(self.study.trials.gallery)).any(1)
        return self.study.recognisable & own & self.study.complete

    @cached_property
    def impostors(self) -> Float[Tensor, "p"]:
        """Distances of original probes to other people."""
        return descriptor_distances(self.originals, self.gallery)[~self.is_same]

    @cached_property
    def calibrated(self) -> float | None:
        """The threshold at the false-accept rate; None where there are too few impostors."""
        rate = self.study.settings.false_accept_rate
        distances = self.impostors[self.impostors.isfinite()]
        return None if len(distances) * rate < 1 else threshold_at(distances, rate)


def measure_recognition(attack: Attack, results: Results, seen: Seen) -> tuple[Cells, Curve | None]:
    """Rank-1 and verification against the gallery, which holds another picture of the person.

    Args:
        attack: the attacker.
        results: of a system.
        seen: the same as the attackers see them.
    Returns:
        Cells, and the curve of true against false accepts where there is anybody to recognise.
    """
    study, prefix = attack.study, f"{attack.recogniser.name}, {attack.attacker}: "
    probes = attack.of_probes(seen)
    there = attack.askable & results.present
    cells = _same_image(attack, probes, results, prefix)
    if not there.any() or len(set(study.gallery_people.tolist())) < 2:
        why = ALONE if there.any() else NO_OTHER
        names = ("rank-1", "verified", "verified at FAR")
        return cells | {prefix + name: not_measured(why) for name in names}, None
    distances = descriptor_distances(probes, attack.gallery)
    people = study.probe_people
    own = _own(distances, attack.is_same)
    found = torch.full((len(probes),), torch.nan)
    found[there] = rank_one(
        distances[there], study.probe_people[there], study.gallery_people
    ).float()
    cells[prefix + "rank-1"] = rate_cell(found, people)
    cells[prefix + "verified"] = _verified(attack, own, there)
    cells[prefix + "verified at FAR"] = _verified(attack, own, there, calibrated=True)
    cells[prefix + "accepted as others"] = _accepted_as_others(attack, distances, there)
    curve = roc(own[there], distances[there][~attack.is_same[there]])
    return cells, curve.corners()


def _same_image(
    attack: Attack, probes: Float[Tensor, "n d"], results: Results, prefix: str
) -> Cells:
    """The same against the very picture that was anonymised: what a leaked original would tell."""
    study = attack.study
    own = (probes - attack.originals).double().norm(dim=1)
    others = descriptor_distances(probes, attack.gallery)
    others = others.nan_to_num(nan=torch.inf).masked_fill(attack.is_same, torch.inf)
    nearest = others.amin(1) if others.shape[1] else torch.full_like(own, torch.inf)
    there = results.present
    if attack.attacker == "pose known":
        there = there & study.complete
    compared = there & nearest.isfinite()  # with nobody else in the gallery one cannot be wrong
    nearer = torch.where(compared, (own < nearest).float(), torch.nan)
    return {
        f"{prefix}rank-1, same picture": rate_cell(nearer, study.probe_people, empty=NOBODY_ELSE),
        f"{prefix}verified, same picture": _verified(attack, own, there),
    }


def _own(distances: Float[Tensor, "n m"], is_same: Bool[Tensor, "n m"]) -> Float[Tensor, "n"]:
    """Distance to the own picture in the gallery; NaN without one."""
    own = torch.where(is_same, distances, torch.inf).amin(1)
    return torch.where(is_same.any(1), own, torch.nan)


def _verified(
    attack: Attack,
    own: Float[Tensor, "n"],
    there: Bool[Tensor, "n"],
    *,
    calibrated: bool = False,
) -> Cell:
    threshold = attack.calibrated if calibrated else attack.recogniser.threshold
    if threshold is None:
        why = "too few impostors" if calibrated else "no threshold is known"
        return not_measured(why)
    accepted = torch.where(there, verified(own, threshold).float(), torch.nan)
    return rate_cell(accepted, attack.study.probe_people, note=f"threshold {threshold:.3g}")


def _accepted_as_others(
    attack: Attack, distances: Float[Tensor, "n m"], there: Bool[Tensor, "n"]
) -> Cell:
    """For which share of the people whom it does not show a result is taken."""
    if (threshold := attack.recogniser.threshold) is None:
        return not_measured("no threshold is known")
    study = attack.study
    shown = study.people(study.trials.conditions)[:, None] == study.gallery_people
    others = ~attack.is_same & ~shown & distances.isfinite() & there[:, None]
    taken = ((distances <= threshold) & others).sum(1) / others.sum(1)  # NaN of none
    return mean_cell(taken.float(), study.probe_people, empty=NOBODY_ELSE)


def measure_same_class(study: Study, recogniser: Recogniser, results: Results) -> Cells:
    """The published score: share of results whose most likely class is that of their source.

    Source: [A] Dall'Asen et al., ICIAP 2021, and [C] Maximov et al., CVPR 2020; FaceNet's classes
    are the people it was trained on.
    """
    name = f"{recogniser.name}: same class as the source"
    if not isinstance(recogniser, NamingRecogniser):
        return {}
    if not recogniser.has_classes:
        return {name: not_measured("weights without classes")}
    landmarks = study.landmarks(study.trials.probes)
    logits = [
        study.examiner.classify(images, landmarks, recogniser)
        for images in (results.images, study.originals.images)
    ]
    there = results.present & study.complete
    same = torch.where(there, same_class(*logits).float(), torch.nan)
    return {name: rate_cell(same, study.probe_people)}


def measure_parrot(
    study: Study, system: System, recogniser: Recogniser, rule: ConditionRule
) -> Cell:
    """Rank-1 of the parrot, who knows the pose, with conditions drawn by that rule.

    Lessons and probes are anonymised alike: a fixed condition for each person hands it the answer.

    Args:
        study: what is asked.
        system: it has been taught by.
        recogniser: describes faces.
        rule: of conditions.
    """
    trials = study.trials
    probes = torch.nonzero(torch.isin(study.probe_people, study.people(trials.lessons))).flatten()
    asked = [trials.probes[i] for i in probes.tolist()]
    if len(set(study.people(asked).tolist())) < 2:
        return not_measured("no lessons of two people")
    # Drawn together, so that lessons and probes of a person get one condition where it is fixed.
    numbers, count = [*trials.lessons, *asked], len(trials.lessons)
    try:
        conditions = study.conditions(numbers, rule) if system.uses_conditions else numbers
    except ValueError as error:  # nobody to be the condition
        return not_measured(str(error))
    lessons = _anonymised(study, system, recogniser, numbers[:count], conditions[:count])
    tests = _anonymised(study, system, recogniser, numbers[count:], conditions[count:])
    if lessons.isnan().all():
        return not_measured("no results for the lessons")
    known, people = study.people(trials.lessons), study.people(asked)
    right = parrot_rank_one(lessons, known, tests, people).float()
    # Without a result there is nothing to recognise.
    right = torch.where(tests.isnan().all(1), torch.nan, right)
    taught = len(known) / len(set(known.tolist()))
    note = f"chance {1 / len(set(known.tolist())):.3g}, {taught:.2g} lessons a person"
    return rate_cell(right, people, note=note)


def _anonymised(
    study: Study,
    system: System,
    recogniser: Recogniser,
    sources: Sequence[int],
    conditions: Sequence[int],
) -> Float[Tensor, "n d"]:
    """Descriptors of results, aligned as the sources' landmarks say; NaN without a result."""
    results = study.results(system, sources, conditions)
    described = study.examiner.describe(results.images, study.landmarks(sources), recogniser)
    return torch.where(results.present[:, None], described, torch.nan)
