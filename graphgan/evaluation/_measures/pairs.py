"""Tell pairs of images of one person from pairs of two people, by distances of descriptors.

A *mated* pair shows one person in two videos, a *non-mated* pair shows two people. `measure_pairs`
compares anonymized with untouched images, `measure_links` anonymized images with each other: can
they be linked, whoever they show?
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from graphgan.evaluation._measurements import Measurement, Measurements, not_measured
from graphgan.evaluation._measures.condition_rules import RULES, describe_under_rule
from graphgan.evaluation._measures.privacy import Attack
from graphgan.evaluation._protocol import ConditionRule, NobodyElseError
from graphgan.evaluation._study import Study, Subject
from graphgan.faces import Recognizer

PairIndices = Int[Tensor, "p 2"]

_DRAWS = 500
_CANDIDATES = 8  # drawn for each wanted non-mated pair, since some show one person
_CHANCE_AUC, _CHANCE_F1 = 0.5, 2 / 3  # F1 where all of equally many pairs are accepted

NO_MATED = "no pair of one person in two videos"
NO_OTHERS = "no pair of two people"


class Pairs(NamedTuple):
    """Index pairs of images."""

    mated: PairIndices
    others: PairIndices

    def where(self, first: Bool[Tensor, "n"], second: Bool[Tensor, "n"]) -> "Pairs":
        """Pairs whose images are in these sets."""
        return Pairs(*(own[first[own[:, 0]] & second[own[:, 1]]] for own in self))


def draw_pairs(
    people: Int[Tensor, "n"],
    videos: Int[Tensor, "n"],
    count: int,
    *,
    ordered: bool,
    seed: int = 0,
) -> Pairs:
    """Draw at most ``count`` mated and ``count`` non-mated pairs, without repetition.

    Args:
        people: person of each image.
        videos: video number of each image; different people have different numbers.
        count: largest number of pairs of each kind.
        ordered: whether (a, b) and (b, a) are different pairs.
        seed: random seed.

    Example:
        >>> people, videos = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 2, 2])
        >>> pairs = draw_pairs(people, videos, 10, ordered=False)
        >>> pairs.mated.tolist(), len(pairs.others)
        ([[0, 1]], 4)
    """
    rng = np.random.default_rng((seed, 15))
    own = [torch.nonzero(people == person).flatten() for person in torch.unique(people)]
    mated = torch.cat([torch.cartesian_prod(i, i) for i in own])
    mated = mated[videos[mated[:, 0]] != videos[mated[:, 1]]]
    total = len(people) ** 2
    drawn = rng.choice(total, size=min(total, 2 * _CANDIDATES * count), replace=False)
    others = torch.from_numpy(np.stack([drawn // len(people), drawn % len(people)], 1))
    others = others[people[others[:, 0]] != people[others[:, 1]]]
    if not ordered:
        mated, others = (own[own[:, 0] < own[:, 1]] for own in (mated, others))
    chosen = np.sort(rng.permutation(len(mated))[:count])
    return Pairs(mated[torch.from_numpy(chosen)], others[:count])


def measure_pairs(attack: Attack, subject: Subject) -> Measurements:
    """How well an attacker tells whether an anonymized and an untouched image show one person.

    Area under the ROC curve, and F1 at the attacker's best threshold. The untouched images are
    other probes, from another video than the anonymized image.
    """
    study, prefix = attack.study, f"{attack.recognizer.name}, {attack.attacker}: pairs"
    pairs = probe_pairs(study, ordered=True)
    known = study.complete if attack.attacker == "pose known" else torch.ones_like(study.complete)
    pairs = pairs.where(subject.present & known, known)
    results = attack.of_subject(subject)
    distances = [pair_distances(results, attack.originals, own) for own in pairs]
    auc, f1 = measure_separation(study, pairs, distances)
    return {f"{prefix} AUC": auc, f"{prefix} F1": f1}


def probe_pairs(study: Study, *, ordered: bool) -> Pairs:
    """Pairs among the probes; the same for all systems and attackers."""

    def draw() -> Pairs:
        people, settings = study.probe_people, study.settings
        return draw_pairs(
            people, study.probe_videos, settings.pair_count, ordered=ordered, seed=settings.seed
        )

    return study.once(("pairs", ordered), draw)


def pair_distances(
    one: Float[Tensor, "n d"], other: Float[Tensor, "n d"], pairs: PairIndices
) -> Float64[Tensor, "p"]:
    """Distances between the first image's descriptor in ``one`` and the second's in ``other``."""
    distances: Tensor = (one[pairs[:, 0]] - other[pairs[:, 1]]).double().norm(dim=1)
    return distances


def measure_separation(
    study: Study, pairs: Pairs, distances: list[Float64[Tensor, "_"]]
) -> tuple[Measurement, Measurement]:
    """Area under the curve and best F1 of the distances of mated and of non-mated pairs.

    ``F1 = 2 t / (t + f + 1)`` with the shares t and f of mated and of non-mated pairs that are
    accepted, as if both kinds were equally many.
    Intervals are bootstrapped over people; a non-mated pair is drawn with both of its people.
    """
    if not len(pairs.mated) or not len(pairs.others):
        empty = not_measured(NO_OTHERS if len(pairs.mated) else NO_MATED)
        return empty, empty
    people = [study.probe_people[own] for own in pairs]
    known, numbers = torch.unique(torch.cat(people), return_inverse=True)
    rng = np.random.default_rng((study.settings.seed, 16))
    drawn = rng.multinomial(len(known), np.full(len(known), 1 / len(known)), size=_DRAWS)
    drawn = np.concatenate([np.ones_like(drawn[:1]), drawn])  # first, everyone once
    places = numbers.numpy()
    mated, others = places[: len(pairs.mated)], places[len(pairs.mated) :]
    weights = np.concatenate(
        [drawn[:, mated[:, 0]], drawn[:, others[:, 0]] * drawn[:, others[:, 1]]], 1
    )
    found = _separations(torch.cat(distances).numpy(), len(mated), weights.astype(float))
    note = f"{len(mated)} mated and {len(others)} non-mated pairs"
    chances = (_CHANCE_AUC, _CHANCE_F1)
    cells = [_measurement(own, len(mated), note, c) for own, c in zip(found, chances, strict=True)]
    return cells[0], cells[1]


def _separations(
    distances: np.ndarray, mated: int, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each row of weights the area and the best F1; NaN where it leaves no pair of a kind."""
    distances = np.where(np.isnan(distances), np.inf, distances)  # never accepted
    order = np.argsort(distances, kind="stable")
    is_mated = order < mated
    apart = distances[order][1:] > distances[order][:-1]
    ends = np.flatnonzero(np.append(apart, True))  # equal distances together
    sums = [np.cumsum(weights[:, order] * own, 1) for own in (is_mated, ~is_mated)]
    true, false = (np.pad(own[:, ends], ((0, 0), (1, 0))) for own in sums)
    finite = np.append(True, np.isfinite(distances[order][ends]))
    with np.errstate(invalid="ignore", divide="ignore"):
        area = (np.diff(false, axis=1) * (true[:, 1:] + true[:, :-1]) / 2).sum(1)
        area = area / (true[:, -1] * false[:, -1])
        true, false = true / true[:, -1:], false / false[:, -1:]  # as if they were equally many
        f1 = (2 * true / (true + false + 1))[:, finite].max(1)
    return area, f1


