"""Train BiGraphGAN: `python recipes/bigraphgan/train.py --help`."""

from functools import partial
from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from measures import measure_transfer
from objective import BiGraphGANObjective, perceptual_features
from options import DRAWING_FLAGS, PRESETS, TrainOptions
from pictures import sheet_columns
from torch import Tensor

from graphgan.commands import exit_with
from graphgan.data.batches import PairsOfSteps, hold_in_memory, read_pairs
from graphgan.data.pairs import (
    ListedPairSampler,
    Pairs,
    PairSampler,
    Sampler,
    next_picture_pairs,
    some_pairs,
)
from graphgan.data.person_batch import to_person_batch
from graphgan.data.pictures import PictureDataset
from graphgan.data.synthetic_persons import SyntheticPersons
from graphgan.landmarks.schemes import OPENPOSE_18
from graphgan.models import BiGraphGAN
from graphgan.training.experiment import Experiment, train_command
from graphgan.training.resuming import parse_train_options
from graphgan.training.sheets import SHEET_ROWS

TEST_PEOPLE = 32
FIRST_TEST_PERSON = 1_000_000  # far above any number of people to train on


class Persons(NamedTuple):
    """Pictures to learn from, and pictures to look at: of other people where there are such.

    ``pairs`` are the listed ones, None where any two pictures of a person may meet.
    """

    train: PictureDataset
    pairs: Pairs | None
    test: PictureDataset
    test_pairs: Pairs
    test_is_train: bool = False


def main() -> int:
    options = parse_train_options(PRESETS, drawing_flags=DRAWING_FLAGS)
    return train_command(
        options,
        partial(experiment, options),
        less_memory="a smaller --batch-size or --width needs less",
    )


def experiment(options: TrainOptions, fabric: Fabric) -> Experiment:
    """Everything that a run needs, checked."""
    features = perceptual_features(options.loss)
    persons = open_persons(options)
    pairs = PairsOfSteps(
        persons.train,
        make_sampler(options, persons),
        flip=OPENPOSE_18 if options.pairs.flip else None,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
    )
    return Experiment(
        name="bigraphgan",
        generator=options.model.generator(),
        discriminators=options.model.discriminators(),
        objective=BiGraphGANObjective(options.loss, sigma=options.model.sigma, features=features),
        pairs=pairs,
        to_batch=to_person_batch,
        columns=Columns(persons, fabric.device),
        learned=partial(what_was_learned, persons=persons),
    )


def open_persons(options: TrainOptions) -> Persons:
    persons = drawn_persons(options)
    return persons if options.workers > 0 else persons._replace(train=hold_in_memory(persons.train))


def drawn_persons(options: TrainOptions) -> Persons:
    draw = partial(SyntheticPersons, size=options.size, seed=options.seed)
    test = draw(TEST_PEOPLE, 8, first_person=FIRST_TEST_PERSON)
    train = draw(options.people, options.images_per_person)
    return Persons(train, None, test, next_picture_pairs(test.persons))


def make_sampler(options: TrainOptions, persons: Persons) -> Sampler:
    batch_size, seed = options.pairs.batch_size, options.seed
    if persons.pairs is not None:
        return ListedPairSampler(persons.pairs, batch_size=batch_size, seed=seed)
    return PairSampler(
        persons.train.persons,
        batch_size=batch_size,
        same_image_share=0.0,
        same_person_share=1.0,
        num_pairs=None,
        seed=seed,
    )


class Columns:
    """Of a sheet: always the same few pairs, so that sheets can be compared."""

    def __init__(self, persons: Persons, device: torch.device) -> None:
        chosen = some_pairs(persons.test_pairs, SHEET_ROWS)
        self.batch = to_person_batch(read_pairs(persons.test, chosen), device)

    def __call__(self, model: BiGraphGAN) -> dict[str, Tensor]:
        return sheet_columns(model, self.batch)


def what_was_learned(model: BiGraphGAN, persons: Persons) -> str:
    """The table: the network beside trivial answers."""
    text = str(measure_transfer(model, persons.train, persons.test, persons.test_pairs))
    if persons.test_is_train:
        text += "\nmeasured on pictures it was trained on: there are no test pictures to pair"
    return text


if __name__ == "__main__":
    exit_with(main)
