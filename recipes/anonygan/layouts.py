"""Folder layouts of photos and people.

plain    <person>/<any path>; a photo directly in the folder is a person of its own, named after it
celeba   img_align_celeba/000001.jpg, identity_CelebA.txt ("000001.jpg 2880")
ffhq     00000/00012.png: every photo is a person of its own, whatever folder it lies in
lfw      lfw/<Name>/<Name>_0001.jpg, pairs.txt (may be missing)

``source``, the name of a photo in landmark files and in the manifest, is its path in the folder
of photos: the given one, ``img_align_celeba`` or ``lfw``.
"""

from collections.abc import Callable
from pathlib import Path

from graphgan.data import ListedPair, ListedPhoto, Listing, PairList, Skipped, photo_sources


def celeba(root: Path) -> Listing:
    folder = _first(root, "img_align_celeba", "Img/img_align_celeba")
    table = _first(root, "identity_CelebA.txt", "Anno/identity_CelebA.txt")
    identities = _identities(table)
    sources, others = photo_sources(folder)
    listing = Listing([], other_files=others)
    for source in sources:
        if source in identities:
            listing.photos.append(ListedPhoto(folder / source, source, identities.pop(source)))
        else:
            listing.unusable.append(Skipped(source, "no identity", f"not in {table.name}"))
    if identities:
        listing.notes.append(f"{len(identities)} rows of {table.name} have no photo")
    return listing


def ffhq(root: Path) -> Listing:
    sources, others = photo_sources(root)
    people = [Path(source).with_suffix("").as_posix().replace("/", "-") for source in sources]
    photos = [ListedPhoto(root / s, s, person) for s, person in zip(sources, people, strict=True)]
    return Listing(photos, other_files=others)


def lfw(root: Path) -> Listing:
    folder = _first(root, "lfw", "lfw_funneled", "lfw-deepfunneled")
    listing = Listing.of_folder(folder)
    if (table := root / "pairs.txt").is_file():
        listing.pairs = _lfw_pairs(table)
    else:
        listing.notes.append(f"no {table}: pairs.csv is not written")
    return listing


LAYOUTS: dict[str, Callable[[Path], Listing]] = {
    "plain": Listing.of_folder,
    "celeba": celeba,
    "ffhq": ffhq,
    "lfw": lfw,
}


def list_photos(root: Path, layout: str) -> Listing:
    """List the photos in a folder.

    Raises:
        ValueError: the folder is missing, has no photos, or lacks a file of its layout.
    """
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder")
    listing = LAYOUTS[layout](root)
    listing.require_photos(root)
    return listing


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


def _lfw_pairs(table: Path) -> PairList:
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
    pairs = [_lfw_pair(table, n, line, (n - 2) // (2 * each)) for n, line in enumerate(lines, 2)]
    return PairList(pairs, ("fold", "same", "image_a", "image_b"))


def _lfw_pair(table: Path, number: int, line: str, fold: int) -> ListedPair:
    where = f"{table.name} line {number}"
    match line.split():
        case [name, i, j] if i.isdecimal() and j.isdecimal():
            return ListedPair((fold, 1), _lfw_source(name, i), _lfw_source(name, j), where)
        case [name, i, other, j] if i.isdecimal() and j.isdecimal():
            return ListedPair((fold, 0), _lfw_source(name, i), _lfw_source(other, j), where)
    raise ValueError(
        f"{table}: line {number}: expected 'name i j' or 'name i name j', got {line!r}"
    )


def _lfw_source(name: str, number: str) -> str:
    return f"{name}/{name}_{int(number):04d}.jpg"