def _measurement(values: np.ndarray, count: int, note: str, chance: float) -> Measurement:
    drawn = values[1:][np.isfinite(values[1:])]
    if len(drawn) < _DRAWS / 2:  # too few people: most draws leave no pair of a kind
        return Measurement(float(values[0]), count=count, note=note, reference=chance)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Measurement(float(values[0]), float(low), float(high), count, note, chance)


def measure_links(subject: Subject, recognizer: Recognizer) -> Measurements:
    """Area under the ROC curve of distances between anonymized images.

    Mated pairs are two anonymized images of one person, from different videos; non-mated pairs show
    two people. 0.5 is chance. It is measured with conditions drawn for each image, and with one
    condition for each person, which links the images by design.
    """
    return {
        f"{recognizer.name}: linked, {name}": _measure(subject, recognizer, rule)
        for rule, name in RULES.items()
    }


def _measure(subject: Subject, recognizer: Recognizer, rule: ConditionRule) -> Measurement:
    study = subject.study
    count = len(study.protocol.probes)
    try:
        described = describe_under_rule(subject, recognizer, rule)[:count]
    except NobodyElseError as error:
        return not_measured(str(error))
    there = subject.present & study.complete
    everyone = subject.results.present & study.complete
    # Of a group: pairs of which either picture is in it, whoever the other one shows.
    pairs = Pairs(
        *(
            own[everyone[own].all(1) & there[own].any(1)]
            for own in probe_pairs(study, ordered=False)
        )
    )
    distances = [pair_distances(described, described, own) for own in pairs]
    return measure_separation(study, pairs, distances)[0]
