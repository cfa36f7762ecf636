"""A prepared folder: images of one size with landmarks and people, ready for training.

    prepared.json   format, size (height, width), landmark_scheme, counts, the options it was made
                    with
    manifest.csv    a row an image: image, person, split, source, crop_left, crop_top, crop_width,
                    crop_height, outside, x0, y0, x1, y1, ...
    images/         the images as PNG, <person>/<name>.png
    skipped.csv     source, reason, detail: what was not used and why
    pairs.csv       where the photos bring a list of pairs: what it says of each, then two images:
                    split,from,to (pairs to learn from) or fold,same,image_a,image_b (to evaluate)

Landmarks are in pixels of the image and empty where missing. ``source`` is the photo's path in
the folder it came from, ``crop_*`` the rectangle cut out of it (`Crop`),
so that landmarks and images can be taken back; ``outside`` counts landmarks beyond the photo's
edge. Masks are not stored: they follow from the landmarks. ``manifest.csv`` and ``prepared.json``
are written last: a folder that has both is whole.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.data._images import read_image
from graphgan.data._pair_files import read_listed_pairs
from graphgan.data._pairs import Pairs
from graphgan.data._pictures import Picture
from graphgan.data._tables import read_table, write_table
from graphgan.files import replacing
from graphgan.landmarks import SCHEMES, Crop, LandmarkScheme
from graphgan.landmarks._masks import has_face_mask

FORMAT = "graphgan prepared pictures"
VERSION = 2

Split = Literal["train", "test"]
"""Which part of the people an image belongs to."""
SPLITS: tuple[Split, Split] = ("train", "test")
"""All values of `Split`."""

_NEEDED = ("size", "landmark_scheme", "images")
_COLUMNS = (
    *("image", "person", "split", "source"),
    *("crop_left", "crop_top", "crop_width", "crop_height", "outside"),
)
_MAKE_ONE = "make one with `python recipes/THE-RECIPE/prepare.py`"
_REPLACE = "prepare the folder again with --overwrite"


class PreparedPicture(NamedTuple):
    """One row of ``manifest.csv``.

    Args:
        image: path of the image in the prepared folder.
        source: path of the photo in the folder it came from.
        crop: the part of the photo, in the photo's pixels.
        outside: number of landmarks outside the photo.
    Shapes:
        ``landmarks: k 2`` in pixels of the image
    """

    image: str
    person: str
    split: str
    source: str
    crop: Crop
    outside: int
    landmarks: Float[Tensor, "k 2"]

    @property
    def name(self) -> str:
        """The image's path as a plain name: ``images/anna/1.png`` becomes ``anna-1``."""
        return self.image.removeprefix("images/").removesuffix(".png").replace("/", "-")


