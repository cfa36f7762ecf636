"""Images of persons for training and testing: prepared, or drawn if no folder is given."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

from options import TrainOptions

from graphgan.data import (
    Pairs,
    PictureDataset,
    PreparedPictures,
    SyntheticPersons,
    draw_splits,
    next_picture_pairs,
)
from graphgan.landmarks import OPENPOSE_18

SMALLEST_SIDE = 16  # for smaller sides, a discriminator's code is too small for reflection padding


class Persons(NamedTuple):
    """Images to train on, and images to test on (of other people if possible).

    ``pairs`` are those to learn from, None where any two images of a person may meet.
    """

    train: PictureDataset
    pairs: Pairs | None
    test: PictureDataset
    test_pairs: Pairs
    test_is_train: bool = False


def open_persons(options: TrainOptions) -> Persons:
    """The training and test data of a run.

    Raises:
        ValueError: see `prepared_persons`.
    """
    return drawn_persons(options) if options.data is None else prepared_persons(options.data)


def drawn_persons(options: TrainOptions) -> Persons:
    """Drawn people; those to test on are different people."""
    draw = partial(SyntheticPersons, size=options.size, seed=options.seed)
    train, test = draw_splits(draw, options.people, options.images_per_person)
    return Persons(train, None, test, next_picture_pairs(test.persons))


def prepared_persons(root: Path) -> Persons:
    """Both splits of a prepared folder.

    Raises:
        ValueError: the folder does not exist, one of other landmarks, nobody in two images.
    """
    train = PreparedPictures(root, "train", scheme=OPENPOSE_18)
    if any(picture.split == "test" for picture in PreparedPictures(root).pictures):
        test = PreparedPictures(root, "test", scheme=OPENPOSE_18)
        if test.listed_pairs() is not None or len(set(test.persons)) < len(test):
            return Persons(train, train.listed_pairs(), test, pairs_of(test))
    return Persons(train, train.listed_pairs(), train, pairs_of(train), test_is_train=True)


def pairs_of(persons: PreparedPictures) -> Pairs:
    """The listed pairs; without a list every image with the next one of its person.

    Raises:
        ValueError: nobody has two images.
    """
    if (listed := persons.listed_pairs()) is not None:
        return listed
    try:
        return next_picture_pairs(persons.persons)
    except ValueError as error:
        raise ValueError(f"{persons.root}: {error}") from error


def sample_names(persons: PictureDataset, pairs: Pairs) -> list[str]:
    """Of the images that are made of pairs: ``<whose>--<pose of>``."""
    names = zip(pairs.condition.tolist(), pairs.source.tolist(), strict=True)
    return [f"{persons.names[image]}--{persons.names[pose]}" for image, pose in names]
