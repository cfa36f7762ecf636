"""Verification of listed pairs in folds, as LFW does it: 6,000 pairs, 10 folds.

Source: Huang et al., "Labeled Faces in the Wild", 2007. The first picture of a pair is anonymised,
the second one is not; half of the pairs are of one person.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from graphgan.data.prepared import PreparedPicture
from graphgan.data.tables import read_table
from graphgan.evaluation.cells import Cell, Cells, not_measured
from graphgan.evaluation.privacy import Recogniser
from graphgan.evaluation.study import Results
from graphgan.metrics.identification import fold_statistics, verified

_COLUMNS = ("fold", "same", "image_a", "image_b")


class FoldPair(NamedTuple):
    """Two pictures by number, and whether they show one person."""

    fold: int
    same: bool
    a: int
    b: int


def read_fold_pairs(root: Path, pictures: Sequence[PreparedPicture]) -> list[FoldPair]:
    """The pairs of a prepared folder's ``pairs.csv``; none where it lists pairs to learn from.

    Raises:
        ValueError: a pair that names no picture; file and line are named.
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
                f"{path}: line {line}: expected a fold, 0 or 1 and two pictures, got {values}"
            ) from None
    return pairs


def measure_folds(recogniser: Recogniser, results: Results) -> Cells:
    """Accepted pairs of one person and of two: mean over the folds, and their deviation.

    An empty dictionary where the folder lists no such pairs.

    Args:
        recogniser: who verifies, at the embedder's threshold.
        results: of a system, of the probes.
    """
    study = recogniser.study
    listed = read_fold_pairs(study.pictures.root, study.pictures.pictures)
    place = {number: i for i, number in enumerate(study.trials.probes)}
    pairs = [pair for pair in listed if pair.a in place and results.present[place[pair.a]]]
    if not pairs:
        return {}
    prefix = f"{recogniser.embedder.name}, pairs in folds: "
    if (threshold := recogniser.embedder.threshold) is None:
        return {f"{prefix}same person verified": not_measured("no threshold is known")}
    probes = recogniser.of_probes(study.see(results.images))
    others = [pair.b for pair in pairs]
    seen, landmarks = study.see(study.images(others)), study.landmarks(others)
    described = recogniser.describe(seen, landmarks)
    distances = (probes[[place[pair.a] for pair in pairs]] - described).double().norm(dim=1)
    accepted = verified(distances, threshold).float()
    folds = torch.tensor([pair.fold for pair in pairs])
    same = torch.tensor([pair.same for pair in pairs])
    return {
        f"{prefix}same person verified": _cell(accepted[same], folds[same]),
        f"{prefix}different people verified": _cell(accepted[~same], folds[~same]),
    }


def _cell(values: torch.Tensor, folds: torch.Tensor) -> Cell:
    count = len(set(folds.tolist()))
    if count < 2:
        return not_measured("fewer than two folds")
    mean, deviation = fold_statistics(values, folds)
    return Cell(
        mean, count=len(values), note=f"standard deviation {deviation:.3g} of {count} folds"
    )
