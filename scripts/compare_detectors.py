"""How many faces detectors miss, what they take for one, and how long they take.

    python scripts/compare_detectors.py runs/composed runs/composed-small \\
        --faceless runs/faceless --misses runs/misses

The folders are those of compose_faces.py, compose_group_photos.py and compose_faceless.py. A face
counts as found where the mean of its true landmarks lies in a box that is 0.5 to 2.5 times as wide
as the face is large; a box that holds no such face counts as false, even if it shows somebody who
stood behind. For
time, a photo is continued by its mirror images to the size asked for.
"""

import csv
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import torch
import tyro
from _contact_sheet import Sheet
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from graphgan.commands import run_command
from graphgan.data import read_image
from graphgan.faces import DETECTORS, FaceDetector, Faces, MTCNNDetector, ToolOptions, make_detector

_LEAST_WIDTH, _MOST_WIDTH = 0.5, 2.5
_AROUND = 1.2  # of a face's size, to each side of its middle: what a sheet shows


@dataclass(frozen=True)
class CompareOptions:
    """Print tables of missed faces, false alarms and time, in Markdown."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """With photos and their faces.csv."""
    detectors: tuple[str, ...] = tuple(DETECTORS)
    """Their names; dlib is an extra."""
    mtcnn: Path | None = None
    """Weights of MTCNN, a further detector (a folder with pnet.pt, rnet.pt and onet.pt)."""
    min_face: int = 12
    """Pixels of the smallest faces that are looked for, where a detector can be told."""
    faceless: Path | None = None
    """A folder of images without faces: all that is found is false."""
    megapixels: tuple[float, ...] = (1.0, 2.0, 12.0)
    """Sizes of photos at which time is measured; 0 measures none."""
    repeats: int = 3
    """Of which the median is the time."""
    misses: Path | None = None
    """A folder for sheets of missed faces, the largest first, and false boxes, the surest first."""
    most: int | None = None
    """Photos of each folder that are searched, spread over it; all when None."""
    threads: int = 1
    """Of torch; dlib has one."""

    def __post_init__(self) -> None:
        if unknown := set(self.detectors) - DETECTORS.keys():
            raise ValueError(f"expected detectors among {list(DETECTORS)}, got {min(unknown)!r}")

    def opened(self) -> dict[str, FaceDetector]:
        """The detectors by name."""
        asked = ToolOptions(min_face=self.min_face)
        opened = {name: make_detector(name, asked) for name in self.detectors}
        if self.mtcnn is not None:
            opened["mtcnn"] = MTCNNDetector(self.mtcnn)
        return opened


@dataclass(frozen=True)
class TrueFace:
    """A row of faces.csv."""

    middle: Float[Tensor, "2"]
    size: float
    roll: float
    yaw: float
    outside: float
    kind: str

    @classmethod
    def of(cls, row: dict[str, str]) -> "TrueFace":
        points = [[float(row[f"{axis}{i}"]) for axis in "xy"] for i in range(68)]
        numbers = (abs(float(row[name])) for name in ("size", "roll", "yaw", "outside"))
        return cls(torch.tensor(points).mean(0), *numbers, row.get("kind", "plain"))

    def in_boxes(self, boxes: Float[Tensor, "n 4"]) -> Bool[Tensor, "n"]:
        """Which boxes hold this face."""
        within = (boxes[:, :2] <= self.middle) & (self.middle <= boxes[:, 2:])
        width = (boxes[:, 2] - boxes[:, 0]) / self.size
        return within.all(1) & (width >= _LEAST_WIDTH) & (width <= _MOST_WIDTH)


Belongs = Callable[[TrueFace], bool]


def _upright(face: TrueFace) -> bool:
    return face.roll < 20


GROUPS: dict[str, Belongs] = {
    "all": lambda face: True,
    "below 12 pixels": lambda face: face.size < 12,
    "12 to 24 pixels": lambda face: 12 <= face.size < 24,
    "24 to 40": lambda face: 24 <= face.size < 40,
    "40 to 80": lambda face: 40 <= face.size < 80,
    "80 and more": lambda face: face.size >= 80,
    "plain": lambda face: face.kind == "plain",
    "dark": lambda face: face.kind == "dark",
    "blurred": lambda face: face.kind == "blurred",
    "masked": lambda face: face.kind == "masked",
    "upright (within 20°)": _upright,
    "leaning, 20 to 45°": lambda face: 20 <= face.roll < 45,
    "leaning, 45 to 75°": lambda face: 45 <= face.roll < 75,
    "lying, 75 to 135°": lambda face: 75 <= face.roll < 135,
    "upside down": lambda face: face.roll >= 135,
    "upright, frontal (yaw below 0.25)": lambda face: _upright(face) and face.yaw < 0.25,
    "upright, half turned (to 0.5)": lambda face: _upright(face) and 0.25 <= face.yaw < 0.5,
    "upright, profile": lambda face: _upright(face) and face.yaw >= 0.5,
    "not cut by a border": lambda face: face.outside == 0,
    "cut by a border, below 15 %": lambda face: 0 < face.outside < 0.15,
    "cut by 15 to 30 %": lambda face: 0.15 <= face.outside < 0.3,
    "cut by 30 % and more": lambda face: face.outside >= 0.3,
}


@dataclass
class Outcome:
    """What one detector did.

    Args:
        missed: faces.
        false_boxes: by photo, of the photos with faces.
        alarms: by image, of those without.
        speeds: seconds a megapixel, by megapixels.
    """

    missed: list[TrueFace] = field(default_factory=list)
    false_boxes: list[int] = field(default_factory=list)
    alarms: list[int] = field(default_factory=list)
    speeds: dict[float, float] = field(default_factory=dict)


def main(options: CompareOptions) -> None:
    torch.set_num_threads(options.threads)
    truth = {path: faces for folder in options.folders for path, faces in read_truth(folder)}
    truth = _spread(truth, options.most)
    empty = sorted(options.faceless.glob("*.[jp][pn]g")) if options.faceless else []
    outcomes = {
        name: _try_out(name, detector, truth, empty, options)
        for name, detector in options.opened().items()
    }
    every = [face for faces in truth.values() for face in faces]
    print("\n".join(_missed_table(every, outcomes)))
    print("\n" + "\n".join(_false_table(len(truth), len(empty), outcomes)))
    if any(outcome.speeds for outcome in outcomes.values()):
        print("\n" + "\n".join(_speed_table(options, outcomes)))


def read_truth(folder: Path) -> Iterator[tuple[Path, list[TrueFace]]]:
    """Photos, and the faces of each."""
    truth = defaultdict(list)
    with (folder / "faces.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            truth[folder / row["image"]].append(TrueFace.of(row))
    yield from truth.items()


def _spread(truth: dict[Path, list[TrueFace]], most: int | None) -> dict[Path, list[TrueFace]]:
    """So many photos of each folder, evenly spread."""
    if most is None:
        return truth
    by_folder = defaultdict(list)
    for path in truth:
        by_folder[path.parent].append(path)
    kept = [paths[:: max(len(paths) // most, 1)][:most] for paths in by_folder.values()]
    return {path: truth[path] for paths in kept for path in paths}


def _try_out(
    name: str,
    detector: FaceDetector,
    truth: dict[Path, list[TrueFace]],
    empty: list[Path],
    options: CompareOptions,
) -> Outcome:
    outcome, missed, false = Outcome(), Sheet(), Sheet()
    for path, faces in truth.items():
        image = read_image(path)
        found = detector(image)
        hits = torch.stack([face.in_boxes(found.boxes) for face in faces])
        for face, hit in zip(faces, hits.any(1), strict=True):
            if not hit:
                outcome.missed.append(face)
                missed.add(image, face.middle, _AROUND * face.size, order=-face.size)
        wrong = found.at(~hits.any(0))
        outcome.false_boxes.append(len(wrong.boxes))
        _show(image, wrong, false)
    for path in empty:
        image = read_image(path)
        wrong = detector(image)
        outcome.alarms.append(len(wrong.boxes))
        _show(image, wrong, false)
    for megapixels in filter(None, options.megapixels):
        outcome.speeds[megapixels] = _speed(detector, next(iter(truth)), megapixels, options)
    if options.misses is not None:
        missed.write(options.misses / f"{name}-missed.png")
        false.write(options.misses / f"{name}-false.png")
    return outcome


def _show(image: UInt8[Tensor, "3 h w"], wrong: Faces, sheet: Sheet) -> None:
    for box, score in zip(wrong.boxes, wrong.scores.tolist(), strict=True):
        reach = float((box[2:] - box[:2]).max()) * 0.8
        sheet.add(image, (box[:2] + box[2:]) / 2, reach, order=-score)


def _speed(detector: FaceDetector, path: Path, megapixels: float, options: CompareOptions) -> float:
    """Seconds a megapixel, after a first call on a small image."""
    image = continued(read_image(path), round(1e6 * megapixels))
    detector(image[:, :200, :200].contiguous())
    seconds = []
    for _ in range(options.repeats):
        start = time.perf_counter()
        detector(image)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) / (image[0].numel() / 1e6)


def continued(image: UInt8[Tensor, "3 h w"], pixels: int) -> UInt8[Tensor, "3 u v"]:
    """Of so many pixels, 4:3, with the image's mirror images beside it."""
    size = round((pixels * 3 / 4) ** 0.5), round((pixels * 4 / 3) ** 0.5)
    for axis, wanted in zip((1, 2), size, strict=True):
        copies = [image, image.flip(axis)] * (wanted // image.shape[axis] // 2 + 1)
        image = torch.cat(copies, axis).narrow(axis, 0, wanted)
    return image.contiguous()


def _missed_table(every: list[TrueFace], outcomes: dict[str, Outcome]) -> Iterator[str]:
    yield f"| faces | | {' | '.join(f'missed by {name}' for name in outcomes)} |"
    yield f"|---|---|{'---|' * len(outcomes)}"
    for group, belongs in GROUPS.items():
        if total := sum(map(belongs, every)):
            counts = [sum(map(belongs, outcome.missed)) for outcome in outcomes.values()]
            yield _row(group, total, [_share(count, total) for count in counts])


def _false_table(photos: int, empty: int, outcomes: dict[str, Outcome]) -> Iterator[str]:
    yield f"| false alarms | | {' | '.join(outcomes)} |"
    yield f"|---|---|{'---|' * len(outcomes)}"
    results = list(outcomes.values())
    if empty:
        images = [sum(count > 0 for count in outcome.alarms) for outcome in results]
        yield _row("images without faces", empty, [_share(n, empty) for n in images])
        boxes = [str(sum(outcome.alarms)) for outcome in results]
        yield _row("boxes in them", "", boxes)
    boxes = [str(sum(outcome.false_boxes)) for outcome in results]
    yield _row("false boxes in photos with faces", photos, boxes)


def _speed_table(options: CompareOptions, outcomes: dict[str, Outcome]) -> Iterator[str]:
    yield f"| seconds a megapixel, {options.threads} threads | {' | '.join(outcomes)} |"
    yield f"|---|{'---|' * len(outcomes)}"
    for megapixels in next(iter(outcomes.values())).speeds:
        cells = [f"{outcome.speeds[megapixels]:.3f}" for outcome in outcomes.values()]
        yield f"| photo of {megapixels:g} megapixels | {' | '.join(cells)} |"


def _share(count: int, total: int) -> str:
    return f"{count} ({100 * count / total:.1f} %)"


def _row(name: str, total: int | str, cells: list[str]) -> str:
    return f"| {name} | {total} | {' | '.join(cells)} |"


if __name__ == "__main__":
    run_command(main, CompareOptions)
