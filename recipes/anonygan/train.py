"""Train AnonyGAN: `python recipes/anonygan/train.py --help`."""

import shlex
import warnings
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from objective import AnonyGANObjective
from options import TrainOptions
from pictures import sheet_columns
from pose_check import MOST_PICTURES, measure_pose
from results import anonymized, condition_pasted, source_blurred
from resuming import parse_train_options, write_options
from torch import Tensor, nn
from tqdm import tqdm
from transfer import measure_transfer, true_answers

from graphgan.commands import exit_with
from graphgan.data.batches import (
    PairsOfSteps,
    PicturesInMemory,
    batches_of_steps,
    read_pairs,
    to_uint8_image,
)
from graphgan.data.face_batch import FaceBatch, to_face_batch
from graphgan.data.pairs import PairSampler, next_person_pairs, self_pairs, some_pairs
from graphgan.data.pictures import PictureDataset
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
    """Faces to learn from, and faces to look at: of other people where there are such."""

    train: PictureDataset
    test: PictureDataset
    test_is_train: bool = False


def main() -> int:
    options = parse_train_options()
    smaller = "--size" if options.data is None else "size of prepared faces"
    with memory_errors_explained(f"a smaller --batch-size, --width or {smaller} needs less"):
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
    faces = synthetic_faces(options) if options.data is None else prepared_faces(options.data)
    if (size := faces.train.size[0]) % 4 or size < MIN_PATCH_SIZE:
        raise ValueError(
            f"expected pictures of {MIN_PATCH_SIZE} pixels a side or more, divisible by 4, "
            f"got {size}"
        )
    if options.workers > 0:
        return faces
    reading = partial(tqdm, desc="reading faces", unit="face", leave=False, delay=2)
    return faces._replace(train=PicturesInMemory(faces.train, progress=reading))


def synthetic_faces(options: TrainOptions) -> Faces:
    draw = partial(SyntheticFaces, size=options.size, seed=options.seed)
    return Faces(
        draw(options.people, options.faces_per_person),
        draw(TEST_PEOPLE, 8, first_person=FIRST_TEST_PERSON),
    )


def prepared_faces(root: Path) -> Faces:
    everyone = PreparedFaces(root)
    everyone.check_masks()
    train_faces = PreparedFaces(root, "train")
    if len({face.person for face in everyone.faces if face.split == "test"}) < 2:
        return Faces(train_faces, train_faces, test_is_train=True)  # different people take two
    return Faces(train_faces, PreparedFaces(root, "test"))


def make_sampler(options: TrainOptions, faces: PictureDataset) -> PairSampler:
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
    decay, steps = options.optimizer.decay, options.steps
    return Schedule(
        steps=steps,
        log_every=options.log_every,
        save_every=options.save_every,
        sheet_every=options.sheet_every,
        decay_from=min(round((1 - decay) * steps), steps - 1) if decay > 0 else None,
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
) -> Iterator[FaceBatch]:
    on_gpu = fabric.device.type == "cuda"
    steps = range(start, options.steps)
    stored = batches_of_steps(pairs, steps, num_workers=options.workers, pin_memory=on_gpu)
    return (to_face_batch(batch, fabric.device) for batch in stored)


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
        self.batch = to_face_batch(read_pairs(faces.test, chosen), device)
        self.answers: dict[str, Tensor] = {}
        if isinstance(faces.test, SyntheticFaces):
            self.answers = {"true answer": true_answers(faces.test, chosen)}

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
    print(text := what_was_learned(model, faces))
    with replacing(run.path / "report.txt") as temporary:
        temporary.write_text(text + "\n")
    print(f"weights  {run.latest()}/{WEIGHTS}")
    print(f"sheets   {run.sheets}/")


def what_was_learned(model: AnonyGAN, faces: Faces) -> str:
    """Transfer of identity where the true answer is known, pose and expression elsewhere."""
    if isinstance(faces.test, SyntheticFaces):
        return str(measure_transfer(model, faces.train, faces.test))
    if len(set(faces.test.persons)) < 2:
        return "pose not measured: it takes faces of two people or more"
    pairs = some_pairs(next_person_pairs(faces.test.persons), MOST_PICTURES)
    batch = to_face_batch(read_pairs(faces.test, pairs), next(model.parameters()).device)
    answers = {
        "AnonyGAN": anonymized(model, batch),
        "condition pasted": condition_pasted(batch),
        "source blurred": source_blurred(batch),
    }
    text = measure_pose(
        to_uint8_image(batch.source),
        {name: to_uint8_image(answer) for name, answer in answers.items()},
    )
    if faces.test_is_train:
        text += "\nmeasured on faces it was trained on: there are no test faces of two people"
    return text


if __name__ == "__main__":
    # Fabric advises workers that would only cost here, where pictures are in memory.
    warnings.filterwarnings("ignore", module="lightning_fabric")
    exit_with(main)
