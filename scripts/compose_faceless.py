"""Images without faces, 0.2 to 2 megapixels: what a detector finds there is found wrongly.

    python scripts/compose_faceless.py runs/faceless --photos 200

A quarter are the backdrops of compose_faces.py, half are these with things on them that have two
dots or are round, a quarter are parts of the photos and scans that come with scikit-image: a cat,
a cup, grass, gravel, bricks, cells, the moon, galaxies, a retina, a rocket, a motorcycle, text.
Without scikit-image there are backdrops in their place. `contents.csv` says what shows what.
"""

import csv
import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
import tyro
from _backdrops import backdrop
from _decoys import scatter
from jaxtyping import UInt8
from numpy.random import Generator
from torch import Tensor

from graphgan.commands import run_command
from graphgan.data import read_image, write_image
from graphgan.files import replacing, require_new_folder

_SHAPES = (4 / 3, 3 / 4, 3 / 2, 16 / 9)  # width by height
_LARGEST_SCALE = 2.5  # of a photo of scikit-image
# Those without faces: coins bear heads, and an astronaut and a man with a camera look out of two.
_PHOTOS = (
    "brick.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png", "color.png",
    "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png",
    "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg", "text.png",
)  # fmt: skip


@dataclass(frozen=True)
class FacelessOptions:
    """Compose images without faces: DIR/00000.jpg, ... and DIR/contents.csv."""

    out: Annotated[Path, tyro.conf.Positional]
    """A new folder."""
    photos: int = 200
    """How many."""
    seed: int = 0
    """Of what they show."""
    smallest: float = 0.2
    """Megapixels."""
    largest: float = 2.0
    """Likewise."""


def main(options: FacelessOptions) -> None:
    require_new_folder(options.out, "choose another")
    options.out.mkdir(parents=True, exist_ok=True)
    sources = packaged_photos()
    with replacing(options.out / "contents.csv") as path, path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "shows"])
        for number in range(options.photos):
            chance = np.random.default_rng([options.seed, number])
            shows, image = _draw(chance, number, sources, options)
            write_image(options.out / f"{number:05}.jpg", image)
            table.writerow([f"{number:05}.jpg", shows])


def packaged_photos() -> list[Path]:
    """Those of scikit-image that are on this disk and show no face."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        return []
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    return [folder / name for name in _PHOTOS if (folder / name).is_file()]


def _draw(
    chance: Generator, number: int, sources: list[Path], options: FacelessOptions
) -> tuple[str, UInt8[Tensor, "3 h w"]]:
    """What it shows, and the image."""
    low, high = (math.log(1e6 * value) for value in (options.smallest, options.largest))
    pixels, shape = math.exp(chance.uniform(low, high)), chance.choice(_SHAPES)
    height, width = round(math.sqrt(pixels / shape)), round(math.sqrt(pixels * shape))
    if number % 4 == 3 and sources:
        source = sources[number // 4 % len(sources)]
        return source.stem, _part(chance, read_image(source), height, width, 1e6 * options.smallest)
    drawn = backdrop(chance, height, width)
    if number % 4:
        drawn = scatter(chance, drawn) + chance.normal(0, 2, drawn.shape)
    image = torch.from_numpy(drawn.clip(0, 255)).permute(2, 0, 1).round().byte()
    return ("things" if number % 4 else "backdrop"), image.contiguous()


def _part(
    chance: Generator, image: UInt8[Tensor, "3 h w"], height: int, width: int, least: float
) -> UInt8[Tensor, "3 u v"]:
    """A part of a photo at up to this size, of so many pixels at least, mirrored or not."""
    scale = chance.uniform(0.6, _LARGEST_SCALE)
    down, across = (
        min(round(side / scale), most)
        for side, most in zip((height, width), image.shape[1:], strict=True)
    )
    scale = max(scale, math.sqrt(least / (down * across)))
    top = int(chance.integers(image.shape[1] - down + 1))
    left = int(chance.integers(image.shape[2] - across + 1))
    part = image[:, top : top + down, left : left + across]
    size = (math.ceil(down * scale), math.ceil(across * scale))
    large = F.interpolate(part[None].float(), size, mode="bicubic", antialias=True)[0]
    large = large.flip(2) if chance.random() < 0.5 else large
    return large.clamp(0, 255).round().byte()


if __name__ == "__main__":
    run_command(main, FacelessOptions)