class PreparedPictures:
    """The images of a prepared folder, or of one of its splits (a ``PictureDataset``).

    Args:
        root: the prepared folder.
        split: "train" or "test"; None for all.
        scheme: whose landmarks are expected; None takes any.
    Attributes:
        size, num_landmarks, persons, names: see ``PictureDataset``.
        landmark_scheme: name of the landmark scheme, a key of ``SCHEMES``.
        scheme: that scheme.
        pictures: manifest row of each image.
        people: name of each person.
        info: content of ``prepared.json``.
    Raises:
        ValueError: the folder is missing, empty, incomplete, of another kind, has other landmarks,
            or has no images in this split; the message says what to do.
    """

    def __init__(
        self,
        root: str | Path,
        split: Split | None = None,
        *,
        scheme: LandmarkScheme | None = None,
    ) -> None:
        self.root = Path(root)
        self.split = split
        self.info = read_info(self.root)
        self.landmark_scheme: str = self.info["landmark_scheme"]
        if scheme is not None and self.landmark_scheme != scheme.name:
            raise ValueError(
                f"{self.root}: expected images with the landmarks {scheme.name}, got "
                f"{self.landmark_scheme}; this folder was prepared for other networks"
            )
        self.size: tuple[int, int] = (self.info["size"][0], self.info["size"][1])
        self.scheme = SCHEMES[self.landmark_scheme]
        self.num_landmarks = self.scheme.num_landmarks
        rows = _read_manifest(self.root / "manifest.csv", self.num_landmarks)
        if len(rows) != self.info["images"]:
            raise ValueError(
                f"{self.root}: expected {self.info['images']} images, as prepared.json says, got "
                f"{len(rows)} in manifest.csv; {_REPLACE}"
            )
        self.pictures = [row for row in rows if split is None or row.split == split]
        if not self.pictures:
            raise ValueError(
                f"{self.root}: no images in the split {split!r}, of {len(rows)} in all; prepare "
                "with --test-people, or choose the other split with --split"
            )
        self.people = sorted({picture.person for picture in self.pictures})
        numbers = {person: number for number, person in enumerate(self.people)}
        self.persons = [numbers[picture.person] for picture in self.pictures]
        self.names = [picture.name for picture in self.pictures]

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Picture:
        """One image.

        Raises:
            ValueError: its image cannot be read, or has another size.
        """
        picture = self.pictures[index]
        image = read_image(self.root / picture.image)
        if image.shape[1:] != self.size:
            raise ValueError(
                f"{self.root / picture.image}: expected {self.size[1]} x {self.size[0]} pixels, "
                f"got {image.shape[2]} x {image.shape[1]}"
            )
        return Picture(image, picture.landmarks)

    def place(self, index: int) -> str:
        """Location of an image: its file, and its line in the manifest of a whole folder."""
        return f"{self.pictures[index].image} (manifest.csv line {index + 2})"

    def listed_pairs(self) -> Pairs | None:
        """The folder's own training pairs of this split, by image number.

        The first image of a pair is the condition, which gives the person; the second is the
        source, which gives the pose. None if the folder has no list for this split.

        Raises:
            ValueError: a pair with an image that is not in this split (the message says where), or
                a list without usable pairs.
        """
        table = self.root / "pairs.csv"
        pairs = read_listed_pairs(table, [picture.image for picture in self.pictures], self.split)
        if (
            pairs is None
            and table.is_file()
            and self.split in self.info.get("pairs", {}).get("lists", [])
        ):
            raise ValueError(
                f"{self.root}: expected pairs listed for {self.split}, but none could be used (see "
                "skipped.csv); prepare without that list to pair any two images of a person"
            )
        return pairs

    def check_masks(self) -> None:
        """Check that every face has a mask; without one, it would silently stay unchanged.

        Raises:
            ValueError: landmarks of a scheme without masks, or too few landmarks in some faces,
                which the message names.
        """
        if self.scheme.outline is None:
            known = ", ".join(s.name for s in SCHEMES.values() if s.outline is not None)
            raise ValueError(
                f"{self.root}: expected the landmarks of a scheme with face masks ({known}), got "
                f"{self.landmark_scheme}"
            )
        landmarks = torch.stack([face.landmarks for face in self.pictures])
        there = has_face_mask(landmarks, self.size, scheme=self.scheme)
        without = torch.nonzero(~there).flatten().tolist()
        bad = [self.pictures[i].image for i in without]
        if bad:
            more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
            raise ValueError(
                f"{self.root / 'manifest.csv'}: expected landmarks that give each face a mask, but "
                f"the mask is empty for {', '.join(bad[:3])}{more}; {_REPLACE}"
            )


