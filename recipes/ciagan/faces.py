"""Faces of a run: the people that CIAGAN learns, and other people's faces to test on."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from identity_batch import read_across
from options import TrainOptions

from graphgan.data import PictureDataset, PreparedPictures, StoredPairs, SyntheticFaces, draw_splits
from graphgan.landmarks import IBUG_68
from graphgan.models import CIAGANGenerator


class Faces(NamedTuple):
    """Faces to train on, and faces to test on (of other people if possible).

    Args:
        train: every face of the people whose identity can be requested.
        test: faces that supply poses and surroundings.
        people: names of the people in ``train``, in the order of their numbers.
    """

    train: PictureDataset
    test: PictureDataset
    people: list[str]

    @property
    def test_is_train(self) -> bool:
        return self.train is self.test

    @property
    def drawn(self) -> bool:
        return isinstance(self.train, SyntheticFaces)

    def unlike_pairs(self, count: int, *, seed: int = 0) -> tuple[list[int], list[int]]:
        """Target images of ``train`` and sources of ``test``: at most ``count`` sources, spread
        evenly, each with a random image of a random other person."""
        total = len(self.test)
        sources = torch.linspace(0, total - 1, min(count, total)).round().long().tolist()
        chance = torch.Generator().manual_seed(seed)

        def another(source: int) -> int:
            while True:
                wanted = int(torch.randint(len(self.train), (), generator=chance))
                if (
                    not self.test_is_train
                    or self.train.persons[wanted] != self.test.persons[source]
                ):
                    return wanted

        return [another(source) for source in sources], sources

    def read(self, wanted: list[int], sources: list[int]) -> StoredPairs:
        return read_across(self.train, wanted, self.test, sources)


def open_faces(options: TrainOptions) -> Faces:
    """Open the prepared faces, or draw them.

    Raises:
        ValueError: only one person, or images of a size the network does not support.
    """
    faces = drawn_faces(options) if options.data is None else prepared_faces(options.data)
    if len(faces.people) < 2:
        raise ValueError(
            "expected at least two people to train on, whose identities faces can be given, "
            f"got {len(faces.people)}"
        )
    check_size(faces.train.size)
    return faces


def drawn_faces(options: TrainOptions) -> Faces:
    draw = partial(SyntheticFaces, size=options.size, seed=options.seed)
    train, test = draw_splits(draw, options.people, options.faces_per_person)
    return Faces(train, test, [f"person{number:06d}" for number in range(options.people)])


def prepared_faces(root: Path) -> Faces:
    everyone = PreparedPictures(root, scheme=IBUG_68)
    everyone.check_masks()
    train = PreparedPictures(root, "train")
    if all(face.split == "train" for face in everyone.pictures):
        return Faces(train, train, train.people)
    return Faces(train, PreparedPictures(root, "test"), train.people)


def check_size(size: tuple[int, int]) -> None:
    """Raise ``ValueError`` unless the network has images of that height and width."""
    if size not in [(side, side) for side in CIAGANGenerator.SIZES]:
        known = " or ".join(map(str, CIAGANGenerator.SIZES))
        raise ValueError(
            f"expected faces with sides of {known} pixels, got "
            f"{size[0]} x {size[1]}; prepare them with --size {known}"
        )
