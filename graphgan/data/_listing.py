"""Contents of a photo folder: photos of people, their landmarks, and lists of pairs.

``source``, a photo's name in landmark files and in the manifest, is its path relative to the photo
folder.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from graphgan.data._landmark_files import LandmarkRow
from graphgan.data._pair_files import PAIR_COLUMNS
from graphgan.data._photos import ListedPhoto

SUFFIXES = frozenset(
    f".{kind}"
    for kind in "bmp gif jfif jp2 jpeg jpg pbm pgm png ppm tga tif tiff webp".split()  # noqa: SIM905
)


class Skipped(NamedTuple):
    """A photo, row of landmarks or pair that was not used: a short reason and details.

    Args:
        source: the photo's source, or a file and line if there is none.
    """

    source: str
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}" + (f": {self.detail}" if self.detail else "")


class ListedPair(NamedTuple):
    """Two photos, by source, that a folder's own list pairs.

    Args:
        about: the list's columns on the pair.
        where: name of the list and line number.
    """

    about: tuple[str | int, ...]
    a: str
    b: str
    where: str


class PairList(NamedTuple):
    """A folder's own list of pairs.

    Args:
        columns: names of the columns in each pair's ``about``, and of its two photos; by default
            those of pairs to train on.
        lists: splits that have a list, if pairs are listed by split.
    """

    pairs: list[ListedPair]
    columns: tuple[str, ...] = PAIR_COLUMNS
    lists: tuple[str, ...] = ()


@dataclass
class Listing:
    """Contents of a photo folder.

    Args:
        photos: sorted by source.
        unusable: photos without a person, and unusable rows.
        pairs: the folder's own list of pairs, if it has one.
        other_files: number of files that are not photos, by suffix.
        notes: other remarks for the user.
    """

    photos: list[ListedPhoto]
    unusable: list[Skipped] = field(default_factory=list)
    pairs: PairList | None = None
    other_files: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of_folder(cls, root: Path) -> "Listing":
        """List a folder with one subfolder per person; photos directly in it are separate people.

        Raises:
            ValueError: the folder does not exist.
        """
        sources, others = photo_sources(root)
        stems = Counter(Path(s).stem for s in sources if "/" not in s)
        stems.update({s.split("/")[0] for s in sources if "/" in s})

        def person(source: str) -> str:
            if "/" in source:
                return source.split("/")[0]
            # anna.png next to anna.jpg or anna/ is another person
            return Path(source).stem if stems[Path(source).stem] == 1 else source

        photos = [ListedPhoto(root / source, source, person(source)) for source in sources]
        return cls(photos, other_files=others)

    def require_photos(self, root: Path) -> None:
        """Check that it contains photos.

        Raises:
            ValueError: there are none; the message says what was found in ``root`` instead.
        """
        if not self.photos:
            found = sum(self.other_files.values())
            raise ValueError(
                f"{root}: contains no photos ({len(self.unusable)} that cannot be used, "
                f"{found} other files)"
            )

    def match_landmarks(
        self, rows: Sequence[LandmarkRow], root: Path
    ) -> dict[str, Float[Tensor, "k 2"]]:
        """Landmarks by source; photos without a row and rows without a photo become unusable.

        Args:
            root: folder of the photos.
        Raises:
            ValueError: no photo is left.
        """
        landmarks = {row.image: row.landmarks for row in rows}
        unusable = {skipped.source for skipped in self.unusable}
        known = unusable | {photo.source for photo in self.photos}
        self.unusable += [
            Skipped(photo.source, "no landmarks in the file")
            for photo in self.photos
            if photo.source not in landmarks and photo.source not in unusable
        ]
        self.unusable += [
            Skipped(row.image, "no such photo", row.where) for row in rows if row.image not in known
        ]
        self.photos = [photo for photo in self.photos if photo.source in landmarks]
        if not self.photos:
            first = f"; the first is {rows[0].image} ({rows[0].where})" if rows else ""
            raise ValueError(
                f"none of {len(rows)} images with landmarks is a photo of {root}{first}; expected "
                "paths in that folder"
            )
        return landmarks


def photo_sources(
    folder: Path, *, besides: Collection[Path] = ()
) -> tuple[list[str], dict[str, int]]:
    """Sorted paths of the photos in ``folder``, and counts of other files by suffix.

    Args:
        besides: files to leave out of the count.
    Raises:
        ValueError: the folder does not exist.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder")
    sources: list[str] = []
    others: dict[str, int] = {}
    for path in _files(folder):
        suffix = path.suffix.lower()
        if suffix in SUFFIXES and not path.name.startswith("."):
            sources.append(path.relative_to(folder).as_posix())
        elif path not in besides:
            others[suffix or path.name] = others.get(suffix or path.name, 0) + 1
    return sorted(sources), others


def _files(folder: Path) -> Iterator[Path]:
    """Files below ``folder``; links are followed, but no folder is entered twice."""
    seen = {folder.resolve()}
    for parent, folders, names in os.walk(folder, followlinks=True):
        inner = {name: Path(parent, name).resolve() for name in sorted(folders)}
        folders[:] = [name for name, real in inner.items() if real not in seen]
        seen.update(inner.values())
        yield from (Path(parent, name) for name in names)
