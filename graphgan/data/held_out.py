"""Drawn people to train on, and others to test on."""

from collections.abc import Callable
from typing import TypeVar

Drawn = TypeVar("Drawn")

TEST_PEOPLE, TEST_PICTURES = 32, 8
FIRST_TEST_PERSON = 1_000_000  # far above any number of training people


def draw_splits(draw: Callable[..., Drawn], num_people: int, pictures: int) -> tuple[Drawn, Drawn]:
    """The training set, and a test set of 32 other people with 8 images each.

    Args:
        draw: builds a set, such as `SyntheticFaces` or `SyntheticPersons` with other arguments
            bound.
        num_people: number of people to train on, fewer than a million.
        pictures: images per person in the training set.

    Example:
        >>> from functools import partial
        >>> from graphgan.data import SyntheticFaces
        >>> train, test = draw_splits(partial(SyntheticFaces, size=32), 4, 2)
        >>> len(train), len(test), set(train.names) & set(test.names)
        (8, 256, set())
    """
    train = draw(num_people, pictures)
    return train, draw(TEST_PEOPLE, TEST_PICTURES, first_person=FIRST_TEST_PERSON)
