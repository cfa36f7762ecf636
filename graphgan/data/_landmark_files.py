"""Landmarks in a CSV file with the columns ``image,x0,y0,x1,y1,...``."""

import math
import re
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.data._tables import read_table

LARGEST_COORDINATE = 1e6
"""In pixels: more than an image has that may be read."""

_COORDINATE = re.compile(r"[xy](\d+)")


class LandmarkRow(NamedTuple):
    """The landmarks of one image.

    Args:
        where: file name and line number.
    Shapes:
        ``landmarks: k 2`` in pixels of the image, float64, NaN where missing
    """

    image: str
    landmarks: Float[Tensor, "k 2"]
    where: str = ""


def read_landmarks(
    path: str | Path, *, expected: str = "a CSV file of landmarks"
) -> list[LandmarkRow]:
    """Read a landmark file; all rows have the landmarks given by the header.

    A landmark whose two numbers are empty or ``nan`` is missing. Columns may be in any order;
    columns other than ``image`` and coordinates are ignored.

    Args:
        expected: what the message expects of a path that is not a file.
    Raises:
        ValueError: no such file; a column is missing or repeated, or rows are bad: too few or too
            many values, text, infinity, half a landmark, or a repeated image. The message names the
            file, the line of the first bad row, and the number of bad rows.
        OSError: the file cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected {expected}")
    lines = list(read_table(path))
    try:
        return _read_rows(lines, path.name)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _read_rows(lines: list[tuple[int, list[str]]], name: str) -> list[LandmarkRow]:
    if not lines:
        raise ValueError("expected a header image,x0,y0,..., got an empty file")
    (_, header), *lines = lines
    image_column, columns = _columns(header)
    rows: list[LandmarkRow] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for line, values in lines:
        try:
            if len(values) != len(header):
                raise ValueError(f"expected {len(header)} values, got {len(values)}")
            image = values[image_column]
            if not image:
                raise ValueError("the image has no name")
            if seen.setdefault(image, line) != line:
                raise ValueError(f"image {image} is already in line {seen[image]}")
            points = [_point(header, values, x, y) for x, y in columns]
            landmarks = torch.tensor(points, dtype=torch.float64)
            rows.append(LandmarkRow(image, landmarks, f"{name} line {line}"))
        except ValueError as error:
            problems.append(f"line {line}: {error}")
    if problems:
        raise ValueError(f"{problems[0]} (bad rows in all: {len(problems)})")
    if not rows:
        raise ValueError("expected rows of landmarks, got only a header")
    return rows


def _columns(header: list[str]) -> tuple[int, list[tuple[int, int]]]:
    """Where the image's name and the x and y of each landmark stand in a row."""
    numbers = {match[1] for name in header if (match := _COORDINATE.fullmatch(name))}
    wanted = ["image", *(f"{axis}{i}" for i in range(max(len(numbers), 1)) for axis in "xy")]
    for name in wanted:
        if (times := header.count(name)) != 1:
            raise ValueError(
                f"line 1: column {name} is missing" if not times else
                f"line 1: column {name} appears {times} times"
            )  # fmt: skip
    image, *flat = (header.index(name) for name in wanted)
    return image, list(zip(flat[::2], flat[1::2], strict=True))


def _point(header: list[str], values: list[str], *columns: int) -> tuple[float, ...]:
    point = tuple(_number(header[column], values[column]) for column in columns)
    if sum(map(math.isnan, point)) == 1:
        names = " and ".join(header[column] for column in columns)
        raise ValueError(
            f"one of {names} is missing: give both coordinates of a landmark or neither"
        )
    return point


def _number(name: str, text: str) -> float:
    try:
        value = float(text.strip() or "nan")
    except ValueError:
        raise ValueError(f"{name}: expected a number, got {text!r}") from None
    if abs(value) > LARGEST_COORDINATE:
        raise ValueError(f"{name}: expected a finite number of pixels, got {text!r:.40}")
    return value
