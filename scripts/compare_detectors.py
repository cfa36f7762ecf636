"""How many faces of composed photos detectors miss, by size and pose, and how long they take.

    python scripts/compare_detectors.py runs/composed

The folder is one that compose_faces.py wrote. A face counts as found where the mean of its true
landmarks lies in a box that is 0.5 to 2.5 times as wide as the face is large; a box that holds no
such face counts as wrong, even if it shows somebody who stood behind.
"""

import csv
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor

from graphgan.commands import run_command
from graphgan.data.images import read_image
from graphgan.faces.search import FaceSearch
from graphgan.landmarks.detection import DlibDetector, LandmarkDetector

DETECTORS: dict[str, Callable[[], LandmarkDetector]] = {
    "search": FaceSearch,
    "search, upright": lambda: FaceSearch(turns=(0,)),
    "dlib, up-sampling 1": lambda: DlibDetector(1, max_side=1_000_000),
    "dlib, at most 2048": lambda: DlibDetector(1),
}
_LEAST_WIDTH, _MOST_WIDTH = 0.5, 2.5


@dataclass(frozen=True)
class CompareOptions:
    """Print a table of missed faces."""

    folder: Annotated[Path, tyro.conf.Positional]
    """With photos and their faces.csv; without faces.csv, all that is found is wrong."""
    detectors: tuple[str, ...] = ("search", "dlib, up-sampling 1", "dlib, at most 2048")
    """Among search; search, upright; dlib, up-sampling 1; dlib, at most 2048."""
    threads: int = 1
    """Of torch; dlib has one."""

    def __post_init__(self) -> None:
        if unknown := set(self.detectors) - DETECTORS.keys():
            raise ValueError(f"expected detectors among {list(DETECTORS)}, got {min(unknown)!r}")


@dataclass(frozen=True)
class TrueFace:
    """A row of faces.csv."""

    middle: Tensor
    size: float
    roll: float
    yaw: float
    outside: float

    @classmethod
    def of(cls, row: dict[str, str]) -> "TrueFace":
        points = [[float(row[f"{axis}{i}"]) for axis in "xy"] for i in range(68)]
        numbers = (abs(float(row[name])) for name in ("size", "roll", "yaw", "outside"))
        return cls(torch.tensor(points).mean(0), *numbers)

    def in_boxes(self, boxes: Tensor) -> Tensor:
        """Which of ``n 4`` boxes hold this face."""
        within = (boxes[:, :2] <= self.middle) & (self.middle <= boxes[:, 2:])
        width = (boxes[:, 2] - boxes[:, 0]) / self.size
        return within.all(1) & (width >= _LEAST_WIDTH) & (width <= _MOST_WIDTH)


GROUPS: dict[str, Callable[[TrueFace], bool]] = {
    "all": lambda face: True,
    "40 to 60 pixels": lambda face: face.size < 60,
    "60 to 80": lambda face: 60 <= face.size < 80,
    "80 to 120": lambda face: 80 <= face.size < 120,
    "120 and more": lambda face: face.size >= 120,
    "upright (within 20°)": lambda face: face.roll < 20,
    "leaning, 20 to 45°": lambda face: 20 <= face.roll < 45,
    "leaning, 45 to 75°": lambda face: 45 <= face.roll < 75,
    "lying, 75 to 135°": lambda face: 75 <= face.roll < 135,
    "upside down": lambda face: face.roll >= 135,
    "upright, frontal (yaw below 0.25)": lambda face: face.roll < 20 and face.yaw < 0.25,
    "upright, half turned (to 0.5)": lambda face: face.roll < 20 and 0.25 <= face.yaw < 0.5,
    "upright, profile": lambda face: face.roll < 20 and face.yaw >= 0.5,
    "cut by a border, below 15 %": lambda face: 0 < face.outside < 0.15,
    "cut by 15 to 30 %": lambda face: 0.15 <= face.outside < 0.3,
    "cut by 30 % and more": lambda face: face.outside >= 0.3,
}


def main(options: CompareOptions) -> None:
    torch.set_num_threads(options.threads)
    truth = read_truth(options.folder)
    missed: dict[str, list[TrueFace]] = {}
    notes = []
    for name in options.detectors:
        detector = DETECTORS[name]()
        missed[name], wrong, seconds, pixels = [], 0, 0.0, 0
        for file, faces in truth.items():
            image = read_image(options.folder / file)
            start = time.perf_counter()
            found = [face.box for face in detector(image)]
            seconds += time.perf_counter() - start
            pixels += image[0].numel()
            boxes = torch.stack(found) if found else torch.zeros(0, 4)
            hits = [face.in_boxes(boxes) for face in faces]
            missed[name] += [f for f, hit in zip(faces, hits, strict=True) if not hit.any()]
            wrong += len(boxes) - int(torch.stack(hits).any(0).sum() if hits else 0)
        notes.append(
            f"{name}: {wrong} wrong boxes in {len(truth)} photos of {pixels / 1e6:.0f} megapixels, "
            f"{seconds / pixels * 1e6:.2f} s a megapixel"
        )
    every = [face for faces in truth.values() for face in faces]
    print(f"| faces | | {' | '.join(f'missed by {name}' for name in missed)} |")
    print(f"|---|---|{'---|' * len(missed)}")
    for group, belongs in GROUPS.items():
        if total := sum(map(belongs, every)):
            counts = [sum(map(belongs, faces)) for faces in missed.values()]
            shares = [f"{count} ({100 * count / total:.1f} %)" for count in counts]
            print(f"| {group} | {total} | {' | '.join(shares)} |")
    print("\n" + "\n".join(notes))


def read_truth(folder: Path) -> dict[str, list[TrueFace]]:
    """The faces of each photo."""
    path = folder / "faces.csv"
    if not path.is_file():
        return {file.name: [] for file in sorted(folder.iterdir())}
    truth = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            truth[row["image"]].append(TrueFace.of(row))
    return dict(truth)


if __name__ == "__main__":
    run_command(main, CompareOptions)
