"""Photos with many faces whose place is known: real faces pasted on backgrounds made of numbers.

    python scripts/compose_faces.py ../shared/faces runs/composed --faces 1000 --seed 0

Each face comes with its surroundings, scaled, turned, and faded into the background; some are cut
by the photo's border, some are dark, blurred or masked. `faces.csv` says where they are. With
``--hide`` the same photos lack their faces, but not hair and clothes: what is found there is found
wrongly, unless the frame that a face came from shows a second person.
"""

import csv
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
import tyro
from _backdrops import backdrop
from _face_kinds import altered, darken, draw_kind
from jaxtyping import Float, UInt8
from numpy.random import Generator
from torch import Tensor

from graphgan.anonymize.compositor import Patch, paste_faces
from graphgan.commands import run_command
from graphgan.data import LandmarkRow, read_image, read_landmarks, write_image
from graphgan.files import replacing, require_new_folder
from graphgan.landmarks import Alignment, Crop
from graphgan.landmarks._alignment import tilt
from graphgan.metrics import landmark_box, yaw

# Height, width and the most faces of a photo. Of each LARGE_EVERY photos one has 12 megapixels.
_SIZES = ((768, 1024, 5), (1024, 768, 5), (900, 1200, 6), (1200, 1600, 8))
_LARGE, _LARGE_EVERY = (3000, 4000, 16), 40
_CROWD = 120.0  # pixels of the largest faces: where all are smaller, a photo holds more of them
_TRIES = 40
_LARGEST_SCALE = 1.25  # of a source frame: beyond it faces are blurred as no camera blurs
_EDGE = 0.12  # of a frame's sides, over which it fades into its surroundings
_AROUND = 0.5  # of a frame's sides: its surroundings, which fade into the background
_SMALL, _BLUR = 48, 4  # pixels of a frame from which its surroundings are made
_DARK, _LEAST_DARK = 2.2, 1.2  # of a face's size, up to where it is darker
_FRONTAL, _PROFILE = 0.25, 0.5  # up to, and from which absolute `yaw`


@dataclass(frozen=True)
class ComposeOptions:
    """Compose photos of real faces: DIR/00000.jpg, ... and DIR/faces.csv."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Faces: landmarks.csv and images/<person>/<name>.jpg, see shared/faces."""
    out: Annotated[Path, tyro.conf.Positional]
    """A new folder."""
    faces: int = 1000
    """In all photos."""
    seed: int = 0
    """Of sizes, places, turns and backgrounds."""
    people: tuple[int, int] = (270, 301)
    """The first and the last number of those who are shown."""
    smallest: float = 40.0
    """Pixels of the longer side of a face's landmarks."""
    largest: float = 200.0
    """Likewise."""
    hide: bool = False
    """Leave a hole where each face would be."""
    plain: bool = False
    """None of the faces is dark, blurred or masked."""
    format: str = "jpg"
    """Or png."""


@dataclass(frozen=True)
class PlacedFace:
    """A frame with a face, where it lies in a photo, how large that is, and what befell it."""

    source: LandmarkRow
    alignment: Alignment
    frame: tuple[int, int]
    size: float
    kind: str = "plain"
    seed: tuple[int, ...] = ()

    @property
    def landmarks(self) -> Float[Tensor, "68 2"]:
        return self.alignment.to_image(self.source.landmarks, self.frame)

    @property
    def reach(self) -> float:
        """Half the longer side of the frame, in the photo's pixels."""
        return max(self.alignment.crop.width, self.alignment.crop.height) / 2

    def clear_of(self, other: "PlacedFace") -> bool:
        """Whether neither frame covers anything of the other's face."""
        faces = [face.landmarks.mean(0) for face in (self, other)]
        frames = [torch.tensor(face.alignment.center) for face in (self, other)]
        return (
            float((faces[0] - frames[1]).norm()) > other.reach + 0.7 * self.size
            and float((faces[1] - frames[0]).norm()) > self.reach + 0.7 * other.size
        )


