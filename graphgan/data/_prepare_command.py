"""The parts that the recipes' `prepare` commands share: options, a progress bar and a report."""

import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from graphgan.data._listing import Listing
from graphgan.data._photos import CropRule
from graphgan.data._prepared import SPLITS
from graphgan.data._preparing import LandmarkSource, Preparation, prepare_pictures
from graphgan.extras import needs_extra
from graphgan.landmarks import LandmarkScheme


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """Crop images from photos and write a folder to train on."""

    images: Path
    """Folder of photos."""
    out: Path
    """Folder to write."""
    test_people: int | None = None
    """Number of people to keep for testing (the last ones in sorted order). Default: a tenth of all
    people."""
    workers: int = os.cpu_count() or 1
    """Number of processes."""
    on_error: Literal["skip", "stop"] = "skip"
    """What to do with unusable photos: list them in skipped.csv, or stop."""
    overwrite: bool = False
    """Replace a folder that was prepared with other options."""

    def __post_init__(self) -> None:
        images, out = self.images.resolve(), self.out.resolve()
        if out.is_relative_to(images):
            raise ValueError(
                f"--out {self.out}: is inside --images {self.images}; choose a folder outside it"
            )
        if images.is_relative_to(out):
            raise ValueError(
                f"--out {self.out}: contains --images {self.images}; choose another folder"
            )


def file_checksum(path: Path) -> str:
    """Short checksum of a file's content."""
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def prepare_and_report(
    options: PrepareOptions,
    listing: Listing,
    landmarks: LandmarkSource,
    *,
    size: tuple[int, int],
    scheme: LandmarkScheme,
    crop: CropRule,
    depends_on: Mapping[str, Any],
) -> None:
    """Prepare the photos behind a progress bar, and print what became of them.

    Where no photo says its split, the people are split.

    Args:
        depends_on: what else the result depends on, as JSON would hold it.
    Raises:
        ValueError, OSError: see `prepare_pictures`.
    """
    with needs_extra("recipes"):
        from tqdm import tqdm
    start = time.perf_counter()
    preparation = prepare_pictures(
        listing.photos,
        landmarks,
        options.out,
        size=size,
        scheme=scheme,
        crop=crop,
        options=depends_on,
        test_people=_test_people(options, listing),
        unusable=listing.unusable,
        pairs=listing.pairs,
        workers=options.workers,
        stop_on_error=options.on_error == "stop",
        overwrite=options.overwrite,
        progress=lambda results, total: tqdm(results, total=total, unit="photo", smoothing=0),
    )
    _report(options.out, listing, preparation, time.perf_counter() - start)


def _test_people(options: PrepareOptions, listing: Listing) -> int | None:
    if any(photo.split for photo in listing.photos):
        return None
    people = len({photo.person for photo in listing.photos})
    return round(people / 10) if options.test_people is None else options.test_people


def _report(out: Path, listing: Listing, preparation: Preparation, seconds: float) -> None:
    info, done = preparation
    (height, width), splits = info["size"], info["splits"]
    outside, missing = info["landmarks_outside_photo"], info["landmarks_missing"]
    print(f"{out}: {info['images']} images of {info['people']} people, {width} x {height} pixels")
    for split in SPLITS:
        print(f"  {split}: {splits[split]['images']} images of {splits[split]['people']} people")
    print(f"  landmarks outside the photo: {outside['landmarks']} in {outside['images']} photos")
    print(f"  landmarks missing: {missing['landmarks']} in {missing['images']} photos")
    if "pairs" in info:
        print(f"  pairs: {info['pairs']['kept']}, left out: {info['pairs']['left_out']}")
    skipped = ", ".join(f"{count} {reason}" for reason, count in info["skipped"].items())
    print(f"  skipped: {skipped + ' (skipped.csv)' if skipped else 'none'}")
    if listing.other_files:
        print(f"  files that are not photos: {dict(sorted(listing.other_files.items()))}")
    for note in listing.notes:
        print(f"  {note}")
    if done:
        print(f"  {done} photos in {seconds:.1f} s, {done / seconds:.0f} photos/s")
    else:
        print("  nothing left to do")
