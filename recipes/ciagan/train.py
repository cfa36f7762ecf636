"""Train CIAGAN: `python recipes/ciagan/train.py --help`."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from faces import Faces, open_faces
from identity_batch import to_identity_batch
from objective import CIAGANObjective
from options import DRAWING_FLAGS, PRESETS, TrainOptions, like_weights
from pictures import sheet_columns
from results import replaced, source_blurred, wanted_pasted
from torch import Tensor
from transfer import measure_transfer, true_answers

from graphgan.commands import exit_with
from graphgan.data import PairSampler, PairsOfSteps, PictureDataset, mean_image, to_uint8_image
from graphgan.faces import FaceFinder
from graphgan.metrics import POSE_SAMPLES, masked_error, measure_pose
from graphgan.models import MIN_PATCH_SIZE, CIAGANGenerator
from graphgan.training import (
    SHEET_ROWS,
    VALIDATION_PAIRS,
    Experiment,
    device_of,
    parse_train_options,
    ready_to_train,
    train_command,
)

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def main() -> int:
    options = parse_train_options(PRESETS, drawing_flags=DRAWING_FLAGS, like_weights=like_weights)
    return train_command(
        options,
        partial(experiment, options),
        less_memory="a smaller --batch-size, --width or size of faces needs less",
    )


def experiment(options: TrainOptions, fabric: "Fabric") -> Experiment:
    """Build and check everything a run needs."""
    faces = open_faces(options)
    train = ready_to_train(faces.train, smallest=MIN_PATCH_SIZE, workers=options.workers)
    pairs = PairsOfSteps(
        train,
        make_sampler(options, train),
        rank=fabric.global_rank,
        world_size=fabric.world_size,
    )

    def count(selected: Tensor) -> Tensor:
        return fabric.all_reduce(selected.sum().float(), reduce_op="mean")

    return Experiment(
        name="ciagan",
        generator=options.model.generator(faces.people, train.size[0]),
        discriminators=options.model.discriminators(),
        objective=CIAGANObjective(options.loss, count=count),
        pairs=pairs,
        to_batch=to_identity_batch,
        columns=sheet_maker(faces, fabric.device),
        learned=partial(what_was_learned, faces=faces, train=train),
        generator_every=options.critic_steps,
        validate=validation(faces, fabric.device),
    )


def make_sampler(options: TrainOptions, faces: PictureDataset) -> PairSampler:
    pairs = options.pairs
    return PairSampler(
        faces.persons,
        batch_size=pairs.batch_size,
        same_image_share=0.0,
        same_person_share=pairs.same_person_share,
        num_pairs=None,
        seed=options.seed,
    )


def sheet_maker(
    faces: Faces, device: torch.device
) -> Callable[[CIAGANGenerator], dict[str, Tensor]]:
    """Columns of a fixed set of faces and requested people, so that sheets can be compared."""
    wanted, sources = faces.unlike_pairs(SHEET_ROWS)
    batch = to_identity_batch(faces.read(wanted, sources), device)
    shown = {"wanted": batch.wanted}
    answers = {"true answer": true_answers(faces, wanted, sources)} if faces.drawn else {}
    return lambda model: shown | sheet_columns(model, batch) | answers


def validation(faces: Faces, device: torch.device) -> Callable[[CIAGANGenerator], float] | None:
    """The error inside the mask on a fixed set of pairs of drawn faces.

    None for photos: held-out photos show nobody whose identity can be requested.
    """
    if not faces.drawn:
        return None
    wanted, sources = faces.unlike_pairs(VALIDATION_PAIRS)
    batch = to_identity_batch(faces.read(wanted, sources), device)
    answers = true_answers(faces, wanted, sources).to(device)
    return lambda model: float(masked_error(replaced(model, batch), answers, batch.mask).mean())


def what_was_learned(model: CIAGANGenerator, faces: Faces, train: PictureDataset) -> str:
    """Transfer of identity where the true answer is known, otherwise pose and expression."""
    if faces.drawn:
        return str(measure_transfer(model, faces, mean_image(train)))
    batch = to_identity_batch(faces.read(*faces.unlike_pairs(POSE_SAMPLES)), device_of(model))
    answers = {
        "CIAGAN": replaced(model, batch),
        "wanted pasted": wanted_pasted(batch),
        "source blurred": source_blurred(batch),
    }
    text = measure_pose(
        to_uint8_image(batch.source).cpu(),
        {name: to_uint8_image(answer).cpu() for name, answer in answers.items()},
        FaceFinder(),
    )
    if faces.test_is_train:
        text += "\nmeasured on training faces, since there are no test faces"
    return text


if __name__ == "__main__":
    exit_with(main)
