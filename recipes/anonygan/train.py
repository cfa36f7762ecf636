"""Train AnonyGAN: `python recipes/anonygan/train.py --help`."""

import shlex
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from objective import AnonyGANObjective
from options import TrainOptions
from pictures import sheet_columns
from pose_check import measure_pose
from resuming import parse_train_options, write_options
from torch import Tensor, nn
from transfer import measure_transfer

from graphgan.commands import exit_with
from graphgan.data.batches import (
    FacesInMemory,
    PairBatch,
    PairsOfSteps,
    batches_of_steps,
    read_pairs,
    to_batch,
    to_float_image,
)
from graphgan.data.faces import FaceDataset
from graphgan.data.pairs import PairSampler, next_person_pairs, self_pairs, some_pairs
from graphgan.data.prepared import PreparedFaces
from graphgan.data.synthetic_faces import SyntheticFaces
from graphgan.files import replacing
from graphgan.models import AnonyGAN
from graphgan.models.discriminators import MIN_PATCH_SIZE
from graphgan.training.devices import (
    first_failure_speaks,
    launch_fabric,
    memory_errors_explained,
)
from graphgan.training.loop import Outcome, Schedule, train
from graphgan.training.run_folder import WEIGHTS, RunFolder, load_state
from graphgan.training.sheets import write_sheet
from graphgan.training.step import GANStep, Player

SHEET_ROWS = 8
TEST_PEOPLE = 32
FIRST_TEST_PERSON = 1_000_000  # far above any number of people to train on


class Faces(NamedTuple):
    """Faces to learn from, and faces of other people to look at."""

    train: FaceDataset
    test: FaceDataset


def main() -> int:
    options = parse_train_options()
    with memory_errors_explained("a smaller --batch-size, --width or --size needs less"):
        fabric = launch_fabric(options.device, options.devices, options.precision)
        with first_failure_speaks(fabric):
            return train_run(fabric, options)


def train_run(fabric: Fabric, options: TrainOptions) -> int:
    """Everything is checked before the folder of the run is made."""
    faces = open_faces(options)
    sampler = make_sampler(options, faces.train)
    pairs = PairsOfSteps(
        faces.train, sampler, rank=fabric.global_rank, world_size=fabric.world_size
    )
    gan_step = make_step(fabric, options, faces.train.num_landmarks)
    schedule = make_schedule(options)
    start = 0
    if options.resume is not None:
        start = take_up(gan_step, options.resume)
        if start >= options.steps:
            raise ValueError(
                f"expected steps to take in {options.resume}, its {start} are done; "
                "--more adds some"
            )
    painter = Painter(gan_step, faces, fabric.device)
    run = open_run(fabric, options, start)
    outcome = train(
        fabric,
        gan_step,
        batches(fabric, pairs, options, start),
        run,
        schedule,
        batch_size=options.pairs.batch_size,
        start=start,
        draw=painter,
        export=lambda folder: averaged(gan_step).save_pretrained(folder / WEIGHTS),
    )
    if not fabric.is_global_zero:
        return 0  # a process that ends otherwise makes Fabric kill the first one
    report(run, outcome, averaged(gan_step), faces)
    return 130 if outcome.stopped else 0


def open_faces(options: TrainOptions) -> Faces:
    """Prepared faces, or synthetic ones; held in memory unless workers read them."""
    if options.data is None:
        train_faces: FaceDataset = SyntheticFaces(
            options.people, options.faces_per_person, size=options.size, seed=options.seed
        )
        test_faces: FaceDataset = SyntheticFaces(
            TEST_PEOPLE, 8, size=options.size, seed=options.seed, first_person=FIRST_TEST_PERSON
        )
    else:
        train_faces = test_faces = PreparedFaces(options.data, "train")
        people = {f.person for f in PreparedFaces(options.data).faces if f.split == "test"}
        if len(people) > 1:  # pairs of different people take two
            test_faces = PreparedFaces(options.data, "test")
    if (size := train_faces.size) % 4 or size < MIN_PATCH_SIZE:
        raise ValueError(
            f"expected pictures of {MIN_PATCH_SIZE} pixels a side or more, divisible by 4, "
            f"got {size}"
        )
    if options.workers == 0:
        train_faces = FacesInMemory(train_faces)
    return Faces(train_faces, test_faces)


def make_sampler(options: TrainOptions, faces: FaceDataset) -> PairSampler:
    pairs = options.pairs
    return PairSampler(
        faces.persons,
        batch_size=pairs.batch_size,
        same_image_share=pairs.same_image_share,
        same_person_share=pairs.same_person_share,
        num_pairs=pairs.num_pairs,
        seed=options.seed,
    )


def make_schedule(options: TrainOptions) -> Schedule:
    return Schedule(
        steps=options.steps,
        log_every=options.log_every,
        save_every=options.save_every,
        sheet_every=options.sheet_every,
        decay_from=options.optimizer.decay_from,
    )


