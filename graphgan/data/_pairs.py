"""Pairs of images: the condition gives the identity, the source the pose.

Source: [A] Dall'Asen et al., ICIAP 2021, section 4: 75 % of the pairs of a batch have the source
for their condition; 24,000 pairs are fixed before training. Pairs of the same person in two
images, which give pixel supervision across poses, are not in the paper.
"""

from collections import defaultdict
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int
from numpy.random import Generator
from torch import Tensor


class PairKind(IntEnum):
    """How condition and source are related."""

    SAME_IMAGE = 0
    SAME_PERSON = 1
    DIFFERENT = 2


class Pairs(NamedTuple):
    """Pairs of images, by number.

    Shapes:
        ``condition, source, kind: b``
    """

    condition: Int[Tensor, "b"]
    source: Int[Tensor, "b"]
    kind: Int[Tensor, "b"]


@runtime_checkable
class Sampler(Protocol):
    """Chooses the pairs of each training step.

    Attributes:
        batch_size: pairs per step, over all processes.
        seed: random seed.
    """

    batch_size: int
    seed: int

    def batch(self, step: int) -> Pairs:
        """The pairs of one step; always the same for the same step."""
        ...


def possible_kinds(persons: Sequence[int]) -> set[PairKind]:
    """The kinds of pairs that a set of images allows.

    Args:
        persons: person number of each image.

    Example:
        >>> PairKind.SAME_PERSON in possible_kinds([0, 1, 2])  # one picture each
        False
    """
    people = set(persons)
    kinds = {PairKind.SAME_IMAGE} if people else set()
    if len(people) < len(persons):
        kinds.add(PairKind.SAME_PERSON)
    if len(people) > 1:
        kinds.add(PairKind.DIFFERENT)
    return kinds