def main(options: ComposeOptions) -> None:
    people = read_people(options.folder, options.people)
    require_new_folder(options.out, "choose another")
    options.out.mkdir(parents=True, exist_ok=True)
    with face_table(options.out) as add:
        left, number = options.faces, 0
        while left > 0:
            name = f"{number:05}.{options.format}"
            chance = np.random.default_rng([options.seed, number])
            height, width, most = _photo_size(chance, number)
            most = round(most * max(_CROWD / options.largest, 1.0))
            some = int(chance.integers(1, most + 1))
            draw = partial(_draw_face, chance, people, options, (height, width))
            faces = list(place_apart(draw, min(some, left)))
            faces = faces if options.plain else with_kinds(faces, options.seed, number)
            photo = compose(chance, (height, width), faces, options.folder, hide=options.hide)
            write_image(options.out / name, photo)
            add(name, faces, (height, width))
            left, number = left - len(faces), number + 1


def read_people(folder: Path, people: tuple[int, int]) -> dict[str, list[LandmarkRow]]:
    """Frames of those between the first and the last number.

    Raises:
        ValueError: there are none.
    """
    first, last = people
    chosen: dict[str, list[LandmarkRow]] = {}
    for row in read_landmarks(folder / "landmarks.csv"):
        if first <= int(Path(row.image).parts[0]) <= last:
            chosen.setdefault(Path(row.image).parts[0], []).append(row)
    if not chosen:
        raise ValueError(f"expected people {first} to {last}, found none in {folder}")
    return chosen


