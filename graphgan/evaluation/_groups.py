"""Groups of probes, which show for which images a figure is worse.

`probe_groups` halves them by pose, size and light; `read_groups` reads properties of people or
images from a CSV file, such as sex and age.

The name of a group is ``KIND: VALUE``, such as "sex: female". Groups of one kind are compared.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.data import read_table, to_float_image
from graphgan.data._prepared import PreparedPicture
from graphgan.evaluation._study import Study
from graphgan.landmarks import face_mask
from graphgan.metrics import yaw
from graphgan.metrics._regions import luminance

Groups = dict[str, Bool[Tensor, "n"]]
"""Which probes belong to a group, by its name."""


def probe_groups(study: Study) -> Groups:
    """Split the probes in halves by pose, size and light.

    - turned: how far the tip of the nose is from the middle between the ends of the jaw, along the
      line through them, in widths of the jaw;
    - size: width of the face's crop in its photo, in pixels;
    - light: mean luma inside the face mask, 0 to 255.

    Probes with a landmark missing are in no group of pose and light.
    """
    probes = study.protocol.probes
    crops = [study.pictures.pictures[i].crop.width for i in probes]
    return {
        **_halves("pose: from the front", "pose: turned", _turned(study), "{:.2f} jaw widths"),
        **_halves("size: small", "size: large", torch.tensor(crops), "a crop of {:.0f} pixels"),
        **_halves("light: dark", "light: bright", _light(study), "a luma of {:.0f}"),
    }


def _halves(low: str, high: str, values: Float[Tensor, "n"], unit: str) -> Groups:
    there = values[values.isfinite()]
    if not len(there) or there.amin() == there.amax():
        return {}
    middle = float(there.median())
    limit = unit.format(middle)
    return {f"{low} (up to {limit})": values <= middle, f"{high} (more)": values > middle}


def _turned(study: Study) -> Float[Tensor, "n"]:
    return yaw(study.landmarks(study.protocol.probes)).abs() / 2


def _light(study: Study) -> Float[Tensor, "n"]:
    probes = study.protocol.probes
    scheme = study.pictures.scheme
    mask = face_mask(study.own_landmarks(probes), study.pictures.size, scheme=scheme)
    luma = (luminance(to_float_image(study.images(probes))) + 1) * 127.5
    means = (luma * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3))
    return torch.where(study.complete, means, torch.nan)


_KEYS = ("image", "person")
_LEAST_PEOPLE = 5  # in a group: a figure of fewer says little
_MOST_VALUES = 12  # of words; a column of more is shown by its largest groups


def parse_bins(texts: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Parse bins such as ``("age=30,50",)``: the numbers at which the groups of a column begin.

    Raises:
        ValueError: another form, or numbers that do not increase.

    Example:
        >>> parse_bins(["age=30,50"])
        {'age': (30.0, 50.0)}
    """
    bins = {}
    for text in texts:
        column, _, numbers = text.partition("=")
        try:
            edges = tuple(float(number) for number in numbers.split(","))
        except ValueError:
            edges = ()
        if not column or not edges or list(edges) != sorted(set(edges)):
            raise ValueError(f"expected bins such as age=30,50 with rising numbers, got {text!r}")
        bins[column] = edges
    return bins


def read_groups(
    path: Path,
    probes: Sequence[PreparedPicture],
    *,
    bins: Mapping[str, tuple[float, ...]] | None = None,
) -> tuple[Groups, list[str]]:
    """Group the probes by the columns of a file.

    The first column named ``image`` or ``person`` identifies the subject of a line: the prepared
    image or the photo with that path or name, with or without its extension, or all images of a
    person. Every other column gives groups: a column of words one group for each word, a column of
    numbers three groups of equally many probes, or those between the ``bins``. Groups of fewer than
    five people are left out.

    Args:
        path: of the file.
        probes: the probes, in order.
        bins: by column, the numbers at which its groups begin after the first.
    Returns:
        Groups, and remarks on probes that are in none of them.
    Raises:
        ValueError: the file does not exist or lacks these columns, a line has another length, no
            line describes a probe, or bins name a column that is missing or has no numbers.
    """
    columns = _columns(path, probes)
    if unknown := [name for name in bins or {} if name not in columns]:
        raise ValueError(
            f"{path}: expected bins of a column among {', '.join(columns)}, got {unknown[0]!r}"
        )
    groups: Groups = {}
    remarks = []
    for name, values in columns.items():
        found, few = _large_enough(_of_column(path, name, values, (bins or {}).get(name)), probes)
        groups |= found
        if empty := sum(not value for value in values):
            remarks.append(f"groups: {empty} of {len(probes)} probes have no {name}")
        if few:
            remarks.append(
                f"groups: {few} values of {name} have fewer than {_LEAST_PEOPLE} people and are "
                "left out"
            )
    return groups, remarks


