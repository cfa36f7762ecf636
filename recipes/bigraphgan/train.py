"""Train BiGraphGAN: `python recipes/bigraphgan/train.py --help`."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from measures import measure_transfer
from objective import BiGraphGANObjective, perceptual_features
from options import DRAWING_FLAGS, PER_SITTING, PRESETS, TrainOptions, like_weights
from persons import SMALLEST_SIDE, Persons, open_persons
from pictures import sheet_columns
from projected import ProjectedObjective
from results import posed
from torch import nn

from graphgan.commands import exit_with
from graphgan.data import (
    ListedPairSampler,
    PairSampler,
    PairsOfSteps,
    PersonBatch,
    Sampler,
    read_pairs,
    some_pairs,
    to_person_batch,
)
from graphgan.landmarks import OPENPOSE_18
from graphgan.models import BiGraphGAN, FeatureNetwork
from graphgan.training import (
    SHEET_ROWS,
    VALIDATION_PAIRS,
    Experiment,
    pair_batches,
    parse_train_options,
    ready_to_train,
    train_command,
)

if TYPE_CHECKING:
    from lightning_fabric import Fabric

MOST_PAIRS = 256  # measured at the end


def main() -> int:
    options = parse_train_options(
        PRESETS,
        drawing_flags=DRAWING_FLAGS,
        per_sitting=PER_SITTING,
        like_weights=like_weights,
    )
    return train_command(
        options,
        partial(experiment, options),
        less_memory="a smaller --batch-size or --width needs less",
    )


def experiment(options: TrainOptions, fabric: "Fabric") -> Experiment:
    """Build and check everything a run needs."""
    features = perceptual_features(options.loss, options.vgg19)
    persons = open_persons(options)
    train = ready_to_train(persons.train, smallest=SMALLEST_SIDE, workers=options.workers)
    persons = persons._replace(train=train)
    pairs = PairsOfSteps(
        persons.train,
        make_sampler(options, persons),
        flip=OPENPOSE_18 if options.pairs.flip else None,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
    )
    return Experiment(
        name="bigraphgan",
        generator=options.model.generator(trained_with=options.trained_with),
        discriminators=options.model.discriminators(),
        objective=make_objective(options, features),
        pairs=pairs,
        to_batch=to_person_batch,
        columns=partial(sheet_columns, batch=sheet_batch(persons, fabric.device)),
        learned=partial(what_was_learned, persons=persons, batch_size=options.pairs.batch_size),
        validate=validation(persons, options.pairs.batch_size, fabric.device),
    )


def make_objective(options: TrainOptions, features: nn.Module | None) -> BiGraphGANObjective:
    if not options.model.projected:
        return BiGraphGANObjective(options.loss, sigma=options.model.sigma, features=features)
    is_judge = isinstance(features, FeatureNetwork)
    network = features if is_judge else FeatureNetwork.efficientnet_lite("lite0")
    return ProjectedObjective(options.loss, network, features=features)


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


def sheet_batch(persons: Persons, device: torch.device) -> PersonBatch:
    """The fixed batch of a run's sample sheets, so that sheets can be compared."""
    chosen = some_pairs(persons.test_pairs, SHEET_ROWS)
    return to_person_batch(read_pairs(persons.test, chosen), device)


def validation(
    persons: Persons, batch_size: int, device: torch.device
) -> Callable[[BiGraphGAN], float] | None:
    """The mean absolute error on a fixed set of held-out pairs; None if there are none."""
    if persons.test_is_train:
        return None
    chosen = some_pairs(persons.test_pairs, VALIDATION_PAIRS)

    def measure(model: BiGraphGAN) -> float:
        errors = [
            (posed(model, batch) - batch.target).abs().mean((1, 2, 3))
            for batch in pair_batches(
                persons.test, chosen, to_person_batch, batch_size=batch_size, device=device
            )
        ]
        return float(torch.cat(errors).mean())

    return measure


def what_was_learned(model: BiGraphGAN, persons: Persons, batch_size: int) -> str:
    """The table of the network's scores next to trivial baselines."""
    pairs = some_pairs(persons.test_pairs, MOST_PAIRS)
    return str(measure_transfer(model, persons, pairs, batch_size=batch_size))


if __name__ == "__main__":
    exit_with(main)
