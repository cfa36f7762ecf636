"""Re-identification in a gallery, by two attackers.

*pipeline*: recognition as usual, with landmarks from its own detector; if that finds nothing, it
uses the place where faces usually are. *pose known*: faces are aligned by the true landmarks, which
a result that keeps the pose reveals. A third attacker, the *parrot*, learns:
`graphgan.evaluation._measures.parrot`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.evaluation._measurements import (
    Measurement,
    Measurements,
    mean_measurement,
    not_measured,
    rate_measurement,
)
from graphgan.evaluation._study import Seen, Study, Subject
from graphgan.faces import NamingRecognizer, Recognizer
from graphgan.metrics import descriptor_distances, rank_one, roc, same_class, threshold_at, verified

Attacker = Literal["pipeline", "pose known"]
ATTACKERS: tuple[Attacker, Attacker] = ("pipeline", "pose known")

NO_OTHER = "nobody has images from two videos"
NO_RESULT = "no result with all landmarks"
NOBODY_ELSE = "nobody else in the gallery"
ALONE = "only one person in the gallery, who is always the nearest"
Curve = tuple[Float[Tensor, "t"], Float[Tensor, "t"]]


@dataclass(frozen=True)
class Attack:
    """An attacker with a recognizer, who has seen the gallery and the originals.

    Args:
        study: the study.
        recognizer: computes face descriptors.
        attacker: determines how faces are aligned.
    """

    study: Study
    recognizer: Recognizer
    attacker: Attacker

    def describe(self, seen: Seen, landmarks: Float[Tensor, "n 68 2"]) -> Float[Tensor, "n d"]:
        """Descriptors of images; ``landmarks`` are the true ones."""
        points = seen.landmarks if self.attacker == "pipeline" else landmarks
        return self.study.tool_runner.describe(seen.images, points, self.recognizer)

    @cached_property
    def originals(self) -> Float[Tensor, "n d"]:
        """Descriptors of the untouched probes."""
        return self.of_probes(self.study.originals)

    @cached_property
    def gallery(self) -> Float[Tensor, "m d"]:
        """Descriptors of the gallery, none where there is no gallery."""
        if not self.study.protocol.gallery:
            return self.originals[:0]
        landmarks = self.study.landmarks(self.study.protocol.gallery)
        return self.describe(self.study.gallery, landmarks)

    def of_subject(self, subject: Subject) -> Float[Tensor, "n d"]:
        """Descriptors of a system's results."""
        what = ("descriptors", self.recognizer.name, self.attacker)
        return subject.once(what, lambda: self.of_probes(subject.seen))

    def of_probes(self, seen: Seen) -> Float[Tensor, "n d"]:
        """Descriptors of the probes as anonymized by a system."""
        return self.describe(seen, self.study.landmarks(self.study.protocol.probes))

    @cached_property
    def is_same(self) -> Bool[Tensor, "n m"]:
        """Which gallery images show a probe's person."""
        return self.study.probe_people[:, None] == self.study.gallery_people

    @cached_property
    def askable(self) -> Bool[Tensor, "n"]:
        """Probes that can be used, with all landmarks the attacker needs."""
        if self.attacker == "pipeline":
            return self.study.asked
        own = (self.is_same & self.study.complete_of(self.study.protocol.gallery)).any(1)
        return self.study.asked & own & self.study.complete

    @cached_property
    def impostors(self) -> Float[Tensor, "p"]:
        """Distances of original probes to other people."""
        return descriptor_distances(self.originals, self.gallery)[~self.is_same]

    @cached_property
    def own_distances(self) -> Float[Tensor, "n"]:
        """Distances of original probes to their person's gallery image, or NaN."""
        return _own(descriptor_distances(self.originals, self.gallery), self.is_same)

    def calibrated(self, rate: float) -> float | None:
        """The threshold at a false-accept rate; None if there are too few impostors."""
        distances = self.impostors[self.impostors.isfinite()]
        return None if len(distances) * rate < 1 else threshold_at(distances, rate)


def attack_of(study: Study, recognizer: Recognizer, attacker: Attacker) -> Attack:
    """The study's attack with this recognizer and attacker."""
    return study.once(
        ("attack", recognizer.name, attacker), lambda: Attack(study, recognizer, attacker)
    )


def at_rate(rate: float) -> str:
    """Metric name of verification at a false-accept rate: ``verified at FAR 1 %``."""
    return f"verified at FAR {100 * rate:g} %"


