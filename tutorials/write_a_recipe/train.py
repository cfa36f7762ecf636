"""Robots in other poses: python tutorials/write_a_recipe/train.py --help"""

from functools import partial

import torch
from lightning_fabric import Fabric
from network import RobotGenerator
from objective import RobotObjective, figure
from robots import LIMBS, Robots

from graphgan.commands import exit_with
from graphgan.data import (
    PairSampler,
    PairsOfSteps,
    PersonBatch,
    draw_skeleton,
    next_picture_pairs,
    read_pairs,
    to_float_image,
    to_person_batch,
)
from graphgan.metrics import compare, masked_error
from graphgan.models import AppearanceDiscriminator, LandmarkDiscriminator
from graphgan.training import (
    Experiment,
    OptimizerOptions,
    RunOptions,
    parse_train_options,
    ready_to_train,
    train_command,
)


# --8<-- [start:experiment]
def experiment(options: RunOptions, fabric: Fabric) -> Experiment:
    if options.data is not None:
        raise ValueError(f"expected no --data, since robots are drawn, got {options.data}")
    train = ready_to_train(Robots(200, 6), smallest=48, workers=options.workers)
    pairs = {"same_image_share": 0, "same_person_share": 1, "num_pairs": None}
    sampler = PairSampler(train.persons, batch_size=8, seed=options.seed, **pairs)
    return Experiment(
        name="robots",
        generator=RobotGenerator(),
        discriminators={
            "app": AppearanceDiscriminator(width=12),
            "lm": LandmarkDiscriminator(9, width=12),
        },
        objective=RobotObjective(),
        pairs=PairsOfSteps(train, sampler, rank=fabric.global_rank, world_size=fabric.world_size),
        to_batch=to_person_batch,
        columns=partial(columns, batch=new_robots(8, fabric.device)),
        learned=partial(learned, batch=new_robots(128, fabric.device)),
    )


# --8<-- [end:experiment]


# --8<-- [start:columns]
def new_robots(count: int, device: torch.device) -> PersonBatch:
    """Robots that were not trained on, each in two images."""
    robots = Robots(count // 2, 2, first=1000)
    return to_person_batch(read_pairs(robots, next_picture_pairs(robots.persons)), device)


@torch.no_grad()
def columns(model: RobotGenerator, batch: PersonBatch) -> dict[str, torch.Tensor]:
    """Those of a sheet."""
    image = model(batch.image, batch.joints, batch.target_joints).image.clamp(-1, 1)
    gray = torch.full_like(image[0], 128, dtype=torch.uint8).cpu()
    poses = [draw_skeleton(gray, joints, LIMBS) for joints in batch.target_joints.cpu()]
    pose = to_float_image(torch.stack(poses)).to(image.device)
    return {"robot": batch.image, "pose": pose, "result": image, "true": batch.target}


# --8<-- [end:columns]


# --8<-- [start:learned]
def learned(model: RobotGenerator, batch: PersonBatch) -> str:
    """The table that a run ends with: the network beside two answers that need none."""
    answers = {
        "network": columns(model, batch)["result"],
        "robot copied": batch.image,
        "gray": batch.target[:, :, :1, :1].expand_as(batch.target),
    }
    inside, robots = figure(batch), torch.arange(len(batch.image)) // 2
    values = {
        name: {"L1 inside": masked_error(answer, batch.target, inside).cpu()}
        for name, answer in answers.items()
    }
    return str(compare(values, robots, by="L1 inside", lower_is_better=True))


# --8<-- [end:learned]


# --8<-- [start:main]
ADAM = OptimizerOptions(lr_g=1e-3, lr_d=1e-4, decay=0.5, ema=0.98)
OPTIONS = RunOptions(steps=400, save_every=200, sheet_every=200, optimizer=ADAM)


def main() -> int:
    options = parse_train_options({"smoke": OPTIONS})
    return train_command(options, partial(experiment, options), less_memory="a GPU has more")


if __name__ == "__main__":
    exit_with(main)
# --8<-- [end:main]