def read_info(root: Path) -> dict[str, Any]:
    """Read ``prepared.json`` of a complete folder."""
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder; {_MAKE_ONE}")
    if not any(root.iterdir()):
        raise ValueError(f"{root}: the folder is empty, not prepared; {_MAKE_ONE}")
    if not (root / "prepared.json").is_file():
        if (root / "progress.jsonl").is_file():
            raise ValueError(
                f"{root}: preparing was interrupted; run the same prepare command again to continue"
            )
        raise ValueError(f"{root}: not a prepared folder (no prepared.json); {_MAKE_ONE}")
    info = _read_json(root / "prepared.json")
    if info.get("format") != FORMAT or not {"version", *_NEEDED} <= info.keys():
        raise ValueError(f"{root}: its prepared.json has another format; {_MAKE_ONE}")
    if info["version"] != VERSION:
        raise ValueError(
            f"{root}: expected version {VERSION} of the format, got {info['version']}; {_REPLACE}"
        )
    size = info["size"]
    if not (isinstance(size, list) and [type(n) for n in size] == [int, int] and min(size) > 0):
        raise ValueError(f"{root}: expected a height and a width, got {size!r}; {_REPLACE}")
    if str(info["landmark_scheme"]) not in SCHEMES:
        raise ValueError(
            f"{root}: expected landmarks of one of the schemes {', '.join(SCHEMES)}, got "
            f"{info['landmark_scheme']!r}; {_REPLACE}"
        )
    if not (root / "manifest.csv").is_file():
        raise ValueError(f"{root}: its manifest.csv is missing; {_REPLACE}")
    return info


def is_prepared(root: Path) -> bool:
    """Whether this is a prepared folder, of any version, complete or damaged."""
    return _read_json(root / "prepared.json").get("format") == FORMAT


def _read_json(path: Path) -> dict[str, Any]:
    """The file's object; an empty one when there is none."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, FileNotFoundError):
        return {}
    return content if isinstance(content, dict) else {}


def write_info(root: Path, info: dict[str, Any]) -> None:
    """Write ``prepared.json``, which marks the folder as complete."""
    text = json.dumps({"format": FORMAT, "version": VERSION, **info}, indent=2) + "\n"
    with replacing(root / "prepared.json") as path:
        path.write_text(text, "utf-8")


def write_manifest(root: Path, pictures: Sequence[PreparedPicture]) -> None:
    """Write ``manifest.csv``."""
    points = range(len(pictures[0].landmarks) if pictures else 0)
    write_table(
        root / "manifest.csv",
        (*_COLUMNS, *(f"{axis}{i}" for i in points for axis in "xy")),
        map(_manifest_row, pictures),
    )


def _manifest_row(picture: PreparedPicture) -> list[str]:
    crop = (repr(edge) for edge in astuple(picture.crop))
    points = ("" if math.isnan(x) else f"{x:.4f}" for x in picture.landmarks.flatten().tolist())
    names = (picture.image, picture.person, picture.split, picture.source)
    return [*names, *crop, str(picture.outside), *points]


def _read_manifest(path: Path, num_landmarks: int) -> list[PreparedPicture]:
    lines = read_table(path)
    width = len(_COLUMNS) + 2 * num_landmarks
    _, header = next(lines, (1, []))
    if tuple(header[: len(_COLUMNS)]) != _COLUMNS or len(header) != width:
        raise ValueError(
            f"{path}: expected the columns {','.join(_COLUMNS)},x0,y0,... with {num_landmarks} "
            f"landmarks; {_REPLACE}"
        )
    return list(_manifest_rows(path, lines, width))


def _manifest_rows(
    path: Path, lines: Iterable[tuple[int, list[str]]], width: int
) -> Iterator[PreparedPicture]:
    for number, values in lines:
        try:
            if len(values) != width:
                raise ValueError(f"expected {width} values, got {len(values)}")
            image, person, split, source, *crop_edges, outside = values[: len(_COLUMNS)]
            crop = Crop(*map(float, crop_edges))
            points = values[len(_COLUMNS) :]
            flat = torch.tensor([float(x or "nan") for x in points], dtype=torch.float32)
            landmarks = flat.view(-1, 2)
            if split not in SPLITS or landmarks.isinf().any():
                raise ValueError("expected the split train or test, and finite landmarks")
            yield PreparedPicture(image, person, split, source, crop, int(outside), landmarks)
        except ValueError as error:
            raise ValueError(f"{path}: line {number}: {error}") from None