def make_step(fabric: Fabric, options: TrainOptions, num_landmarks: int) -> GANStep:
    """Networks from the seed, each set up with its own optimiser."""
    torch.manual_seed(options.seed)
    generator = options.model.generator(num_landmarks)
    discriminators = options.model.discriminators(num_landmarks)
    optimizer = options.optimizer

    def player(network: nn.Module, lr: float) -> Player:
        network = network.to(memory_format=torch.channels_last)
        betas = (optimizer.beta1, optimizer.beta2)
        adam = torch.optim.Adam(network.parameters(), lr=lr, betas=betas)
        return Player(*fabric.setup(network, adam), lr)

    def count(selected: Tensor) -> Tensor:
        return fabric.all_reduce(selected.sum().float(), reduce_op="mean")

    return GANStep(
        fabric,
        player(generator, optimizer.lr_g),
        {name: player(network, optimizer.lr_d) for name, network in discriminators.items()},
        AnonyGANObjective(options.loss, count=count),
        seed=options.seed,
        ema_decay=optimizer.ema,
    )


def take_up(gan_step: GANStep, folder: Path) -> int:
    """Load the newest checkpoint of a run; returns how many steps it had taken."""
    if (checkpoint := RunFolder(folder).latest()) is None:
        raise ValueError(f"expected a checkpoint in {folder}, the run stopped before its first one")
    state = load_state(checkpoint)
    try:
        gan_step.load_state_dict(state)
    except ValueError as error:
        raise ValueError(f"{checkpoint}: {error}") from error
    return int(state["step"])


def open_run(fabric: Fabric, options: TrainOptions, start: int) -> RunFolder:
    """The folder of the run, made or taken up by the first process alone."""
    folder = options.resume or options.out or default_folder(options)
    if fabric.is_global_zero:
        if options.resume is None:
            RunFolder.create(folder, write_options(options))
        else:
            RunFolder(folder).update_config(write_options(options))
            RunFolder(folder).forget_after(start)
    return RunFolder(fabric.broadcast(folder))


def default_folder(options: TrainOptions) -> Path:
    return Path("runs") / f"anonygan-{options.preset}-{datetime.now():%Y%m%d-%H%M%S}"


def batches(
    fabric: Fabric, pairs: PairsOfSteps, options: TrainOptions, start: int
) -> Iterator[PairBatch]:
    on_gpu = fabric.device.type == "cuda"
    steps = range(start, options.steps)
    stored = batches_of_steps(pairs, steps, num_workers=options.workers, pin_memory=on_gpu)
    return (to_batch(batch, fabric.device) for batch in stored)


def averaged(gan_step: GANStep) -> AnonyGAN:
    """The moving average of the generator, in eval mode."""
    model: AnonyGAN = gan_step.averaged.module
    return model.eval()


class Painter:
    """Writes sheets of the same few pairs of different people, so that they can be compared."""

    def __init__(self, gan_step: GANStep, faces: Faces, device: torch.device) -> None:
        self.gan_step = gan_step
        persons = faces.test.persons
        everyone = next_person_pairs(persons) if len(set(persons)) > 1 else self_pairs(len(persons))
        chosen = some_pairs(everyone, SHEET_ROWS)
        self.batch = to_batch(read_pairs(faces.test, chosen), device)
        self.answers: dict[str, Tensor] = {}
        if isinstance(faces.test, SyntheticFaces):
            numbers = zip(chosen.condition.tolist(), chosen.source.tolist(), strict=True)
            answers = [faces.test.true_answer(c, s).image for c, s in numbers]
            self.answers = {"true answer": to_float_image(torch.stack(answers))}

    def __call__(self, path: Path) -> None:
        write_sheet(path, sheet_columns(averaged(self.gan_step), self.batch) | self.answers)


def report(run: RunFolder, outcome: Outcome, model: AnonyGAN, faces: Faces) -> None:
    """What a run was, and what it learned."""
    mib = outcome.peak_memory_bytes / 2**20
    speed = f"{outcome.samples_per_second:.1f} samples/s, peak memory {mib:.0f} MiB"
    if outcome.stopped:
        print(f"stopped after step {outcome.step}: {speed}; everything is saved, go on with")
        print(f"  python recipes/anonygan/train.py --resume {shlex.quote(str(run.path))}")
        return
    print(f"{outcome.step} steps: {speed}")
    if isinstance(faces.test, SyntheticFaces):
        text = str(measure_transfer(model, faces.train, faces.test))
    else:
        text = measure_pose(model, faces.test)
    print(text)
    with replacing(run.path / "report.txt") as temporary:
        temporary.write_text(text + "\n")
    print(f"weights  {run.latest()}/{WEIGHTS}")
    print(f"sheets   {run.sheets}/")


if __name__ == "__main__":
    # Fabric advises workers that would only cost here, where pictures are in memory.
    warnings.filterwarnings("ignore", module="lightning_fabric")
    exit_with(main)
