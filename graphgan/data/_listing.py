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
from graphgan.data._photos import Photo

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
        columns: names of the columns in each pair's ``about``, and of its two photos.
        lists: splits that have a list, if pairs are listed by split.
    """

    columns: tuple[str, ...]
    pairs: list[ListedPair]
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

    photos: list[Photo]
    unusable: list[Skipped] = field(default_factory=list)
    pairs: PairList | None = None
    other_files: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def require_folder(root: Path) -> None:
    """Raise ``ValueError`` unless ``root`` is a folder."""
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder")


def require_photos(root: Path, listing: Listing) -> Listing:
    """Return the listing if it contains photos.

    Raises:
        ValueError: there are none; the message says what was found instead.
    """
    if not listing.photos:
        found = sum(listing.other_files.values())
        raise ValueError(
            f"{root}: no photos in it ({len(listing.unusable)} that cannot be used, "
            f"{found} other files)"
        )
    return listing


def plain(root: Path) -> Listing:
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
        alone = (
            stems[Path(source).stem] == 1
        )  # anna.png next to anna.jpg or anna/ is another person
        return Path(source).stem if alone else source

    people = map(person, sources)
    photos = [Photo(root / s, s, person) for s, person in zip(sources, people, strict=True)]
    return Listing(photos, other_files=others)


def photo_sources(
    folder: Path, *, besides: Collection[Path] = ()
) -> tuple[list[str], dict[str, int]]:
    """Sorted paths of the photos in ``folder``, and counts of other files by suffix.

    Args:
        besides: files to leave out of the count.
    Raises:
        ValueError: the folder does not exist.
    """
    require_folder(folder)
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


def match_landmarks(
    listing: Listing, rows: Sequence[LandmarkRow], folder: Path
) -> dict[str, Float[Tensor, "k 2"]]:
    """Landmarks by source; photos without a row and rows without a photo become unusable.

    Args:
        folder: folder of the photos.
    Raises:
        ValueError: no photo is left.
    """
    landmarks = {row.image: row.landmarks for row in rows}
    unusable = {skipped.source for skipped in listing.unusable}
    known = unusable | {photo.source for photo in listing.photos}
    listing.unusable += [
        Skipped(photo.source, "no landmarks in the file")
        for photo in listing.photos
        if photo.source not in landmarks and photo.source not in unusable
    ]
    listing.unusable += [
        Skipped(row.image, "no such photo", row.where) for row in rows if row.image not in known
    ]
    listing.photos = [photo for photo in listing.photos if photo.source in landmarks]
    if not listing.photos:
        first = f"; the first is {rows[0].image} ({rows[0].where})" if rows else ""
        raise ValueError(
            f"none of {len(rows)} images with landmarks is a photo of {folder}{first}; expected "
            "paths in that folder"
        )
    return landmarks
