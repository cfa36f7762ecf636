"""Face identification in a gallery and verification of pairs, from descriptors.

A descriptor is a row of numbers that a network computes for a face; close descriptors belong to one
person. A row of NaN marks a face without a descriptor, for instance because no face was found.
Sources: Phillips et al., "The FERET Evaluation Methodology for Face-Recognition Algorithms", TPAMI
2000, for rank one and verification; Huang et al., "Labeled Faces in the Wild", 2007, for folds.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor


def descriptor_distances(
    probes: Float[Tensor, "n d"], gallery: Float[Tensor, "m d"]
) -> Float64[Tensor, "n m"]:
    """``|probe - face|``, Euclidean, in double precision on the CPU; NaN if either is missing.

    Raises:
        ValueError: not ``n d`` and ``m d``.

    Example:
        >>> descriptor_distances(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
        tensor([[5., 1.]], dtype=torch.float64)
    """
    shapes = tuple(probes.shape), tuple(gallery.shape)
    if not (probes.ndim == gallery.ndim == 2 and probes.shape[1] == gallery.shape[1]):
        raise ValueError(f"expected descriptors of one width, n d and m d, got {shapes}")
    # Matrix products would be faster, but inaccurate for close descriptors.
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cdist(probes.cpu().double(), gallery.cpu().double(), compute_mode=exact)


def rank_one(
    distances: Float[Tensor, "n m"],
    probe_people: Int[Tensor, "n"],
    gallery_people: Int[Tensor, "m"],
) -> Float[Tensor, "n"]:
    """1 if a probe's nearest gallery face shows its person, else 0: not identified.

    Also 0 if the probe or the whole gallery has no descriptor (NaN), or if several faces are
    equally near and one of them shows another person. A person whose gallery faces have no
    descriptor cannot be identified.

    Args:
        distances: NaN where missing.
        probe_people: person of each probe.
        gallery_people: likewise; each person may appear several times.
    Raises:
        ValueError: mismatched numbers of people and distances, an empty gallery, or a probe whose
            person is not in the gallery.

    Example:
        >>> distances = torch.tensor([[0.2, 0.5], [0.3, 0.4]])
        >>> rank_one(distances, torch.tensor([7, 8]), torch.tensor([7, 8]))
        tensor([1., 0.])
    """
    if distances.shape != (expected := (len(probe_people), len(gallery_people))):
        raise ValueError(f"expected distances of {expected}, got {tuple(distances.shape)}")
    check_known(probe_people, gallery_people, "the gallery")
    nearest = distances.masked_fill(distances.isnan(), torch.inf).amin(1, keepdim=True)
    near = distances == nearest  # False for NaN
    own = probe_people[:, None] == gallery_people
    return (near.any(1) & (own | ~near).all(1)).to(distances.dtype)


def check_known(probe_people: Int[Tensor, "n"], known_people: Int[Tensor, "m"], where: str) -> None:
    """Raise ``ValueError`` unless all the probes' people are known."""
    if not len(known_people):
        raise ValueError(f"expected at least one face in {where}, got none")
    unknown = torch.unique(probe_people[~torch.isin(probe_people, known_people)]).tolist()
    if unknown:
        few = ", ".join(map(str, unknown[:5])) + (", ..." if len(unknown) > 5 else "")
        raise ValueError(f"expected people of {where}, got {len(unknown)} others: {few}")


def verified(distances: Float[Tensor, "n"], threshold: float) -> Float[Tensor, "n"]:
    """1 if a pair is accepted as one person, ``distance <= threshold``; 0 if it is missing.

    Args:
        distances: distances of pairs, NaN if a face has no descriptor.
        threshold: 0.6 for dlib's descriptor, as given by its author.
    Raises:
        ValueError: a threshold that is NaN.

    Example:
        >>> verified(torch.tensor([0.5, 0.7, torch.nan]), 0.6)
        tensor([1., 0., 0.])
    """
    if math.isnan(threshold):
        raise ValueError("expected a threshold, got nan")
    return (distances.double() <= threshold).to(distances.dtype)


def threshold_at(impostors: Float[Tensor, "n"], false_accept_rate: float) -> float:
    """The largest threshold at which `verified` accepts at most this share of impostor pairs.

    It lies just below the next impostor pair's distance, or is infinite if all pairs with a
    distance may be accepted. A pair without a distance still counts as a pair, and is never
    accepted.

    Args:
        impostors: distances between different people, NaN where missing.
        false_accept_rate: from ``1 / n`` to 1. Below that, no pair may be accepted, and n pairs
            cannot determine the threshold.
    Raises:
        ValueError: a rate outside that range, or no pairs.

    Example:
        >>> threshold = threshold_at(torch.tensor([0.5, 0.9, 0.7, 0.8]), 0.25)
        >>> round(threshold, 6)
        0.7
    """
    count = len(impostors)
    if not count or not 1 / count <= false_accept_rate <= 1:
        raise ValueError(
            f"expected a false accept rate from 1/n to 1 with n = {count} impostor pairs, got "
            f"{false_accept_rate}; a lower rate needs more pairs"
        )
    shares = torch.arange(count + 1, dtype=torch.float64) / count
    accepted = int((shares <= false_accept_rate).sum()) - 1
    refused = _missing_last(impostors)[accepted:].tolist()
    if not refused or refused[0] == math.inf:
        return math.inf
    return math.nextafter(refused[0], -math.inf)


class RocCurve(NamedTuple):
    """Steps of a receiver operating characteristic, from (0, 0) to (1, 1).

    Shapes:
        both ``t``, growing
    """

    false_accept_rate: Float64[Tensor, "t"]
    true_accept_rate: Float64[Tensor, "t"]

    def corners(self) -> "RocCurve":
        """The same curve reduced to its corners, whose number does not grow with the impostors."""
        true = self.true_accept_rate
        rises = torch.nonzero(true.diff() > 0).flatten()
        ends = torch.tensor([0, len(true) - 1])
        kept = torch.unique(torch.cat([rises, rises + 1, ends]))
        return RocCurve(self.false_accept_rate[kept], true[kept])


def roc(genuine: Float[Tensor, "n"], impostors: Float[Tensor, "m"]) -> RocCurve:
    """Shares of impostor and genuine pairs that `verified` accepts, at every threshold.

    One step for each distance that occurs. Pairs without a distance are never accepted: the
    remainder to 1 is in the last step, (1, 1), which accepts everything.

    Args:
        genuine: distances between faces of one person, NaN where missing.
        impostors: distances between different people, likewise.
    Raises:
        ValueError: no pairs of either kind.

    Example:
        >>> curve = roc(torch.tensor([0.2, 0.4]), torch.tensor([0.3, 0.9]))
        >>> curve.true_accept_rate.tolist()
        [0.0, 0.5, 0.5, 1.0, 1.0]
    """
    _check_both(genuine, impostors)
    kinds = _missing_last(impostors), _missing_last(genuine)
    thresholds = torch.unique(torch.cat(kinds))
    rates = (
        torch.searchsorted(distances, thresholds, right=True).double() / len(distances)
        for distances in kinds
    )
    return RocCurve(*(torch.cat([rate.new_zeros(1), rate]) for rate in rates))


def auc(genuine: Float[Tensor, "n"], impostors: Float[Tensor, "m"]) -> float:
    """Area under `roc`: how often a genuine pair is closer than an impostor pair; ties count half.

    ``P(g < i) + P(g = i) / 2`` over all pairs of a genuine distance g and an impostor distance i,
    which is the Mann-Whitney statistic: 1 if they are perfectly separated, 1/2 by chance. Pairs
    without a distance count as farther than all others and as equal to each other.

    Args:
        genuine: distances between faces of one person, NaN where missing.
        impostors: distances between different people, likewise.
    Raises:
        ValueError: no pairs of either kind.

    Example:
        >>> auc(torch.tensor([0.2, 0.4]), torch.tensor([0.3, 0.4]))
        0.625
    """
    _check_both(genuine, impostors)
    there, other = _missing_last(genuine), _missing_last(impostors)
    nearer, not_further = (
        torch.searchsorted(other, there, right=r).double() for r in (False, True)
    )
    further = len(other) - (nearer + not_further) / 2
    return float(further.mean()) / len(other)


def _check_both(genuine: Tensor, impostors: Tensor) -> None:
    if not len(genuine) or not len(impostors):
        pairs = f"{len(genuine)} and {len(impostors)}"
        raise ValueError(f"expected genuine and impostor pairs, got {pairs}")


def _missing_last(distances: Float[Tensor, "n"]) -> Float64[Tensor, "n"]:
    """Sorted, a pair without a distance further than any other."""
    return distances.cpu().double().nan_to_num(nan=torch.inf, posinf=torch.inf).sort().values


def same_class(
    logits: Float[Tensor, "n c"], other_logits: Float[Tensor, "n c"]
) -> Float[Tensor, "n"]:
    """1 if a classifier ranks the same class first for both faces of a pair, else 0.

    The re-identification score of published evaluations, whose classes are the people that a
    recognizer was trained on. Also 0 if a face has no logits (NaN).

    Raises:
        ValueError: mismatched shapes, not ``n c``, no class.

    Example:
        >>> logits = torch.tensor([[2.0, 1.0], [0.0, 3.0]])
        >>> same_class(logits, torch.tensor([[5.0, 4.0], [6.0, 0.0]]))
        tensor([1., 0.])
    """
    if logits.shape != other_logits.shape or logits.ndim != 2 or not logits.shape[1]:
        shapes = f"{tuple(logits.shape)} and {tuple(other_logits.shape)}"
        raise ValueError(f"expected logits n c of both faces, got {shapes}")
    there = ~(logits.isnan() | other_logits.isnan()).any(1)
    return (there & (logits.argmax(1) == other_logits.argmax(1))).to(logits.dtype)


class FoldStatistics(NamedTuple):
    """Mean and sample standard deviation of the folds' means."""

    mean: float
    std: float


def fold_statistics(values: Float[Tensor, "n"], folds: Int[Tensor, "n"]) -> FoldStatistics:
    """Mean of the folds' means, and their sample standard deviation.

    This is how accuracies on LFW's 10 folds are reported; some report the standard error
    ``std / sqrt(folds)`` instead.

    Args:
        values: NaN values are ignored.
        folds: fold number of each value.
    Raises:
        ValueError: mismatched numbers of folds and values, a single fold, or a fold without values.

    Example:
        >>> fold_statistics(torch.tensor([1.0, 0.0, 1.0, 1.0]), torch.tensor([1, 1, 2, 2]))
        FoldStatistics(mean=0.75, std=0.3535533905932738)
    """
    if values.shape != folds.shape:
        raise ValueError(f"expected a fold for each of {len(values)} values, got {len(folds)}")
    names = torch.unique(folds).tolist()
    if len(names) < 2:
        raise ValueError(f"expected at least two folds, got {len(names)}")
    means = torch.stack([values[folds == name].double().nanmean() for name in names])
    if empty := [
        name for name, mean in zip(names, means.tolist(), strict=True) if math.isnan(mean)
    ]:
        raise ValueError(f"expected values in every fold, got none in fold {empty[0]}")
    return FoldStatistics(float(means.mean()), float(means.std()))


def fold_accuracies(
    distances: Float[Tensor, "n"], same: Bool[Tensor, "n"], folds: Int[Tensor, "n"]
) -> Float64[Tensor, "n"]:
    """1 if a pair is classified correctly at the threshold that is best in all *other* folds.

    This is how accuracies on LFW are computed ("image-restricted": a fold is judged without looking
    at it). The mean over a fold is its accuracy, see `fold_statistics`.

    Args:
        distances: distances of pairs; NaN, if a face has no descriptor, is never accepted.
        same: whether a pair shows one person.
        folds: fold number of each pair.
    Raises:
        ValueError: mismatched counts, or a single fold.

    Example:
        >>> distances, same = torch.tensor([0.1, 0.9, 0.2, 0.8]), torch.tensor([1, 0, 1, 0]).bool()
        >>> fold_accuracies(distances, same, torch.tensor([1, 1, 2, 2])).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    if not distances.shape == same.shape == folds.shape:
        shapes = ", ".join(str(tuple(x.shape)) for x in (distances, same, folds))
        raise ValueError(f"expected distances, same and folds of one length, got {shapes}")
    names = torch.unique(folds).tolist()
    if len(names) < 2:
        raise ValueError(f"expected at least two folds, got {len(names)}")
    distances = distances.double()
    right = torch.zeros(len(distances), dtype=torch.float64)
    for name in names:
        own = folds == name
        threshold = _best_threshold(distances[~own], same[~own])
        right[own] = ((distances[own] <= threshold) == same[own]).double()
    return right


def _best_threshold(distances: Float64[Tensor, "n"], same: Bool[Tensor, "n"]) -> float:
    """Where most pairs are judged rightly; half-way to the next distance."""
    order = distances.nan_to_num(nan=torch.inf).argsort()
    sorted_distances, is_same = distances.nan_to_num(nan=torch.inf)[order], same[order]
    zero = torch.zeros(1, dtype=torch.long)
    accepted = torch.cat([zero, is_same.cumsum(0)])
    refused = torch.cat([zero, (~is_same).cumsum(0)])
    right = accepted + refused[-1] - refused  # by how many of the nearest are accepted
    ends = sorted_distances.new_tensor([0.0]), sorted_distances.new_tensor([torch.inf])
    edges = torch.cat([ends[0] - 1, sorted_distances, ends[1]])
    # Equal distances are accepted together, and missing ones never.
    possible = (edges[1:] > edges[:-1]) & edges[:-1].isfinite()
    count = int(torch.where(possible, right, -1).argmax())
    last, following = edges[count : count + 2].clamp(min=0).tolist()
    return float(last if following == math.inf else (last + following) / 2)
