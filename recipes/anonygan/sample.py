"""Anonymise prepared faces: `python recipes/anonygan/sample.py --help`."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from pictures import sheet_columns
from pose_check import MOST_PICTURES, measure_pose
from results import anonymized
from tqdm import tqdm

from graphgan.commands import run_command
from graphgan.data.batches import read_pairs, to_uint8_image
from graphgan.data.face_batch import FaceBatch, to_face_batch
from graphgan.data.images import read_image, write_image
from graphgan.data.pairs import Pairs, next_person_pairs, some_pairs
from graphgan.data.pictures import PictureDataset
from graphgan.data.prepared import PreparedPictures, Split
from graphgan.files import replacing, require_new_folder
from graphgan.landmarks.schemes import IBUG_68
from graphgan.models import AnonyGAN
from graphgan.training.devices import memory_errors_explained, torch_device
from graphgan.training.run_folder import newest_weights
from graphgan.training.sheets import write_sheet


@dataclass(frozen=True)
class SampleOptions:
    """Give every face of a prepared folder the identity of the next person."""

    checkpoint: Path
    """Weights (generator.safetensors), or the folder of a run: its newest ones."""
    data: Path
    """Folder made by prepare.py."""
    out: Path
    """New or empty folder for the pictures, pairs.csv and sheet.png."""
    split: str = "test"
    """Faces to anonymise: "train" or "test"."""
    count: int | None = None
    """At most this many faces, spread evenly over the split; all by default."""
    batch_size: int = 32
    """Faces a step; fewer need less memory."""
    device: str = "auto"
    """cpu, cuda (or gpu), mps, or auto for the fastest there is."""
    seed: int = 0
    """Chooses among the pictures of the next person."""

    def __post_init__(self) -> None:
        if self.split not in ("train", "test"):
            raise ValueError(f"expected --split train or test, got {self.split}")
        if self.batch_size < 1 or (self.count is not None and self.count < 1):
            raise ValueError("expected --batch-size and --count of at least 1")
        if self.seed < 0:
            raise ValueError(f"expected --seed of 0 and more, got {self.seed}")


def main(options: SampleOptions) -> None:
    with memory_errors_explained("a smaller --batch-size needs less"):
        sample(options)


def sample(options: SampleOptions) -> None:
    split: Split = "train" if options.split == "train" else "test"
    faces = PreparedPictures(options.data, split, scheme=IBUG_68)
    model = AnonyGAN.from_pretrained(newest_weights(options.checkpoint))
    if faces.num_landmarks != model.generator.num_landmarks:
        raise ValueError(
            f"expected {model.generator.num_landmarks} landmarks, as {options.checkpoint} was "
            f"trained with, got {faces.num_landmarks} in {options.data}"
        )
    faces.check_masks()
    require_new_folder(options.out, "name another by --out")
    model.to(torch_device(options.device))
    pairs = next_person_pairs(faces.persons, seed=options.seed)
    pairs = some_pairs(pairs, options.count or len(faces))
    (options.out / "images").mkdir(parents=True)
    write_images(model, faces, pairs, options)
    write_pairs(options.out / "pairs.csv", faces, pairs)
    first = next(batches(faces, some_pairs(pairs, 8), 8, model))
    write_sheet(options.out / "sheet.png", sheet_columns(model, first))
    print(f"{len(pairs.source)} faces in {options.out}; look at {options.out / 'sheet.png'}")
    print(pose_of_written(faces, pairs, options.out))


def batches(
    faces: PictureDataset, pairs: Pairs, batch_size: int, model: AnonyGAN
) -> Iterator[FaceBatch]:
    device = next(model.parameters()).device
    for chunk in zip(*(column.split(batch_size) for column in pairs), strict=True):
        yield to_face_batch(read_pairs(faces, Pairs(*chunk)), device)


def write_images(
    model: AnonyGAN, faces: PictureDataset, pairs: Pairs, options: SampleOptions
) -> None:
    names = iter([faces.names[i] for i in pairs.source.tolist()])
    with tqdm(total=len(pairs.source), unit="face") as bar:
        for batch in batches(faces, pairs, options.batch_size, model):
            for image in to_uint8_image(anonymized(model, batch)).cpu():
                file = image_file(options.out, next(names))
                file.parent.mkdir(parents=True, exist_ok=True)
                write_image(file, image)
            bar.update(len(batch.source))


def image_file(out: Path, name: str) -> Path:
    return out / "images" / f"{name}.png"


def pose_of_written(faces: PreparedPictures, pairs: Pairs, out: Path) -> str:
    """The pose check on files that were written, spread evenly over them."""
    checked = some_pairs(pairs, MOST_PICTURES).source.tolist()
    sources = torch.stack([faces[i].image for i in checked])
    written = torch.stack([read_image(image_file(out, faces.names[i])) for i in checked])
    return measure_pose(sources, {"anonymised": written})


def write_pairs(path: Path, faces: PictureDataset, pairs: Pairs) -> None:
    """Which face became whom: for evaluation, not for publishing."""
    with replacing(path) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["source", "condition"])
        for source, condition in zip(pairs.source.tolist(), pairs.condition.tolist(), strict=True):
            writer.writerow([faces.names[source], faces.names[condition]])


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    run_command(main, SampleOptions)
