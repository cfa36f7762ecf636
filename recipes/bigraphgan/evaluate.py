"""Evaluate a trained BiGraphGAN: `python recipes/bigraphgan/evaluate.py --help`."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from measures import measure_transfer
from options import TrainOptions
from persons import Persons, open_persons, prepared_persons, sample_names
from results import posed

from graphgan.commands import run_command
from graphgan.data import Pairs, read_landmarks, to_person_batch
from graphgan.files import replacing
from graphgan.landmarks import JointLayout, to_openpose_18
from graphgan.metrics import (
    ExportedProgram,
    frechet_inception_distance,
    inception_score,
    mean_over_people,
    pckh,
)
from graphgan.models import BiGraphGAN
from graphgan.training import (
    CheckpointOptions,
    RunFolder,
    device_of,
    memory_errors_explained,
    pair_batches,
    read_options,
)
from graphgan.weights import PERSONS

LEAST_SCORED = 10  # images: the inception score is a mean over ten parts


@dataclass(frozen=True, kw_only=True)
class Options(CheckpointOptions):
    """Measure SSIM, L1 and optional metrics of a network's images, next to trivial baselines.

    Uses the test images of a prepared folder, or of the run that the weights come from.
    """

    checkpoint: Path = Path(PERSONS)
    data: Path | None = None
    """Folder written by prepare.py. Default: the test data of the run."""
    features: Path | None = None
    """Feature network for the Frechet distance: a torch.export program (.pt2) that maps 8-bit
    images to features."""
    classifier: Path | None = None
    """Classifier for the inception score: a torch.export program (.pt2) that maps 8-bit images to
    logits."""
    detected: Path | None = None
    """Keypoints detected in the images written by sample.py, for PCKh: a CSV file with one row
    (image,x0,y0,...) per file in its pairs.csv."""
    joints: JointLayout = "openpose-18"
    """Joint layout of --detected."""
    out: Path | None = None
    """File to write the printed table to."""


def main(options: Options) -> None:
    with memory_errors_explained("a smaller --batch-size needs less"), torch.no_grad():
        text = evaluate(options)
    print(text)
    if options.out is not None:
        with replacing(options.out) as temporary:
            temporary.write_text(text + "\n")


def evaluate(options: Options) -> str:
    """Compute the tables; settings that cannot work are refused before any work."""
    model = options.load(BiGraphGAN)
    device = device_of(model)
    features, classifier = (
        None if path is None else ExportedProgram(path).to(device)
        for path in (options.features, options.classifier)
    )
    persons = tested_persons(options)
    pairs = options.chosen(persons.test_pairs)
    _require_enough(options, len(pairs.source))
    for program in filter(None, (features, classifier)):
        for count in (1, 2):  # batches may be short
            program(torch.zeros(count, 3, *persons.test.size, dtype=torch.uint8, device=device))
    parts = [] if options.detected is None else [pose_kept(options, persons, pairs)]
    report = measure_transfer(model, persons, pairs, batch_size=options.batch_size)
    batches = partial(
        pair_batches,
        persons.test,
        pairs,
        to_person_batch,
        batch_size=options.batch_size,
        device=device,
    )
    if features is not None:
        distance = frechet_inception_distance(
            (batch.target for batch in batches()),
            (posed(model, batch) for batch in batches()),
            features,
        )
        parts.append(f"Frechet distance of {options.features}: {distance:.4g}")
    if classifier is not None:
        score = inception_score((posed(model, batch) for batch in batches()), classifier)
        parts.append(
            f"inception score of {options.classifier}: {score.mean:.4g} +- {score.std:.4g}"
        )
    return "\n".join([str(report), *parts])


def tested_persons(options: Options) -> Persons:
    """The data of the named folder, otherwise the test data of the run."""
    if options.data is not None:
        return prepared_persons(options.data)
    if not options.checkpoint.is_dir():
        raise ValueError(
            "expected --data with a weights file; only the folder of a run records its images"
        )
    return open_persons(read_options(TrainOptions, RunFolder.open(options.checkpoint)[1]))


def _require_enough(options: Options, count: int) -> None:
    for path, least in ((options.features, 2), (options.classifier, LEAST_SCORED)):
        if path is not None and count < least:
            raise ValueError(f"{path}: expected at least {least} pairs to measure, got {count}")


def pose_kept(options: Options, persons: Persons, pairs: Pairs) -> str:
    """PCKh of key points that a detector found in the images of sample.py."""
    rows = {row.image: row.landmarks.float() for row in read_landmarks(options.detected)}
    files = [f"{name}.png" for name in sample_names(persons.test, pairs)]
    if not (found := [file in rows for file in files]).count(True):
        raise ValueError(
            f"{options.detected}: expected rows for images that sample.py writes, such as "
            f"{files[0]}; got {next(iter(rows))}"
        )
    points = len(next(iter(rows.values())))
    missing = torch.full((points, 2), torch.nan)
    joints = torch.stack([rows.get(file, missing) for file in files])
    wanted = torch.stack([persons.test[i].landmarks for i in pairs.source.tolist()])
    shares = pckh(to_openpose_18(joints, options.joints), wanted)
    if not (headless := shares.isnan()).logical_not().any():
        raise ValueError("expected targets with a head for PCKh, got none")
    interval = mean_over_people(shares, torch.tensor(persons.test.persons)[pairs.source])
    return (
        f"PCKh {interval}; without a row, and counted as wrong: {found.count(False)} of "
        f"{len(files)}; without a head in the target, and left out: {int(headless.sum())}; rows of "
        f"other images: {len(rows.keys() - set(files))}"
    )


if __name__ == "__main__":
    run_command(main, Options)
