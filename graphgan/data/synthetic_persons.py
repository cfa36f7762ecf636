"""Clothed people who do not exist, drawn from numbers: no file, no photograph, no network.

A `Figure` says who is drawn and a `Scene` everything else, so any person can be drawn in another
one's pose, light and background: the true answer to "this person in that pose", which no set of
photographs holds. The 18 joints are exact; those that the body hides are missing.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.data._person_geometry import pose_figure
from graphgan.data._person_painter import PersonPainter
from graphgan.data._person_parameters import Figure as Figure
from graphgan.data._person_parameters import Scene as Scene
from graphgan.data._person_parameters import sample_figure as sample_figure
from graphgan.data._person_parameters import sample_scene as sample_scene

_SMALLEST = 16
_FIGURE_STREAM, _SCENE_STREAM = 3, 4  # keep a person's numbers apart from those of its pictures


class Person(NamedTuple):
    """One person as it is stored: 8-bit RGB and joints in its own pixels.

    Shapes:
        ``image: 3 h w`` (0 to 255), ``joints: 18 2`` (OpenPose order, (x, y), pixel centres at
        integers, NaN where missing)
    """

    image: UInt8[Tensor, "3 h w"]
    joints: Float[Tensor, "18 2"]


def render_person(who: Figure, scene: Scene, size: tuple[int, int] = (128, 64)) -> Person:
    """Draw a person as seen in a scene.

    Args:
        size: height and width.
    Raises:
        ValueError: a side below 16.
    """
    _check_size(size)
    posed = pose_figure(who, scene, size)
    pixels, visible = PersonPainter(who, scene, posed, size).paint()
    joints = np.where(visible[:, None], posed.points[:18], np.nan).astype(np.float32)
    image = torch.from_numpy((pixels * 255 + 0.5).astype(np.uint8))
    return Person(image, torch.from_numpy(joints))


class SyntheticPersons:
    """Drawn people, each in scenes of their own.

    Picture ``f`` of the ``p``-th person is number ``p * images_per_person + f``. A picture depends
    on ``seed``, on the person's number ``first_person + p`` and on ``f`` alone. Sets of one seed
    whose ranges of person numbers do not meet have no person in common.

    Args:
        size: height and width.
        first_person: number of the first person.
    Raises:
        ValueError: a side below 16, less than one person or picture, negative ``seed`` or
            ``first_person``.
    """

    num_joints = 18

    def __init__(
        self,
        num_people: int,
        images_per_person: int,
        *,
        size: tuple[int, int] = (128, 64),
        seed: int = 0,
        first_person: int = 0,
    ) -> None:
        _check_size(size)
        counts = {"num_people": (num_people, 1), "images_per_person": (images_per_person, 1)}
        counts |= {"seed": (seed, 0), "first_person": (first_person, 0)}
        for name, (value, least) in counts.items():
            if value < least:
                raise ValueError(f"expected {name} of at least {least}, got {value}")
        self.size = size
        self.seed = seed
        self.first_person = first_person
        self.images_per_person = images_per_person
        self.persons = [p for p in range(num_people) for _ in range(images_per_person)]
        self.names = [
            f"person{first_person + person:06d}_image{index % images_per_person:04d}"
            for index, person in enumerate(self.persons)
        ]

    def __len__(self) -> int:
        return len(self.persons)

    def __getitem__(self, index: int) -> Person:
        return self.true_answer(index, index)

    def figure(self, index: int) -> Figure:
        """Who is in the picture of this number."""
        return sample_figure(np.random.default_rng((self.seed, _FIGURE_STREAM, self._who(index))))

    def scene(self, index: int) -> Scene:
        """How the picture of this number was taken."""
        numbers = (self.seed, _SCENE_STREAM, self._who(index), index % self.images_per_person)
        return sample_scene(np.random.default_rng(numbers))

    def true_answer(self, condition_index: int, source_index: int) -> Person:
        """The person of the condition in the scene of the source: what a generator should give."""
        return render_person(self.figure(condition_index), self.scene(source_index), self.size)

    def _who(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise IndexError(f"expected a picture number from 0 to {len(self) - 1}, got {index}")
        return self.first_person + self.persons[index]


def _check_size(size: tuple[int, int]) -> None:
    if min(size) < _SMALLEST:
        raise ValueError(f"expected sides of at least {_SMALLEST}, got {size[0]} x {size[1]}")
