"""Check a prepared folder before training: python recipes/bigraphgan/check.py DIR"""

import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import UInt8
from persons import SMALLEST_SIDE
from torch import Tensor

from graphgan.commands import run_command
from graphgan.data import (
    SPLITS,
    CheckOptions,
    Pairs,
    Picture,
    PreparedPictures,
    Problem,
    draw_skeleton,
    picture_problems,
    report_check,
)
from graphgan.landmarks import OPENPOSE_18, OPENPOSE_18_JOINTS


@dataclass(frozen=True, kw_only=True)
class Options(CheckOptions):
    """Count and check the persons in a prepared folder, and draw a few of them.

    The exit status is 1 if training on the folder would fail.
    """

    folder: Path
    """Folder written by prepare.py."""


def main(options: Options) -> int:
    persons = PreparedPictures(options.folder, scheme=OPENPOSE_18)
    problems = [problem for i in range(len(persons)) for problem in picture_problems(persons, i)]
    counts = _missing_joints(persons)
    for split in SPLITS:
        if any(row.split == split for row in persons.pictures):
            problems += _split_problems(PreparedPictures(options.folder, split), counts)
        elif split == "train":
            problems.append(Problem("no images to train on", "manifest.csv", fatal=True))
    return report_check(options, persons, problems, _draw, counts, smallest=SMALLEST_SIDE)


def _missing_joints(persons: PreparedPictures) -> list[str]:
    joints = torch.stack([row.landmarks for row in persons.pictures])
    counts = joints.isnan().any(-1).sum(0).tolist()
    missing = [
        f"{name} {count}".replace(" ", "_")  # a joint stays on one line
        for name, count in zip(OPENPOSE_18_JOINTS, counts, strict=True)
        if count
    ]
    text = f"images that lack a joint: {', '.join(missing) or 'none'}"
    lines = textwrap.wrap(text, width=96, subsequent_indent="    ")
    return [line.replace("_", " ") for line in lines]


def _split_problems(persons: PreparedPictures, counts: list[str]) -> Iterator[Problem]:
    """What may be wrong with the pairs of a split, which are counted."""
    try:
        pairs = persons.listed_pairs()
    except ValueError as error:
        yield Problem("listed pairs cannot be used", str(error), fatal=True)
        return
    if pairs is not None:
        counts.append(f"pairs listed for {persons.split}: {len(pairs.source)}")
        yield from _pairs_of_two_people(persons, pairs)
    elif max(Counter(persons.persons).values()) < 2:
        yield Problem(
            f"no two images of a person and no listed pairs in the split {persons.split}",
            "manifest.csv",
            fatal=persons.split == "train",
        )


def _pairs_of_two_people(persons: PreparedPictures, pairs: Pairs) -> Iterator[Problem]:
    for a, b in zip(pairs.condition.tolist(), pairs.source.tolist(), strict=True):
        if persons.persons[a] != persons.persons[b]:
            where = f"{persons.pictures[a].image} and {persons.pictures[b].image}"
            yield Problem("listed pair of two people", where)


def _draw(person: Picture) -> UInt8[Tensor, "3 h w"]:
    radius = person.image.shape[1] / 128
    return draw_skeleton(person.image, person.landmarks, OPENPOSE_18.edges, radius=radius)


if __name__ == "__main__":
    run_command(main, Options, positional=True)
