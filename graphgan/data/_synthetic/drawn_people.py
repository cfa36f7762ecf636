"""Sets of drawn people, to train on and to test on, and the random generators of each image."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

_SMALLEST = 16


class DrawnPeople:
    """Image ``f`` of the ``p``-th person is number ``p * pictures + f``.

    Args:
        num_people: number of people.
        pictures: images per person.
        seed: random seed.
        first_person: number of the first person.
        called: word for an image in names and errors.
    Raises:
        ValueError: less than one person or image, negative ``seed`` or ``first_person``.
    """

    def __init__(
        self, num_people: int, pictures: int, *, seed: int, first_person: int, called: str
    ) -> None:
        counts = {"num_people": (num_people, 1), f"{called}s_per_person": (pictures, 1)}
        counts |= {"seed": (seed, 0), "first_person": (first_person, 0)}
        for name, (value, least) in counts.items():
            if value < least:
                raise ValueError(f"expected {name} of at least {least}, got {value}")
        self.seed = seed
        self.first_person = first_person
        self.pictures_per_person = pictures
        self.called = called
        self.persons = [p for p in range(num_people) for _ in range(pictures)]
        self.names = [
            f"person{first_person + person:06d}_{called}{index % pictures:04d}"
            for index, person in enumerate(self.persons)
        ]

    def __len__(self) -> int:
        return len(self.persons)

    def chance_of_person(self, stream: int, index: int) -> np.random.Generator:
        """The random generator of a person, the same for all their images.

        Args:
            stream: keeps numbers apart that are drawn for different purposes.
            index: of an image.
        """
        return np.random.default_rng((self.seed, stream, self._person(index)))

    def chance_of_picture(self, stream: int, index: int) -> np.random.Generator:
        """The random generator for everything else in an image."""
        picture = index % self.pictures_per_person
        return np.random.default_rng((self.seed, stream, self._person(index), picture))

    def _person(self, index: int) -> int:
        if not 0 <= index < len(self):
            last = len(self) - 1
            raise IndexError(f"expected a {self.called} number from 0 to {last}, got {index}")
        return self.first_person + self.persons[index]


def check_drawn_size(*sides: int) -> None:
    """Raise ``ValueError`` for an image that is too small to draw in."""
    if min(sides) < _SMALLEST:
        size = " x ".join(map(str, sides))
        raise ValueError(f"expected a size of at least {_SMALLEST}, got {size}")


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