@contextmanager
def face_table(
    folder: Path,
) -> Iterator[Callable[[str, list[PlacedFace], tuple[int, int]], None]]:
    """`faces.csv`: a call adds the faces of a photo of this name, height and width."""
    with (
        replacing(folder / "faces.csv") as path,
        path.open("w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file)
        table.writerow([*_COLUMNS, *(f"{axis}{i}" for i in range(68) for axis in "xy")])

        def add(name: str, faces: list[PlacedFace], size: tuple[int, int]) -> None:
            table.writerows([name, *_row(face, *size)] for face in faces)

        yield add


def with_kinds(faces: list[PlacedFace], seed: int, number: int) -> list[PlacedFace]:
    """The same faces, some of them dark, blurred or masked."""
    chance = np.random.default_rng([seed, number, 1])  # of its own: places stay as they are
    return [
        replace(face, kind=draw_kind(chance), seed=(seed, number, 2, i))
        for i, face in enumerate(faces)
    ]


def compose(
    chance: Generator,
    size: tuple[int, int],
    faces: list[PlacedFace],
    folder: Path,
    *,
    hide: bool = False,
) -> UInt8[Tensor, "3 h w"]:
    """A backdrop of this height and width with faces on it."""
    image = torch.from_numpy(backdrop(chance, *size)).permute(2, 0, 1)
    return _paste(image.round().byte().contiguous(), faces, folder, hide)


def _photo_size(chance: Generator, number: int) -> tuple[int, int, int]:
    if number % _LARGE_EVERY == _LARGE_EVERY // 2:
        return _LARGE
    return _SIZES[int(chance.integers(len(_SIZES)))]


def place_apart(draw: Callable[[], PlacedFace], count: int) -> Iterator[PlacedFace]:
    """Up to ``count`` drawn faces that do not cover each other."""
    placed: list[PlacedFace] = []
    for _ in range(_TRIES * count):
        face = draw()
        if all(face.clear_of(other) for other in placed):
            placed.append(face)
            yield face
        if len(placed) == count:
            return


def draw_source(
    chance: Generator, people: dict[str, list[LandmarkRow]], size: float
) -> tuple[LandmarkRow, float]:
    """A frame that can be shown at this size, or else the size at which it can."""
    for _ in range(_TRIES):
        frames = people[str(chance.choice(sorted(people)))]
        source = frames[int(chance.integers(len(frames)))]
        largest = _LARGEST_SCALE * _side(source)
        if size <= largest:
            return source, size
    return source, largest  # nobody has a frame this large


def lay(
    folder: Path, source: LandmarkRow, size: float, angle: float, place: Float[Tensor, "2"]
) -> PlacedFace:
    """A frame, so large and so turned that its face's middle comes to lie at a place."""
    frame = read_image(folder / "images" / source.image).shape[1:]
    scale, radians = size / _side(source), math.radians(angle)
    turn = torch.tensor([
        [math.cos(radians), -math.sin(radians)],
        [math.sin(radians), math.cos(radians)],
    ]).double()  # fmt: skip
    middle = torch.tensor([(frame[1] - 1) / 2, (frame[0] - 1) / 2])
    low, high = source.landmarks.amin(0), source.landmarks.amax(0)
    offset = turn @ ((low + high) / 2 - middle) * scale
    x, y = (place - offset).tolist()
    width, height = frame[1] * scale, frame[0] * scale
    crop = Crop(x - width / 2, y - height / 2, width, height)
    return PlacedFace(source, Alignment(crop, angle), (frame[0], frame[1]), size)


def _side(source: LandmarkRow) -> float:
    return float((source.landmarks.amax(0) - source.landmarks.amin(0)).max())


def _draw_face(
    chance: Generator,
    people: dict[str, list[LandmarkRow]],
    options: ComposeOptions,
    photo: tuple[int, int],
) -> PlacedFace:
    # Even in the logarithm: small faces are as frequent as they are in photos of groups.
    size = math.exp(chance.uniform(math.log(options.smallest), math.log(options.largest)))
    source, size = draw_source(chance, people, size)
    angle = _draw_angle(chance)
    return lay(options.folder, source, size, angle, _draw_place(chance, photo, size))


def _draw_angle(chance: Generator) -> float:
    """In three of five upright, else leaning, lying or standing on the head."""
    kind = chance.random()
    if kind < 0.6:
        return float(chance.uniform(-8, 8))
    if kind < 0.88:
        return float(chance.choice([-1, 1]) * chance.uniform(15, 70))
    return float(chance.choice([-90, 90, 180]))


def _draw_place(chance: Generator, photo: tuple[int, int], size: float) -> Float[Tensor, "2"]:
    """Of the face's middle; one of ten is cut by a border, by an eighth to half."""
    height, width = photo
    place = [chance.uniform(0.6 * size, side - 0.6 * size) for side in (width, height)]
    if chance.random() < 0.1:
        beyond = chance.uniform(0.0, 0.375) * size
        axis = int(chance.integers(2))
        side = (width, height)[axis]
        place[axis] = beyond if chance.random() < 0.5 else side - 1 - beyond
    return torch.tensor(place, dtype=torch.float64)


def _paste(
    photo: UInt8[Tensor, "3 h w"], faces: list[PlacedFace], folder: Path, hide: bool
) -> UInt8[Tensor, "3 h w"]:
    """Surroundings first, so that none of them lies on another's face."""
    frames = [_frame(face, folder) for face in faces]
    for face, image in zip(faces, frames, strict=True):
        photo = _paste_frame(photo, face, *_surrounded(image / 127.5 - 1), margin=_AROUND)
    for face, image in zip(faces, frames, strict=True):
        mask = _fading(face.frame, _EDGE)
        if hide:
            mask = mask * (1 - _on_face(face.source.landmarks, face.frame))
        photo = _paste_frame(photo, face, image / 127.5 - 1, mask, margin=0.0)
    for face in faces:
        if face.kind == "dark":
            x, y = face.landmarks.mean(0).tolist()
            photo = darken(photo, (x, y), _shaded(face, faces), [*face.seed])
    return photo


def _shaded(face: PlacedFace, faces: list[PlacedFace]) -> float:
    """How far it is dark around a face: not beyond where another face begins, if that can be."""
    middle = face.landmarks.mean(0)
    others = (other for other in faces if other is not face)
    free = (float((o.landmarks.mean(0) - middle).norm()) - 0.5 * o.size for o in others)
    return max(min([_DARK * face.size, *free]), _LEAST_DARK * face.size)


def _frame(face: PlacedFace, folder: Path) -> UInt8[Tensor, "3 u v"]:
    image = read_image(folder / "images" / face.source.image)
    return altered(image, face.source.landmarks, face.kind, [*face.seed])


def _paste_frame(
    photo: UInt8[Tensor, "3 h w"],
    face: PlacedFace,
    frame: Float[Tensor, "3 u v"],
    mask: Float[Tensor, "u v"],
    *,
    margin: float,
) -> UInt8[Tensor, "3 h w"]:
    """Lay a frame, with a margin of so much of its sides around it, where the face lies."""
    crop, angle = face.alignment.crop, face.alignment.angle
    wide, high = margin * crop.width, margin * crop.height
    outer = Crop(crop.left - wide, crop.top - high, crop.width + 2 * wide, crop.height + 2 * high)
    return paste_faces(photo, [Patch(frame, mask[None], Alignment(outer, angle))]).image


def _surrounded(
    frame: Float[Tensor, "3 h w"],
) -> tuple[Float[Tensor, "3 u v"], Float[Tensor, "u v"]]:
    """What may lie around a frame: its edges' colors, out of focus, and how far they show."""
    height, width = (max(round(side * _SMALL / max(frame.shape)), 1) for side in frame.shape[1:])
    small = F.interpolate(frame[None], (height, width), mode="area")
    down, across = (max(round(_AROUND * side), 1) for side in (height, width))
    wider = F.pad(small, (across, across, down, down), mode="replicate")
    for _ in range(2):
        wider = F.avg_pool2d(F.pad(wider, (_BLUR,) * 4, mode="replicate"), 2 * _BLUR + 1, stride=1)
    return wider[0], _fading((wider.shape[2], wider.shape[3]), _AROUND / (1 + 2 * _AROUND))


def _fading(frame: tuple[int, int], share: float) -> Float[Tensor, "h w"]:
    """1 in the middle of a frame, falling to 0 at its edges over this share of its sides."""
    down, across = (
        ((0.5 - (torch.arange(n) + 0.5 - n / 2).abs() / n) / share).clamp(max=1) for n in frame
    )
    return (1 - torch.cos(math.pi * down[:, None] * across)) / 2


def _on_face(landmarks: Float[Tensor, "68 2"], frame: tuple[int, int]) -> Float[Tensor, "h w"]:
    """1 on the face and its forehead, falling softly to 0 around them."""
    low, high = landmarks.amin(0), landmarks.amax(0)
    low[1] -= 0.4 * (high - low)[1]
    x, y = ((low + high) / 2).tolist()
    half_width, half_height = ((high - low) / 2 * 1.1).tolist()
    rows, columns = torch.arange(frame[0])[:, None], torch.arange(frame[1])
    distance = (((rows - y) / half_height) ** 2 + ((columns - x) / half_width) ** 2).sqrt()
    return (1.2 - distance).div(0.2).clamp(0, 1)


_COLUMNS = ("image", "person", "source", "left", "top", "right", "bottom", "size", "roll", "yaw",
            "pose", "outside", "kind")  # fmt: skip


def _row(face: PlacedFace, height: int, width: int) -> list[object]:
    """The values of faces.csv, after the photo's name."""
    landmarks = face.landmarks
    box = landmark_box(landmarks[None])[0]
    turned = float(yaw(landmarks[None])[0])
    amount = abs(turned)
    pose = "frontal" if amount < _FRONTAL else "half" if amount < _PROFILE else "profile"
    inside = (box.minimum(torch.tensor([width, height] * 2)) - box.new_tensor(0.5)).clamp(min=-0.5)
    area = (inside[2:] - inside[:2]).clamp(min=0).prod() / (box[2:] - box[:2]).prod()
    numbers = [*box.tolist(), face.size, tilt(landmarks), turned]
    return [
        Path(face.source.image).parts[0],
        face.source.image,
        *(f"{value:.2f}" for value in numbers),
        pose,
        f"{1 - min(float(area), 1.0):.2f}",
        face.kind,
        *(f"{value:.2f}" for value in landmarks.flatten().tolist()),
    ]


if __name__ == "__main__":
    run_command(main, ComposeOptions)