def _columns(path: Path, probes: Sequence[PreparedPicture]) -> dict[str, list[str]]:
    """The value of each probe in every column, empty where there is none."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected a CSV file of groups")
    lines = read_table(path)
    header = next(lines, (1, []))[1]
    key = next((name for name in header if name in _KEYS), None)
    names = [name for name in header if name not in _KEYS]
    if key is None or not names:
        raise ValueError(
            f"{path}: expected a column image or person and others such as sex or age, got the "
            f"columns {','.join(header)}"
        )
    rows: dict[str, dict[str, str]] = {}
    for number, values in lines:
        if len(values) != len(header):
            raise ValueError(
                f"{path}: line {number}: expected {len(header)} values, got {len(values)}"
            )
        row = {name: value.strip() for name, value in zip(header, values, strict=True)}
        rows[row[key]] = row
    found = [_row_of(picture, key, rows) for picture in probes]
    if not any(found):
        known = next(iter(rows), "no line")
        wanted = probes[0].person if key == "person" else probes[0].source
        raise ValueError(
            f"{path}: expected lines for the probes, such as {key} {wanted}, got {known} and others"
        )
    return {name: [row.get(name, "") for row in found] for name in names}


def _row_of(
    picture: PreparedPicture, key: str, rows: Mapping[str, dict[str, str]]
) -> dict[str, str]:
    if key == "person":
        return rows.get(picture.person, {})
    paths = (picture.image, picture.image.removeprefix("images/"), picture.source)
    names = [*paths, *(path.rsplit(".", 1)[0] for path in paths), picture.name]
    return next((rows[name] for name in names if name in rows), {})


def _of_column(
    path: Path, name: str, values: Sequence[str], edges: tuple[float, ...] | None
) -> Groups:
    numbers = _numbers(values)
    if numbers is None:
        if edges is not None:
            raise ValueError(f"{path}: expected numbers in the column {name}, which has bins")
        return {
            f"{name}: {word}": torch.tensor([value == word for value in values])
            for word in sorted(set(filter(None, values)))
        }
    there = numbers[numbers.isfinite()]
    if edges is None:
        if there.amin() == there.amax():
            return {}
        shares = torch.tensor([1 / 3, 2 / 3], dtype=there.dtype)
        thirds = torch.quantile(there, shares, interpolation="higher")  # values that occur
        edges = tuple(sorted({float(edge) for edge in thirds if edge > there.amin()}))
    ends = (-math.inf, *edges, math.inf)
    return {
        f"{name}: {_span(low, high)}": (numbers >= low) & (numbers < high)
        for low, high in pairwise(ends)
    }


def _numbers(values: Sequence[str]) -> torch.Tensor | None:
    """The values of a column of numbers, NaN where empty; None of words."""
    try:
        numbers = [float(value) if value else math.nan for value in values]
    except ValueError:
        return None
    found = torch.tensor(numbers, dtype=torch.float64)
    return found if found.isfinite().any() else None


def _span(low: float, high: float) -> str:
    if low == -math.inf:
        return f"below {high:g}"
    return f"{low:g} or more" if high == math.inf else f"{low:g} to below {high:g}"


def _large_enough(groups: Groups, probes: Sequence[PreparedPicture]) -> tuple[Groups, int]:
    """Groups of enough people, the largest ones, and how many others there are."""
    people: dict[str, set[str]] = defaultdict(set)
    for name, members in groups.items():
        people[name] = {probes[i].person for i in torch.nonzero(members).flatten().tolist()}
    sizes = {name: len(own) for name, own in people.items() if len(own) >= _LEAST_PEOPLE}
    largest = set(sorted(sizes, key=lambda name: -sizes[name])[:_MOST_VALUES])
    return {n: members for n, members in groups.items() if n in largest}, len(groups) - len(largest)