def measure_recognition(attack: Attack, subject: Subject) -> tuple[Measurements, Curve | None]:
    """Rank-1 and verification against the gallery, which has another image of the person.

    Args:
        attack: the attacker.
        subject: the system's results.
    Returns:
        The measurements, and the curve of true over false accepts if anybody can be recognized.
    """
    study, prefix = attack.study, f"{attack.recognizer.name}, {attack.attacker}: "
    probes, rates = attack.of_subject(subject), study.settings.false_accept_rates
    there = attack.askable & subject.present
    cells = _same_image(attack, subject, prefix)
    people_known = len(set(study.gallery_people.tolist()))
    if not there.any() or people_known < 2:
        why = ALONE if there.any() else NO_RESULT if study.asked.any() else NO_OTHER
        names = ("rank-1", "verified", *map(at_rate, rates))
        return cells | {prefix + name: not_measured(why) for name in names}, None
    distances = descriptor_distances(probes, attack.gallery)
    own = _own(distances, attack.is_same)
    found = torch.full((len(probes),), torch.nan)
    found[there] = rank_one(
        distances[there], study.probe_people[there], study.gallery_people
    ).float()
    cells[prefix + "rank-1"] = rate_measurement(
        found, study.probe_people, reference=1 / people_known
    )
    cells[prefix + "verified"] = _verified(attack, own, there)
    for rate in rates:
        cells[prefix + at_rate(rate)] = _verified(attack, own, there, rate)
    cells[prefix + "accepted as others"] = _accepted_as_others(attack, distances, there)
    curve = roc(own[there], distances[there][~attack.is_same[there]])
    return cells, curve.corners()


def _same_image(attack: Attack, subject: Subject, prefix: str) -> Measurements:
    """The same against the very picture that was anonymized: what a leaked original would tell."""
    study, probes = attack.study, attack.of_subject(subject)
    own = (probes - attack.originals).double().norm(dim=1)
    others = descriptor_distances(probes, attack.gallery)
    others = others.nan_to_num(nan=torch.inf).masked_fill(attack.is_same, torch.inf)
    nearest = others.amin(1) if others.shape[1] else torch.full_like(own, torch.inf)
    there = subject.present
    if attack.attacker == "pose known":
        there = there & study.complete
    compared = there & (~attack.is_same).any(1)  # without other people, no error is possible
    nearer = torch.where(compared, (own < nearest).float(), torch.nan)
    return {
        f"{prefix}rank-1, same image": rate_measurement(
            nearer, study.probe_people, empty=NOBODY_ELSE
        ),
        f"{prefix}verified, same image": _verified(attack, own, there),
    }


def _own(distances: Float[Tensor, "n m"], is_same: Bool[Tensor, "n m"]) -> Float[Tensor, "n"]:
    """Distance to the own image in the gallery; NaN without one."""
    own = torch.where(is_same, distances, torch.inf).amin(1)
    return torch.where(is_same.any(1), own, torch.nan)


def _verified(
    attack: Attack, own: Float[Tensor, "n"], there: Bool[Tensor, "n"], rate: float | None = None
) -> Measurement:
    """At the recognizer's own threshold, or at that of a false-accept rate."""
    threshold = attack.recognizer.threshold if rate is None else attack.calibrated(rate)
    if threshold is None:
        count = int(attack.impostors.isfinite().sum())
        few = f"too few pairs of different people: {count}"
        return not_measured("no threshold is known" if rate is None else few)
    accepted = torch.where(there, verified(own, threshold).float(), torch.nan)
    people, note = attack.study.probe_people, f"threshold {threshold:.3g}"
    return rate_measurement(accepted, people, note=note, reference=rate)


def _accepted_as_others(
    attack: Attack, distances: Float[Tensor, "n m"], there: Bool[Tensor, "n"]
) -> Measurement:
    """For which share of the people whom it does not show a result is taken."""
    if (threshold := attack.recognizer.threshold) is None:
        return not_measured("no threshold is known")
    study = attack.study
    shown = study.people(study.protocol.conditions or study.protocol.probes)[:, None]
    shown = shown == study.gallery_people
    others = ~attack.is_same & ~shown & distances.isfinite() & there[:, None]
    taken = ((distances <= threshold) & others).sum(1) / others.sum(1)  # NaN of none
    return mean_measurement(taken.float(), study.probe_people, empty=NOBODY_ELSE)


def measure_same_class(subject: Subject, recognizer: Recognizer) -> Measurements:
    """The published score: share of results whose most likely class is that of their source.

    Source: [A] Dall'Asen et al., ICIAP 2021, and [C] Maximov et al., CVPR 2020; FaceNet's classes
    are the people it was trained on.
    """
    name, study = f"{recognizer.name}: same class as the source", subject.study
    if not isinstance(recognizer, NamingRecognizer):
        return {}
    if not recognizer.has_classes:
        return {name: not_measured("weights without classes")}
    return {name: rate_measurement(class_kept(subject, recognizer), study.probe_people)}


def class_kept(subject: Subject, recognizer: NamingRecognizer) -> Float[Tensor, "n"]:
    """1 if a result has its source's class, else 0; NaN if not measured."""
    study = subject.study
    landmarks = study.landmarks(study.protocol.probes)

    def classes() -> list[Tensor]:
        both = subject.results.images, study.originals.images
        return [study.tool_runner.classify(images, landmarks, recognizer) for images in both]

    same = same_class(*subject.once(("classes", recognizer.name), classes)).float()
    return torch.where(subject.present & study.complete, same, torch.nan)
