"""Train robots: python tutorials/write_a_recipe/train.py --help"""

from functools import partial

import torch
from lightning_fabric import Fabric
from objective import RobotObjective, figure
from robots import LIMBS, Robots

from graphgan.commands import exit_with
from graphgan.data import PairSampler, PersonBatch, next_picture_pairs, to_person_batch
from graphgan.data.batches import PairsOfSteps, read_pairs, to_float_image
from graphgan.data.drawing import draw_skeleton
from graphgan.metrics import compare, masked_error, ssim
from graphgan.models import AppearanceDiscriminator, BiGraphGAN, LandmarkDiscriminator
from graphgan.training.experiment import Experiment, ready_to_train, train_command
from graphgan.training.options import OptimizerOptions, RunOptions
from graphgan.training.resuming import parse_train_options

# --8<-- [start:options]
OPTIONS = RunOptions(
    steps=400,
    save_every=200,
    sheet_every=200,
    optimizer=OptimizerOptions(1e-3, 1e-4, decay=0.5, ema=0.98),
)
# --8<-- [end:options]


# --8<-- [start:experiment]
def experiment(options: RunOptions, fabric: Fabric) -> Experiment:
    train = ready_to_train(Robots(300, 8), smallest=48, workers=options.workers)
    sampler = PairSampler(
        train.persons,
        batch_size=8,
        same_image_share=0,
        same_person_share=1,
        num_pairs=None,
        seed=options.seed,
    )
    generator = BiGraphGAN.published(
        "market",
        num_landmarks=9,
        width=12,
        num_blocks=2,
        dropout=0.0,
        sigma=3.0,
        upsampling="resize",
        attention_norm="batch",
    )
    return Experiment(
        name="robots",
        generator=generator,
        discriminators={
            "app": AppearanceDiscriminator(width=12),
            "lm": LandmarkDiscriminator(9, width=12),
        },
        objective=RobotObjective(),
        pairs=PairsOfSteps(train, sampler, rank=fabric.global_rank, world_size=fabric.world_size),
        to_batch=to_person_batch,
        columns=partial(columns, batch=test_batch(8, fabric.device)),
        learned=partial(learned, batch=test_batch(128, fabric.device)),
    )


# --8<-- [end:experiment]


# --8<-- [start:looking]
def test_batch(count: int, device: torch.device) -> PersonBatch:
    """Robots that were not trained on, each with its next picture as the target."""
    robots = Robots(count // 2, 2, first=1000)
    return to_person_batch(read_pairs(robots, next_picture_pairs(robots.persons)), device)


@torch.no_grad()
def columns(model: BiGraphGAN, batch: PersonBatch) -> dict[str, torch.Tensor]:
    output = model(batch.image, batch.joints, batch.target_joints)
    grey = torch.full_like(batch.image[0], 128, dtype=torch.uint8).cpu()
    poses = [draw_skeleton(grey, joints, LIMBS) for joints in batch.target_joints.cpu()]
    return {
        "robot": batch.image,
        "pose": to_float_image(torch.stack(poses)),
        "generated": output.image.clamp(-1, 1),
        "true": batch.target,
    }


# --8<-- [end:looking]


# --8<-- [start:learned]
def learned(model: BiGraphGAN, batch: PersonBatch) -> str:
    """The table that a run ends with: the network beside an answer that needs none."""
    inside = figure(batch)
    answers = {"robots": columns(model, batch)["generated"], "robot copied": batch.image}
    values = {
        name: {
            "L1 inside": masked_error(answer, batch.target, inside),
            "SSIM inside": ssim(answer, batch.target, mask=inside),
        }
        for name, answer in answers.items()
    }
    robots = torch.arange(len(inside)) // 2
    return str(compare(values, robots, by="L1 inside", lower_is_better=True))


# --8<-- [end:learned]


def main() -> int:
    options = parse_train_options({"smoke": OPTIONS})
    return train_command(
        options, partial(experiment, options), less_memory="a smaller batch needs less"
    )


if __name__ == "__main__":
    exit_with(main)
