"""Generate images on disk from trained weights and a prepared folder, for the sampling commands."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan.data import (
    Pairs,
    PictureDataset,
    Split,
    StoredPairs,
    read_pairs,
    some_pairs,
    to_uint8_image,
    write_image,
)
from graphgan.data._tables import write_table
from graphgan.extras import needs_extra
from graphgan.files import require_new_folder
from graphgan.models._pretrained import Network
from graphgan.training._devices import torch_device
from graphgan.training._sheets import SHEET_ROWS, write_sheet

LONGEST_NAME = 255  # bytes in a file name on most file systems

Batch = TypeVar("Batch", bound=Sequence[Tensor])


@dataclass(frozen=True, kw_only=True)
class CheckpointOptions:
    """Weights to use, the number of images, and the device."""

    checkpoint: Path
    """Weights to use: a generator.safetensors file, a run folder (its newest weights), or the name
    of shipped weights (`graphgan info` lists them)."""
    count: int | None = None
    """Process at most this many images, spread evenly. Default: all."""
    batch_size: int = 32
    """Number of images in a batch. Smaller batches need less memory."""
    device: str = "auto"
    """Device: cpu, cuda (or gpu), mps, or auto for the fastest available."""

    def __post_init__(self) -> None:
        if self.batch_size < 1 or (self.count is not None and self.count < 1):
            raise ValueError("expected --batch-size and --count of at least 1")

    def load(self, network: type[Network]) -> Network:
        """Load the network, fused for inference, on the chosen device.

        Raises:
            ValueError: no weights, weights of another network, or an unavailable device.
        """
        device = torch_device(self.device)
        return network.from_pretrained(self.checkpoint, device=device).fuse()

    def chosen(self, pairs: Pairs) -> Pairs:
        """The requested number of pairs."""
        return some_pairs(pairs, self.count or len(pairs.source))


@dataclass(frozen=True, kw_only=True)
class SampleOptions(CheckpointOptions):
    """Weights, input images and output folder."""

    data: Path
    """Folder written by prepare.py."""
    out: Path
    """New or empty folder for the images, pairs.csv and sheet.png."""
    split: Split = "test"
    """Split of the folder to process."""


def pair_batches(
    pictures: PictureDataset,
    pairs: Pairs,
    to_batch: Callable[[StoredPairs, torch.device], Batch],
    *,
    batch_size: int,
    device: torch.device,
) -> Iterator[Batch]:
    """Read and convert the pairs in order, one batch at a time."""
    for first in range(0, len(pairs.source), batch_size):
        chunk = Pairs(*(column[first : first + batch_size] for column in pairs))
        yield to_batch(read_pairs(pictures, chunk), device)


def device_of(model: nn.Module) -> torch.device:
    """The device that holds a network's weights."""
    return next(model.parameters()).device


def image_file(out: Path, name: str) -> Path:
    """Path of the sample with this name."""
    return out / "images" / f"{name}.png"


def write_samples(
    options: SampleOptions,
    pictures: PictureDataset,
    pairs: Pairs,
    names: Sequence[str],
    table: Mapping[str, Sequence[str]],
    *,
    to_batch: Callable[[StoredPairs, torch.device], Batch],
    make: Callable[[Batch], Float[Tensor, "b 3 h w"]],
    columns: Callable[[Batch], Mapping[str, Float[Tensor, "b c h w"]]],
    device: torch.device,
) -> None:
    """Generate an image for every pair: ``images/<name>.png``, ``pairs.csv``, ``sheet.png``.

    Args:
        options: output folder and batch size.
        pictures: data set that the pairs refer to.
        pairs: pairs to generate images from.
        names: names of all images, in the order of the pairs.
        table: columns of pairs.csv.
        to_batch: builds the input of the network.
        make: returns the images of a batch, in [-1, 1].
        columns: columns of the sheet.
        device: device to compute on.
    Raises:
        ValueError: the folder is not empty, or names are repeated or too long.
    """
    _check_names(names)
    require_new_folder(options.out, "choose another folder with --out")
    (options.out / "images").mkdir(parents=True)
    batches = partial(pair_batches, pictures, to_batch=to_batch, device=device)
    _write_images(options.out, names, map(make, batches(pairs, batch_size=options.batch_size)))
    write_table(options.out / "pairs.csv", table, zip(*table.values(), strict=True))
    first = next(batches(some_pairs(pairs, SHEET_ROWS), batch_size=SHEET_ROWS))
    write_sheet(options.out / "sheet.png", columns(first))
    sheet = options.out / "sheet.png"
    print(f"{len(names)} images in {options.out}; look at {sheet}", flush=True)


def _write_images(
    out: Path, names: Sequence[str], made: Iterable[Float[Tensor, "b 3 h w"]]
) -> None:
    with needs_extra("recipes"):
        from tqdm import tqdm
    left = iter(names)
    with tqdm(total=len(names), unit="image") as bar:
        for images in made:
            for image in to_uint8_image(images).cpu():
                file = image_file(out, next(left))
                file.parent.mkdir(parents=True, exist_ok=True)
                write_image(file, image)
                bar.update()


def _check_names(names: Sequence[str]) -> None:
    """Before any work: every image gets a file of its own, whose name a disk can hold."""
    if len(set(names)) < len(names):
        raise ValueError(f"expected different names, got {len(names) - len(set(names))} duplicates")
    for name in names:
        longest = max(len(os.fsencode(f".{part}.png.part")) for part in name.split("/"))
        if longest > LONGEST_NAME:
            raise ValueError(f"expected shorter image names, got {name!r:.80}...")
