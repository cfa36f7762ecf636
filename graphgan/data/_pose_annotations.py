"""Joint annotations as published with the data sets for person image generation.

A line an image, in columns that colons part, after a header: its name, then the y and the x of the
18 joints of OpenPose, each a JSON list, -1 where a joint is missing:

    name:keypoints_y:keypoints_x
    0002_c1s1_000451_03.jpg: [16, 32, ..., -1]: [25, 30, ..., -1]
"""

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import torch

from graphgan.data._landmark_files import LARGEST_COORDINATE, LandmarkRow
from graphgan.landmarks import OPENPOSE_18

HEADER = "name:keypoints_y:keypoints_x"
_MISSING = -1


class BadAnnotation(NamedTuple):
    """A line that cannot be used: a short reason and details.

    Args:
        image: the image's name; None where the line has none.
        where: the file's name and the line.
    """

    image: str | None
    where: str
    reason: str
    detail: str


class PoseAnnotations(NamedTuple):
    """The usable lines of a file, and all others except blank ones."""

    rows: list[LandmarkRow]
    problems: list[BadAnnotation]


def read_pose_annotations(path: str | Path) -> PoseAnnotations:
    """Read a file with annotations of OpenPose's 18 joints.

    A joint is missing if either coordinate is -1. For a repeated image, the first line is used.

    Raises:
        ValueError: another header; the message gives the expected and the actual one.
        OSError: the file does not exist or cannot be read.
    """
    path = Path(path)
    text = path.read_text("utf-8-sig", errors="surrogateescape")
    header, *lines = text.split("\n")
    if header.strip() != HEADER:
        raise ValueError(f"{path}: line 1: expected the header {HEADER!r}, got {header!r}")
    annotations = PoseAnnotations([], [])
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        image, where = line.partition(":")[0].strip() or None, f"{path.name} line {number}"
        try:
            if image is None:
                raise _BadLineError("no name", f"got {line!r}")
            if seen.setdefault(image, number) != number:
                raise _BadLineError("name twice", f"{image} is already in line {seen[image]}")
            joints = torch.tensor(_joints(line), dtype=torch.float64)
            annotations.rows.append(LandmarkRow(image, joints, where))
        except _BadLineError as error:
            annotations.problems.append(BadAnnotation(image, where, *error.args))
    return annotations


class _BadLineError(Exception):
    """Reason and detail."""


def _joints(line: str) -> list[tuple[float, float]]:
    """(x, y) of each joint, NaN where missing."""
    columns = line.split(":")
    if len(columns) != 3:
        raise _BadLineError("not three columns", f"expected {HEADER}, got {len(columns)}")
    y, x = _numbers("keypoints_y", columns[1]), _numbers("keypoints_x", columns[2])
    if len(y) != len(x):
        raise _BadLineError("unequal list lengths", f"{len(y)} numbers of y, {len(x)} of x")
    if len(y) != OPENPOSE_18.num_landmarks:
        raise _BadLineError("not 18 joints", f"expected {OPENPOSE_18.num_landmarks}, got {len(y)}")
    nowhere = (math.nan, math.nan)
    joints = [nowhere if _MISSING in point else point for point in zip(x, y, strict=True)]
    if all(point is nowhere for point in joints):
        raise _BadLineError("all joints missing", "")
    return joints


def _numbers(name: str, text: str) -> list[float]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _BadLineError("broken JSON", f"{name}: {error}") from None
    if not isinstance(values, list):
        raise _BadLineError("broken JSON", f"{name}: expected a list, got {text.strip()[:40]}")
    return [_number(name, value) for value in values]


def _number(name: str, value: object) -> float:
    number = math.nan
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        with suppress(OverflowError):  # JSON integers are unbounded
            number = float(value)
    if not math.isfinite(number):
        raise _BadLineError("not a number", f"{name}: expected finite numbers, got {value!r:.40}")
    if abs(number) > LARGEST_COORDINATE:
        raise _BadLineError("not a coordinate", f"{name}: expected pixels, got {value!r:.40}")
    return number
