"""Verification on listed pairs in folds, as for LFW: 6,000 pairs in 10 folds.

Source: Huang et al., "Labeled Faces in the Wild", 2007. The first image of a pair is anonymized,
the second is not; half of the pairs show one person.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.data import read_table
from graphgan.data._prepared import PreparedPicture
from graphgan.evaluation._measurements import (
    Measurement,
    Measurements,
    not_measured,
    rate_measurement,
)
from graphgan.evaluation._measures.privacy import Attack, class_kept
from graphgan.evaluation._study import Subject
from graphgan.faces import NamingRecognizer, Recognizer
from graphgan.metrics import fold_accuracies, fold_statistics, verified

_COLUMNS = ("fold", "same", "image_a", "image_b")


class FoldPair(NamedTuple):
    """Numbers of two images, and whether they show one person."""

    fold: int
    same: bool
    a: int
    b: int


def read_fold_pairs(root: Path, pictures: Sequence[PreparedPicture]) -> list[FoldPair]:
    """Read evaluation pairs from a prepared folder's ``pairs.csv``; none for training pairs.

    Raises:
        ValueError: a pair with an unknown image; the message gives file and line.
    """
    path = root / "pairs.csv"
    if not path.is_file():
        return []
    lines = read_table(path)
    if tuple(next(lines, (1, []))[1]) != _COLUMNS:
        return []
    numbers = {picture.image: i for i, picture in enumerate(pictures)}
    pairs = []
    for line, values in lines:
        try:
            fold, same, a, b = values
            pairs.append(FoldPair(int(fold), same == "1", numbers[a], numbers[b]))
        except (ValueError, KeyError):
            raise ValueError(
                f"{path}: line {line}: expected a fold, 0 or 1, and two images, got {values}"
            ) from None
    return pairs


def measure_folds(attack: Attack, subject: Subject) -> Measurements:
    """Accepted pairs of one person and of two people, and the accuracy at the other folds'
    thresholds.

    Intervals are over people; the mean over the folds and their deviation are in the notes. The
    dictionary is empty if the folder lists no such pairs.

    Args:
        attack: the attacker.
        subject: the system's results.
    """
    study = attack.study
    listed = read_fold_pairs(study.pictures.root, study.pictures.pictures)
    place = {number: i for i, number in enumerate(study.protocol.probes)}
    pairs = [pair for pair in listed if pair.a in place and subject.present[place[pair.a]]]
    if not pairs:
        return {}
    prefix = f"{attack.recognizer.name}, {attack.attacker}, pairs in folds: "
    names = [prefix + name for name in ("same person verified", "different people verified")]
    distances = _distances(attack, subject, pairs, place)
    folds = torch.tensor([pair.fold for pair in pairs])
    same = torch.tensor([pair.same for pair in pairs])
    people = study.people([pair.a for pair in pairs])
    cells = dict.fromkeys(names, not_measured("no threshold is known"))
    if (threshold := attack.recognizer.threshold) is not None:
        accepted = verified(distances, threshold).float()
        for name, which in zip(names, (same, ~same), strict=True):
            cells[name] = _measurement(accepted[which], people[which], folds[which])
    if len({pair.fold for pair in pairs}) > 1:
        right = fold_accuracies(distances, same, folds).float()
        cells[f"{prefix}accuracy"] = _measurement(right, people, folds)
    return cells


def measure_classes_in_folds(subject: Subject, recognizer: Recognizer) -> Measurements:
    """The published re-identification score, as a mean over the folds and their deviation.

    In a fold: the share of its pairs whose first image, the anonymized one, gets the class of its
    source, see `measure_same_class`. Source: [A] Dall'Asen et al., ICIAP 2021, table 2.

    Args:
        subject: the system's results.
        recognizer: predicts a training person; the dictionary is empty if it does not.
    """
    study = subject.study
    if not isinstance(recognizer, NamingRecognizer) or not recognizer.has_classes:
        return {}
    place = {number: i for i, number in enumerate(study.protocol.probes)}
    asked = subject.present & study.complete
    listed = read_fold_pairs(study.pictures.root, study.pictures.pictures)
    pairs = [pair for pair in listed if pair.a in place and asked[place[pair.a]]]
    if not pairs:
        return {}
    kept = class_kept(subject, recognizer)[[place[pair.a] for pair in pairs]]
    folds = torch.tensor([pair.fold for pair in pairs])
    people = study.people([pair.a for pair in pairs])
    return {f"{recognizer.name}, pairs in folds: same class": _measurement(kept, people, folds)}


def _distances(
    attack: Attack, subject: Subject, pairs: list[FoldPair], place: dict[int, int]
) -> Float[Tensor, "p"]:
    """Between the results and the untouched second images."""
    study = attack.study
    probes = attack.of_subject(subject)
    others = [pair.b for pair in pairs]
    described = attack.describe(study.see(study.images(others)), study.landmarks(others))
    apart = probes[[place[pair.a] for pair in pairs]] - described
    distances: Tensor = torch.linalg.vector_norm(apart.double(), dim=1)
    return distances


def _measurement(values: Tensor, people: Tensor, folds: Tensor) -> Measurement:
    if len(set(folds.tolist())) < 2:
        return not_measured("fewer than two folds")
    mean, deviation = fold_statistics(values, folds)
    note = f"mean of folds {100 * mean:.2f}, standard deviation {100 * deviation:.2f}"
    return rate_measurement(values, people, note=note)
