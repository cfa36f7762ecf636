"""Photos of groups, all faces about as large as they fit: what many people have a folder of.

    python scripts/compose_group_photos.py ../shared/faces runs/group
    python scripts/compose_group_photos.py ../shared/faces runs/large --photos 1 4000 3000 \\
        --faces 5 5 --largest 300

Ten photos of 500 x 375 and one of 3 megapixels with 2 to 24 faces each, most of them upright.
`faces.csv` says where they are, as that of compose_faces.py does.
"""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro
from compose_faces import (
    PlacedFace,
    compose,
    draw_source,
    face_table,
    lay,
    place_apart,
    read_people,
    with_kinds,
)
from numpy.random import Generator

from graphgan.commands import run_command
from graphgan.data import LandmarkRow, write_image
from graphgan.files import require_new_folder

_FILLED = 0.3  # a face's size, of the side of the square that each of them has
_VARIED = 0.3  # by how much sizes differ


@dataclass(frozen=True)
class GroupOptions:
    """Compose photos of groups: DIR/00000.jpg, ... and DIR/faces.csv."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Faces: landmarks.csv and images/<person>/<name>.jpg, see shared/faces."""
    out: Annotated[Path, tyro.conf.Positional]
    """A new folder."""
    photos: tuple[tuple[int, int, int], ...] = ((10, 500, 375), (1, 2048, 1536))
    """How many, of which width and height; any number of such triples."""
    faces: tuple[int, int] = (2, 24)
    """The fewest and the most in a photo."""
    seed: int = 0
    """Of sizes, places, turns and backgrounds."""
    people: tuple[int, int] = (0, 269)
    """The first and the last number of those who are shown."""
    smallest: float = 16.0
    """Pixels of the longer side of a face's landmarks."""
    largest: float = 110.0
    """Likewise."""
    plain: bool = False
    """None of the faces is dark, blurred or masked."""


def main(options: GroupOptions) -> None:
    people = read_people(options.folder, options.people)
    require_new_folder(options.out, "choose another")
    options.out.mkdir(parents=True, exist_ok=True)
    sizes = [(height, width) for count, width, height in options.photos for _ in range(count)]
    counts = _spread_counts(options, len(sizes))
    with face_table(options.out) as add:
        for number, (size, count) in enumerate(zip(sizes, counts, strict=True)):
            chance = np.random.default_rng([options.seed, number])
            faces = list(place_apart(partial(_draw, chance, people, options, size, count), count))
            faces = faces if options.plain else with_kinds(faces, options.seed, number)
            photo = compose(chance, size, faces, options.folder)
            write_image(options.out / f"{number:05}.jpg", photo)
            add(f"{number:05}.jpg", faces, size)


def _spread_counts(options: GroupOptions, photos: int) -> list[int]:
    """From the fewest to the most in even steps, in any order."""
    counts = np.linspace(*options.faces, photos).round().astype(int)
    return np.random.default_rng(options.seed).permutation(counts).tolist()


def _draw(
    chance: Generator,
    people: dict[str, list[LandmarkRow]],
    options: GroupOptions,
    photo: tuple[int, int],
    count: int,
) -> PlacedFace:
    side = _FILLED * math.sqrt(photo[0] * photo[1] / count)
    fitting = side * chance.uniform(1 - _VARIED, 1 + _VARIED)
    wanted = min(max(fitting, options.smallest), options.largest)
    source, size = draw_source(chance, people, wanted)
    upright = chance.random() < 0.85
    angle = chance.uniform(-10, 10) if upright else chance.choice([-1, 1]) * chance.uniform(15, 50)
    place = [chance.uniform(0.75 * size, length - 0.75 * size) for length in photo[::-1]]
    return lay(options.folder, source, size, float(angle), torch.tensor(place).double())


if __name__ == "__main__":
    run_command(main, GroupOptions)