class PairSampler:
    """Pairs for every training step, determined only by the seed and the step.

    A batch holds ``round(same_image_share * b)`` pairs of an image with itself (halves rounded up),
    ``round(same_person_share * b)`` pairs of two images of one person, and otherwise pairs of two
    people. Each kind goes through its own shuffled pool, so one pass uses every pair once. A
    resumed run needs only the step number.

    Args:
        persons: person number of each image.
        batch_size: b, over all processes.
        same_image_share: share of pairs of an image with itself.
        same_person_share: share of pairs of one person in two images.
        num_pairs: number of pairs fixed before training, divided by the shares; None draws new ones
            at every step.
        seed: random seed.
    Raises:
        ValueError: shares outside [0, 1] or with a sum above 1, a batch larger than the data, or
            shares that need two people or two images of a person where there are none.

    Example:
        >>> sampler = PairSampler([0, 0, 1, 1, 2], batch_size=4)
        >>> sampler.batch(step=0).kind.tolist().count(PairKind.SAME_IMAGE)
        3
    """

    def __init__(
        self,
        persons: Sequence[int],
        *,
        batch_size: int,
        same_image_share: float = 0.75,
        same_person_share: float = 0.0,
        num_pairs: int | None = 24_000,
        seed: int = 0,
    ) -> None:
        self.persons = np.asarray(persons)
        self.batch_size = batch_size
        self.seed = seed
        self.pictures_of = _pictures_by_person(self.persons)
        self._check_sizes(batch_size, same_image_share, same_person_share)
        self.counts = _split(batch_size, same_image_share, same_person_share)
        self._check_people()
        self.num_pairs = num_pairs
        if num_pairs is not None and num_pairs < batch_size:
            raise ValueError(f"expected at least {batch_size} pairs, a batch, got {num_pairs}")
        self._pools: dict[PairKind, np.ndarray] = {}

    def batch(self, step: int) -> Pairs:
        """The pairs of one step, in shuffled order."""
        rng = np.random.default_rng((self.seed, 1, step))
        parts = [self._of_kind(kind, step, rng) for kind in PairKind]
        order = rng.permutation(self.batch_size)
        kinds = np.repeat([*PairKind], [len(part) for part in parts])[order]
        pairs = np.concatenate(parts)[order]
        return Pairs(*(torch.from_numpy(a.copy()) for a in (pairs[:, 0], pairs[:, 1], kinds)))

    def _of_kind(self, kind: PairKind, step: int, rng: Generator) -> np.ndarray:
        count = self.counts[kind]
        if self.num_pairs is None or count == 0:
            return self._draw(kind, count, rng)
        start = step * count
        size = max(count, round(self.num_pairs * count / self.batch_size))
        # A batch may continue from the end of one pass into the next.
        passes = range(start // size, (start + count - 1) // size + 1)
        ordered = np.concatenate(
            [self._pool(kind, size)[_shuffled((self.seed, 3, kind, p), size)] for p in passes]
        )
        first = start - passes[0] * size
        return ordered[first : first + count]

    def _pool(self, kind: PairKind, size: int) -> np.ndarray:
        """The fixed pairs of a kind, drawn when they are first needed."""
        if kind not in self._pools:
            rng = np.random.default_rng((self.seed, 2, kind))
            self._pools[kind] = self._draw(kind, size, rng)
        return self._pools[kind]

    def _draw(self, kind: PairKind, count: int, rng: Generator) -> np.ndarray:
        if kind is PairKind.SAME_IMAGE:
            pictures = _without_repetition(len(self.persons), count, rng)
            return np.stack([pictures, pictures], axis=1)
        if kind is PairKind.DIFFERENT:
            sources = _without_repetition(len(self.persons), count, rng)
            crossed = [(self._other_person(s, rng), s) for s in sources.tolist()]
            return np.array(crossed, dtype=np.int64).reshape(-1, 2)
        repeated = [pictures for pictures in self.pictures_of.values() if len(pictures) > 1]
        chosen = rng.integers(max(1, len(repeated)), size=count)
        drawn = [rng.choice(repeated[i], size=2, replace=False) for i in chosen]
        return np.array(drawn, dtype=np.int64).reshape(-1, 2)

    def _other_person(self, source: int, rng: Generator) -> int:
        while self.persons[picture := int(rng.integers(len(self.persons)))] == self.persons[source]:
            pass
        return picture

    def _check_sizes(self, batch_size: int, same_image: float, same_person: float) -> None:
        if not 1 <= batch_size <= len(self.persons):
            raise ValueError(
                f"expected a batch size from 1 to the {len(self.persons)} images there are, "
                f"got {batch_size}"
            )
        if min(same_image, same_person) < 0 or same_image + same_person > 1:
            raise ValueError(
                "expected shares of same-image and same-person pairs of at least 0, 1 together at "
                f"most; got {same_image} and {same_person}"
            )

    def _check_people(self) -> None:
        if self.counts[PairKind.DIFFERENT] and len(self.pictures_of) < 2:
            raise ValueError("expected at least two people for pairs of different people, got one")
        if self.counts[PairKind.SAME_PERSON] and all(len(f) < 2 for f in self.pictures_of.values()):
            raise ValueError("expected a person with two images for same-person pairs, got none")


def _split(batch_size: int, same_image: float, same_person: float) -> dict[PairKind, int]:
    """Exact numbers of each kind; halves are rounded up, and together they fill the batch."""
    first = int(same_image * batch_size + 0.5)
    both = min(batch_size, first + int(same_person * batch_size + 0.5))
    return {
        PairKind.SAME_IMAGE: first,
        PairKind.SAME_PERSON: both - first,
        PairKind.DIFFERENT: batch_size - both,
    }


def _pictures_by_person(persons: np.ndarray) -> dict[int, np.ndarray]:
    pictures: dict[int, list[int]] = defaultdict(list)
    for picture, person in enumerate(persons):
        pictures[int(person)].append(picture)
    return {person: np.array(numbers) for person, numbers in pictures.items()}


@lru_cache(maxsize=4)  # a pass of each kind, and of listed pairs
def _shuffled(seed: tuple[int, ...], size: int) -> np.ndarray:
    """The order of one pass, which every step of it asks for."""
    order = np.random.default_rng(seed).permutation(size)
    order.flags.writeable = False
    return order


def _without_repetition(size: int, count: int, rng: Generator) -> np.ndarray:
    """``count`` of ``range(size)``, none again before all were drawn."""
    passes = -(-count // size)
    return np.concatenate([rng.permutation(size) for _ in range(passes)] or [np.zeros(0, int)])[
        :count
    ]


class ListedPairSampler:
    """A given list of pairs, reshuffled for each pass and complete in each pass.

    Args:
        pairs: for example, a data set's own list.
        batch_size: b, over all processes.
        seed: random seed of the orders.
    Raises:
        ValueError: a batch larger than the list.

    Example:
        >>> pairs = self_pairs(6)
        >>> sampler = ListedPairSampler(pairs, batch_size=3)
        >>> sorted(torch.cat([sampler.batch(step).source for step in (0, 1)]).tolist())
        [0, 1, 2, 3, 4, 5]
    """

    def __init__(self, pairs: Pairs, *, batch_size: int, seed: int = 0) -> None:
        if not 1 <= batch_size <= len(pairs.source):
            raise ValueError(
                f"expected a batch size from 1 to the {len(pairs.source)} pairs there are, "
                f"got {batch_size}"
            )
        self.pairs = pairs
        self.batch_size = batch_size
        self.seed = seed

    def batch(self, step: int) -> Pairs:
        """The pairs of one step, determined by the seed and the step."""
        size, start = len(self.pairs.source), step * self.batch_size
        first, last = start // size, (start + self.batch_size - 1) // size
        passes = range(first, last + 1)
        ordered = np.concatenate([_shuffled((self.seed, 6, p), size) for p in passes])
        chosen = torch.from_numpy(ordered[start - first * size :][: self.batch_size])
        return Pairs(*(column[chosen] for column in self.pairs))


def next_person_pairs(persons: Sequence[int], *, seed: int = 0) -> Pairs:
    """Use every image once as source, with a random image of the next person as condition.

    This is the test protocol of [A]. Persons are ordered by number; the last is followed by the
    first.

    Raises:
        ValueError: there is only one person.
    """
    pictures_of = _pictures_by_person(np.asarray(persons))
    if len(pictures_of) < 2:
        raise ValueError("expected at least two people for pairs of different people, got one")
    order = sorted(pictures_of)
    following = dict(zip(order, [*order[1:], order[0]], strict=True))
    rng = np.random.default_rng((seed, 4))
    conditions = [int(rng.choice(pictures_of[following[int(person)]])) for person in persons]
    sources = torch.arange(len(conditions))
    kinds = torch.full_like(sources, PairKind.DIFFERENT)
    return Pairs(torch.tensor(conditions), sources, kinds)


def some_pairs(pairs: Pairs, count: int) -> Pairs:
    """At most ``count`` of the pairs, spread evenly."""
    total = len(pairs.source)
    chosen = torch.linspace(0, total - 1, min(count, total)).round().long()
    return Pairs(*(column[chosen] for column in pairs))


def next_picture_pairs(persons: Sequence[int]) -> Pairs:
    """Use every image once as source, with the next image of its person as condition.

    A person's last image is followed by the first; persons with one image have no pairs.

    Raises:
        ValueError: no person has two images.
    """
    pictures_of = _pictures_by_person(np.asarray(persons))
    pairs = [
        (following, picture)
        for pictures in pictures_of.values()
        if len(pictures) > 1
        for picture, following in zip(
            pictures.tolist(), np.roll(pictures, -1).tolist(), strict=True
        )
    ]
    if not pairs:
        raise ValueError("expected a person with at least two images, got none")
    condition, source = torch.tensor(sorted(pairs, key=lambda pair: pair[1])).T
    return Pairs(condition, source, torch.full_like(source, PairKind.SAME_PERSON))


def self_pairs(num_pictures: int) -> Pairs:
    """Pair every image with itself."""
    pictures = torch.arange(num_pictures)
    return Pairs(pictures, pictures, torch.full_like(pictures, PairKind.SAME_IMAGE))
