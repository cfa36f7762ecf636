"""The identities of CelebA that [A] and CIAGAN train and test on.

Sources: [A] Dall'Asen et al., ICIAP 2021; Maximov et al., "CIAGAN", CVPR 2020: the 1,563 identities
with more than 30 images, 1,200 of them to train on.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from graphgan.data import Listing, Skipped, Split

MORE_THAN = 30  # images
IDENTITIES, TRAIN_IDENTITIES = 1_563, 1_200
OTHERS = "identity with 30 images or fewer"


def split_as_published(
    listing: Listing, identities: Path | None, *, seed: int
) -> tuple[Listing, str]:
    """Return the photos of those identities, each with its split, and a description of the split.

    Args:
        listing: photos in the layout "celeba".
        identities: NumPy file of identity numbers, as CIAGAN publishes it: the first 1,200 are used
            for training and the next 363 for testing. If the file lists only 1,200, all other
            identities are tested. None draws them at random, which is not the paper's split.
        seed: seed of the random draw.
    Raises:
        ValueError: fewer than 1,563 such identities, or a file that does not list them.
    """
    counts = Counter(photo.person for photo in listing.photos)
    people = sorted(person for person, count in counts.items() if count > MORE_THAN)
    if len(people) < IDENTITIES:
        raise ValueError(
            f"expected {IDENTITIES} identities with more than {MORE_THAN} images, as in the paper, "
            f"got {len(people)}; drop --protocol to use your own split"
        )
    if identities is None:
        people = _drawn(people, IDENTITIES, seed)
        train = set(_drawn(people, TRAIN_IDENTITIES, seed))
        name = f"1,200 and 363 identities of CelebA drawn by seed {seed}: not the paper's split"
    else:
        listed = _read(identities, people)
        train = set(listed[:TRAIN_IDENTITIES])
        complete = len(listed) >= IDENTITIES
        people = listed[:IDENTITIES] if complete else people
        tested = "363 as well" if complete else f"{len(people) - len(train)} others"
        name = f"CelebA's 1,200 training identities as CIAGAN lists them, to test {tested}"
    chosen = set(people)

    def split_of(person: str) -> Split:
        return "train" if person in train else "test"

    photos = [replace(p, split=split_of(p.person)) for p in listing.photos if p.person in chosen]
    left = [Skipped(p.source, OTHERS) for p in listing.photos if p.person not in chosen]
    return replace(listing, photos=photos, unusable=[*listing.unusable, *left]), name


def _drawn(people: list[str], count: int, seed: int) -> list[str]:
    order = np.random.default_rng((seed, 20)).permutation(len(people))[:count]
    return sorted(people[i] for i in order.tolist())


def _read(path: Path, people: list[str]) -> list[str]:
    """Read the identities in a file, in order."""
    try:
        numbers = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"--identities {path}: expected a NumPy file of numbers: {error}"
        ) from None
    if numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(
            f"--identities {path}: expected a list of whole numbers, got {numbers.dtype} of shape "
            f"{numbers.shape}"
        )
    listed = list(dict.fromkeys(f"{number:05d}" for number in numbers.tolist()))
    if len(listed) < TRAIN_IDENTITIES:
        raise ValueError(
            f"--identities {path}: expected at least {TRAIN_IDENTITIES} identities, "
            f"got {len(listed)}"
        )
    if unknown := set(listed[:IDENTITIES]) - set(people):
        raise ValueError(
            f"--identities {path}: expected identities with more than {MORE_THAN} images here, "
            f"{len(unknown)} are none, such as {min(unknown)}"
        )
    return listed
