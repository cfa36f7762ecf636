"""Layouts of images, joints and pairs in the two published data sets.

    *-annotation-train.csv, *-annotation-test.csv   joints, see graphgan.data.read_pose_annotations
    *-pairs-train.csv, *-pairs-test.csv             from,to (may be missing)
    train/, test/                                   images; or all in images/, or beside the files

market        Market-1501, 128 x 64, names such as 0002_c1s1_000451_03.jpg
deepfashion   DeepFashion, 256 x 176, names such as fashionMENDenimid0000008001_1front.jpg

``source``, the name of an image in the manifest, is its path in the folder of the data set.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from graphgan.data import (
    SPLITS,
    LandmarkRow,
    ListedPair,
    ListedPhoto,
    Listing,
    PairList,
    Skipped,
    Split,
    photo_sources,
    read_pose_annotations,
    read_table,
)


def market_person(name: str) -> str:
    """``0002`` of ``0002_c1s1_000451_03``.

    Names that begin with 0000 or -1 show passers-by or nobody; each of these images counts as a
    separate person.
    """
    person = name.partition("_")[0]
    return name if person in ("", "0000", "-1") else person


def deepfashion_person(name: str) -> str:
    """``fashionMENDenimid0000008001`` of ``fashionMENDenimid0000008001_1front``."""
    return name.rpartition("_")[0] or name


class Layout(NamedTuple):
    """A published data set: height and width of its images, and whose image a name is."""

    size: tuple[int, int]
    person: Callable[[str], str]


LAYOUTS = {
    "market": Layout((128, 64), market_person),
    "deepfashion": Layout((256, 176), deepfashion_person),
}


class PublishedPictures(NamedTuple):
    """Content of a data set's folder.

    Args:
        landmarks: landmarks of each image, by source.
        tables: files of joints and pairs.
    """

    listing: Listing
    landmarks: dict[str, Float[Tensor, "18 2"]]
    tables: list[Path]


def list_published(root: Path, layout: str) -> PublishedPictures:
    """Images, joints and pairs of a data set.

    Raises:
        ValueError: the folder is missing or lacks a file of joints, two files fit one name, a file
            has another header, or no image has joints.
    """
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder")
    joints = {split: _table(root, "annotation", split) for split in SPLITS}
    pairs = {split: _table(root, "pairs", split) for split in SPLITS}
    tables = [table for table in (*joints.values(), *pairs.values()) if table is not None]
    folders = {split: _pictures_folder(root, split) for split in SPLITS}
    listing = Listing([])
    rows: dict[str, LandmarkRow] = {}
    splits: dict[str, Split] = {}
    for split in SPLITS:
        table = joints[split]
        if table is None:
            raise ValueError(f"{root}: expected *-annotation-{split}.csv in it")
        prefix = folders[split].relative_to(root)
        listing.unusable += _read_joints(table, prefix, rows)
        splits |= dict.fromkeys(rows.keys() - splits.keys(), split)
    for split in SPLITS:
        _add_pairs(listing, pairs[split], split, folders[split].relative_to(root), splits)
    _add_photos(listing, root, folders, tables, splits, LAYOUTS[layout].person)
    return PublishedPictures(listing, listing.match_landmarks([*rows.values()], root), tables)


def _table(root: Path, kind: str, split: str) -> Path | None:
    pattern = f"*-{kind}-{split}.csv"
    found = sorted(root.glob(pattern))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ValueError(f"{root}: expected one file {pattern}, got {names}")
    return found[0] if found else None


def _pictures_folder(root: Path, split: str) -> Path:
    return next(folder for folder in (root / split, root / "images", root) if folder.is_dir())


def _read_joints(table: Path, prefix: Path, rows: dict[str, LandmarkRow]) -> Iterator[Skipped]:
    """Add the rows of a file, by source, and yield those that cannot be used."""
    annotations = read_pose_annotations(table)
    for row in annotations.rows:
        source = (prefix / row.image).as_posix()
        if source in rows:
            detail = f"{row.image} is already in {rows[source].where}"
            yield Skipped(row.where, "name twice", detail)
        else:
            rows[source] = row._replace(image=source)
    for image, where, reason, detail in annotations.problems:
        source = None if image is None else (prefix / image).as_posix()
        if source is None or source in rows:  # the image itself is used
            yield Skipped(where, reason, detail)
        else:
            yield Skipped(source, reason, f"{where}: {detail}" if detail else where)


def _add_photos(
    listing: Listing,
    root: Path,
    folders: dict[Split, Path],
    tables: list[Path],
    splits: dict[str, Split],
    person: Callable[[str], str],
) -> None:
    found: set[str] = set()
    for folder in dict.fromkeys(folders.values()):
        sources, others = photo_sources(folder, besides=tables)
        found |= {(folder.relative_to(root) / source).as_posix() for source in sources}
        for suffix, count in others.items():
            listing.other_files[suffix] = listing.other_files.get(suffix, 0) + count
    listing.photos = [
        ListedPhoto(root / source, source, person(Path(source).stem), splits.get(source))
        for source in sorted(found)
    ]


def _add_pairs(
    listing: Listing, table: Path | None, split: Split, prefix: Path, splits: dict[str, Split]
) -> None:
    if table is None:
        listing.notes.append(f"no *-pairs-{split}.csv: no pairs are listed for {split}")
        return
    if listing.pairs is None:
        listing.pairs = PairList([])
    listing.pairs = listing.pairs._replace(lists=(*listing.pairs.lists, split))
    seen: dict[tuple[str, str], int] = {}
    for number, row in _pair_rows(table):
        where = f"{table.name} line {number}"
        if len(row) != 2 or not all(row):
            detail = f"expected from,to, got {','.join(row):.80}"
            listing.unusable.append(Skipped(where, "expected two different names", detail))
            continue
        a, b = ((prefix / name).as_posix() for name in row)
        if across := [source for source in (a, b) if splits.get(source, split) != split]:
            detail = f"{' and '.join(across)} not of {split}"
            listing.unusable.append(Skipped(where, "pair across the split", detail))
        elif seen.setdefault((a, b), number) != number:
            detail = f"{a} and {b} are already in line {seen[a, b]}"
            listing.unusable.append(Skipped(where, "pair listed twice", detail))
        else:
            listing.pairs.pairs.append(ListedPair((split,), a, b, where))


def _pair_rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and values of each line."""
    lines = read_table(table)
    _, header = next(lines, (1, []))
    if [name.strip() for name in header] != ["from", "to"]:
        raise ValueError(
            f"{table}: line 1: expected the header 'from,to', got {','.join(header)!r}"
        )
    for number, row in lines:
        yield number, [name.strip() for name in row]
