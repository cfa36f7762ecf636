"""Where three kinds of folders keep photos and people.

plain    <person>/<any path>; a photo directly in the folder is a person of its own, named after it
celeba   img_align_celeba/000001.jpg, identity_CelebA.txt ("000001.jpg 2880")
lfw      lfw/<Name>/<Name>_0001.jpg, pairs.txt (may be missing)

``source``, the name of a photo in landmark files and in the manifest, is its path in the folder
of photos: the given one, ``img_align_celeba`` or ``lfw``.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from graphgan.data.photos import Photo
from graphgan.data.preparing import Pair, Skipped

SUFFIXES = frozenset(
    f".{kind}"
    for kind in "bmp gif jfif jp2 jpeg jpg pbm pgm png ppm tga tif tiff webp".split()  # noqa: SIM905
)


@dataclass
class Listing:
    """What a folder holds.

    Args:
        photos: sorted by source.
        unusable: photos that belong to nobody.
        pairs: the folder's own list of pairs, where it has one.
        other_files: how many files are no photos, by suffix.
        notes: what else the user should know.
    """

    photos: list[Photo]
    unusable: list[Skipped] = field(default_factory=list)
    pairs: list[Pair] | None = None
    other_files: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def plain(root: Path) -> Listing:
    sources, others = _photos(root)
    people = (s.split("/")[0] if "/" in s else Path(s).stem for s in sources)
    photos = [Photo(root / s, s, person) for s, person in zip(sources, people, strict=True)]
    return Listing(photos, other_files=others)


def celeba(root: Path) -> Listing:
    folder = _first(root, "img_align_celeba", "Img/img_align_celeba")
    table = _first(root, "identity_CelebA.txt", "Anno/identity_CelebA.txt")
    identities = _identities(table)
    sources, others = _photos(folder)
    listing = Listing([], other_files=others)
    for source in sources:
        if source in identities:
            listing.photos.append(Photo(folder / source, source, identities.pop(source)))
        else:
            listing.unusable.append(Skipped(source, "no identity", f"not in {table.name}"))
    if identities:
        listing.notes.append(f"{len(identities)} rows of {table.name} have no photo")
    return listing


def lfw(root: Path) -> Listing:
    folder = _first(root, "lfw", "lfw_funneled", "lfw-deepfunneled")
    listing = plain(folder)
    if (table := root / "pairs.txt").is_file():
        listing.pairs = _lfw_pairs(table)
    else:
        listing.notes.append(f"no {table}: pairs.csv is not written")
    return listing


LAYOUTS: dict[str, Callable[[Path], Listing]] = {"plain": plain, "celeba": celeba, "lfw": lfw}


def list_photos(root: Path, layout: str) -> Listing:
    """The photos of a folder.

    Raises:
        ValueError: the folder is missing, holds no photos, or lacks a part of its layout.
    """
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder")
    listing = LAYOUTS[layout](root)
    if not listing.photos:
        found = sum(listing.other_files.values())
        raise ValueError(
            f"{root}: no photos in it ({len(listing.unusable)} without an identity, "
            f"{found} other files)"
        )
    return listing


def _photos(folder: Path) -> tuple[list[str], dict[str, int]]:
    """Sorted paths of the photos below ``folder``, and other files counted by suffix."""
    sources: list[str] = []
    others: dict[str, int] = {}
    for path in _files(folder):
        suffix = path.suffix.lower()
        if suffix in SUFFIXES and not path.name.startswith("."):
            sources.append(path.relative_to(folder).as_posix())
        else:
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


def _first(root: Path, *names: str) -> Path:
    for name in names:
        if (root / name).exists():
            return root / name
    raise ValueError(f"{root}: expected {' or '.join(names)} in it")


def _identities(table: Path) -> dict[str, str]:
    """``000001.jpg 2880`` to a name that sorts as its number does: ``02880``."""
    identities = {}
    for number, line in enumerate(table.read_text("utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        name, _, person = line.strip().partition(" ")
        if not person.strip().isdecimal():
            raise ValueError(f"{table}: line {number}: expected a photo and a number, got {line!r}")
        identities[name] = f"{int(person):05d}"
    return identities


def _lfw_pairs(table: Path) -> list[Pair]:
    """``Name 1 4`` is a pair of one person, ``Name 1 Other 3`` of two.

    The first line gives the number of folds (one when left out) and, for each of them, of pairs of
    either kind.
    """
    header, *lines = table.read_text("utf-8").splitlines() or [""]
    try:
        *folds, each = (int(text) for text in header.split())
    except ValueError:
        raise ValueError(f"{table}: line 1: expected folds and pairs, got {header!r}") from None
    expected = 2 * each * (folds[0] if folds else 1)
    if len(lines) != expected:
        raise ValueError(f"{table}: expected {expected} pairs, as line 1 says, got {len(lines)}")
    return [_lfw_pair(table, n, line, (n - 2) // (2 * each)) for n, line in enumerate(lines, 2)]


def _lfw_pair(table: Path, number: int, line: str, fold: int) -> Pair:
    match line.split():
        case [name, i, j] if i.isdecimal() and j.isdecimal():
            return Pair(fold, True, _lfw_source(name, i), _lfw_source(name, j))
        case [name, i, other, j] if i.isdecimal() and j.isdecimal():
            return Pair(fold, False, _lfw_source(name, i), _lfw_source(other, j))
    raise ValueError(
        f"{table}: line {number}: expected 'name i j' or 'name i name j', got {line!r}"
    )


def _lfw_source(name: str, number: str) -> str:
    return f"{name}/{name}_{int(number):04d}.jpg"
