"""Photos to a prepared folder.

python recipes/anonygan/prepare.py --images DIR --landmarks CSV|dlib --out DIR --size 128
"""

import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from layouts import Listing, list_photos
from torch import Tensor
from tqdm import tqdm

from graphgan.commands import run_command
from graphgan.data.landmark_files import read_landmarks
from graphgan.data.preparing import Landmarks, Preparation, Skipped, prepare_faces
from graphgan.landmarks.detection import DlibDetector
from graphgan.landmarks.schemes import IBUG_68


@dataclass(frozen=True)
class Options:
    """Cut square faces out of photos and write a folder to train on.

    It can be killed at any time: the same command goes on where it was.
    """

    images: Path
    """Folder of photos."""
    landmarks: str
    """A CSV file (image,x0,y0,...,x67,y67), or "dlib" to detect them."""
    out: Path
    """Folder to write."""
    size: int = 128
    """Pixels of a face's side."""
    layout: Literal["plain", "celeba", "lfw"] = "plain"
    """How the photos are laid out (plain: a folder for each person)."""
    test_people: int | None = None
    """People kept for testing, the last in sorted order; a tenth of all when not given."""
    workers: int = os.cpu_count() or 1
    """Processes."""
    on_error: Literal["skip", "stop"] = "skip"
    """What to do with a photo that cannot be used: list it in skipped.csv, or stop."""
    upsample: int = 1
    """With dlib: how many times a photo is doubled first, to find smaller faces."""
    weights: Path | None = None
    """With dlib: a 68-point predictor instead of the non-commercial one of graphgan[faces]."""
    overwrite: bool = False
    """Replace a folder that was prepared with other options."""


def main(options: Options) -> None:
    _refuse_overlap(options.images, options.out)
    listing = list_photos(options.images, options.layout)
    landmarks, identity = _landmarks(options, listing)
    start = time.perf_counter()
    preparation = prepare_faces(
        listing.photos,
        landmarks,
        options.out,
        size=options.size,
        test_people=_test_people(options, listing),
        options={"layout": options.layout, **identity},
        unusable=listing.unusable,
        pairs=listing.pairs,
        workers=options.workers,
        stop_on_error=options.on_error == "stop",
        overwrite=options.overwrite,
        progress=lambda results, total: tqdm(results, total=total, unit="photo", smoothing=0),
    )
    _report(options.out, listing, preparation, time.perf_counter() - start)


def _refuse_overlap(images: Path, out: Path) -> None:
    real_images, real_out = images.resolve(), out.resolve()
    if real_out.is_relative_to(real_images):
        raise ValueError(f"--out {out}: lies inside --images {images}; choose a folder outside it")
    if real_images.is_relative_to(real_out):
        raise ValueError(f"--out {out}: holds --images {images}; choose another folder")


def _landmarks(options: Options, listing: Listing) -> tuple[Landmarks, dict[str, Any]]:
    """The source of landmarks, and what of it the result depends on."""
    if options.landmarks == "dlib":
        make = partial(DlibDetector, options.upsample, weights=options.weights)
        weights = None if options.weights is None else _checksum(options.weights)
        return make, {"landmarks": "dlib", "upsample": options.upsample, "weights": weights}
    path = Path(options.landmarks)
    if not path.is_file():
        raise ValueError(f"--landmarks {path}: no such file; expected a CSV file, or dlib")
    rows = {row.image: row.landmarks for row in read_landmarks(path)}
    count = len(next(iter(rows.values())))
    if count != IBUG_68.num_landmarks:
        raise ValueError(f"{path}: expected 68 landmarks (iBUG order), got {count}")
    _leave_out_unmatched(rows, listing)
    if not listing.photos:
        raise ValueError(
            f"{path}: none of its {len(rows)} images is a photo of {options.images}; the first is "
            f"{next(iter(rows))}, a path in that folder was expected"
        )
    return rows, {"landmarks": _checksum(path)}


def _leave_out_unmatched(rows: Mapping[str, Tensor], listing: Listing) -> None:
    """Count photos without a row, and rows without a photo, as unusable."""
    without_row = [photo.source for photo in listing.photos if photo.source not in rows]
    without_photo = rows.keys() - {photo.source for photo in listing.photos}
    without_photo -= {skipped.source for skipped in listing.unusable}
    listing.photos = [photo for photo in listing.photos if photo.source in rows]
    listing.unusable += [Skipped(source, "no landmarks in the file") for source in without_row]
    listing.unusable += [Skipped(source, "no such photo") for source in sorted(without_photo)]


def _checksum(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def _test_people(options: Options, listing: Listing) -> int:
    people = len({photo.person for photo in listing.photos})
    return round(people / 10) if options.test_people is None else options.test_people


def _report(out: Path, listing: Listing, preparation: Preparation, seconds: float) -> None:
    info, done = preparation
    splits = info["splits"]
    outside = info["landmarks_outside_photo"]
    print(f"{out}: {info['images']} faces of {info['people']} people, {info['size']} pixels a side")
    for split in ("train", "test"):
        print(f"  {split}: {splits[split]['images']} faces of {splits[split]['people']} people")
    print(f"  landmarks outside the photo: {outside['landmarks']} in {outside['images']} photos")
    print(f"  landmarks missing: {info['landmarks_missing']['landmarks']}")
    if "pairs" in info:
        print(f"  pairs: {info['pairs']['kept']}, left out: {info['pairs']['left_out']}")
    skipped = ", ".join(f"{count} {reason}" for reason, count in info["skipped"].items())
    print(f"  skipped: {skipped + ' (skipped.csv)' if skipped else 'none'}")
    if listing.other_files:
        print(f"  files that are no photos: {dict(sorted(listing.other_files.items()))}")
    for note in listing.notes:
        print(f"  {note}")
    if done:
        print(f"  {done} photos in {seconds:.1f} s, {done / seconds:.0f} photos/s")
    else:
        print("  nothing was left to do")


if __name__ == "__main__":
    run_command(main, Options)
