"""Prepare a folder of person images from photos.

python recipes/bigraphgan/prepare.py --images DIR --landmarks blazepose --out DIR
python recipes/bigraphgan/prepare.py --images DIR --landmarks CSV --joints coco-17 --out DIR
python recipes/bigraphgan/prepare.py --images DIR --layout market --out DIR
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from layouts import LAYOUTS, list_published
from torch import Tensor

from graphgan.commands import run_command
from graphgan.data import (
    CropRule,
    LandmarkSource,
    Listing,
    PrepareOptions,
    file_checksum,
    prepare_and_report,
    read_landmarks,
)
from graphgan.landmarks import OPENPOSE_18, JointLayout, to_openpose_18
from graphgan.persons import BlazePose

SIZE = (128, 64)
"""Of own photos, where nothing else is asked for."""
_OF_OWN_PHOTOS = ("landmarks", "joints", "upsample", "size", "test_people")


@dataclass(frozen=True, kw_only=True)
class Options(PrepareOptions):
    """Prepare a folder of person images, joints and pairs to train on.

    If it is interrupted, run the same command again to continue.
    """

    layout: Literal["plain", "market", "deepfashion"] = "plain"
    """Layout of the photos. plain: your own photos, one folder per person; market or deepfashion:
    the published data sets."""
    landmarks: str | None = None
    """With --layout plain: a CSV file of joints (image,x0,y0,x1,y1,...) in pixels of the photos, or
    "blazepose" to detect them."""
    joints: JointLayout | None = None
    """Joint layout of the CSV file. Default: openpose-18."""
    upsample: int | None = None
    """With blazepose: number of times to double the photos, to find smaller persons too. Default:
    0."""
    size: tuple[int, int] | None = None
    """With --layout plain: height and width of the images. Default: 128 64."""


class Persons(NamedTuple):
    """What to prepare, and what of the options the result depends on."""

    listing: Listing
    landmarks: LandmarkSource
    size: tuple[int, int]
    crop: CropRule
    depends_on: Mapping[str, Any]


def main(options: Options) -> None:
    persons = _own(options) if options.layout == "plain" else _published(options)
    prepare_and_report(
        options,
        persons.listing,
        persons.landmarks,
        size=persons.size,
        scheme=OPENPOSE_18,
        crop=persons.crop,
        depends_on={"layout": options.layout, **persons.depends_on},
    )


def _published(options: Options) -> Persons:
    for name in _OF_OWN_PHOTOS:
        if getattr(options, name) is not None:
            raise ValueError(
                f"--{name.replace('_', '-')}: expected with --layout plain only, "
                f"{options.layout} brings its own"
            )
    listing, landmarks, tables = list_published(options.images, options.layout)
    checksums = {table.name: file_checksum(table) for table in tables}
    size = LAYOUTS[options.layout].size
    return Persons(listing, landmarks, size, "whole", {"tables": checksums})


def _own(options: Options) -> Persons:
    if options.landmarks is None:
        raise ValueError("expected --landmarks, a CSV file or blazepose, with --layout plain")
    listing = Listing.of_folder(options.images)
    listing.require_photos(options.images)
    source = _detected if options.landmarks == "blazepose" else _from_file
    landmarks, depends_on = source(options, listing)
    return Persons(listing, landmarks, options.size or SIZE, "person", depends_on)


def _detected(options: Options, listing: Listing) -> tuple[LandmarkSource, dict[str, Any]]:
    """What makes the detector, and what of it the result depends on."""
    if options.joints is not None:
        raise ValueError("--joints: expected with a CSV file only, blazepose has its own")
    upsample = options.upsample or 0
    make = partial(BlazePose, upsample)
    depends_on = {"landmarks": "blazepose", "upsample": upsample, "detector": make().fingerprint}
    return make, depends_on


def _from_file(options: Options, listing: Listing) -> tuple[LandmarkSource, dict[str, Any]]:
    """The joints of each photo, and what of them the result depends on."""
    assert options.landmarks is not None
    path, joints = Path(options.landmarks), options.joints or "openpose-18"
    if options.upsample is not None:
        raise ValueError(f"--upsample: expected with --landmarks blazepose only, got {path}")
    rows = read_landmarks(path, expected="a CSV file, or blazepose")
    try:
        converted = to_openpose_18(torch.stack([row.landmarks for row in rows]), joints)
    except ValueError as error:
        raise ValueError(f"{path}: {error} (--joints {joints})") from None
    _note_oddities(converted, listing)
    rows = [row._replace(landmarks=points) for row, points in zip(rows, converted, strict=True)]
    landmarks = listing.match_landmarks(rows, options.images)
    return landmarks, {"landmarks": file_checksum(path), "joints": joints}


def _note_oddities(joints: Float[Tensor, "n 18 2"], listing: Listing) -> None:
    """Say so where joints look like missing ones or like fractions."""
    if at_corner := int((joints == 0).all(-1).any(-1).sum()):
        listing.notes.append(
            f"{at_corner} photos have joints at exactly (0, 0): leave missing joints empty"
        )
    inside_one = (joints.isnan() | ((joints >= 0) & (joints <= 1))).all(-1).all(-1)
    if fractions := int(inside_one.sum()):
        listing.notes.append(
            f"{fractions} photos have all joints between 0 and 1: multiply fractions by width "
            "and height"
        )


if __name__ == "__main__":
    run_command(main, Options)
