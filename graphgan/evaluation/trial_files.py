"""Save trials as pairs.csv, to evaluate other systems on the same images."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, get_args

from graphgan.data.prepared import PreparedPicture
from graphgan.data.tables import read_table, write_table
from graphgan.evaluation.trials import Reason, Trials

_COLUMNS = ("role", "image", "condition", "video", "not_asked")
_ROLES = ("probe", "gallery", "lesson")


class _Row(NamedTuple):
    """A line of the file, without its role."""

    number: int
    condition: int | None
    video: str
    reason: Reason


def write_trials(path: Path, pictures: Sequence[PreparedPicture], trials: Trials) -> None:
    """Write one row per image.

    Columns: ``role`` (probe, gallery or lesson), ``image``, and for probes the condition, the video
    and the reason for excluding it from re-identification (empty if it is included).
    """
    conditions = [pictures[i].image for i in trials.conditions] or [""] * len(trials.probes)
    columns = (trials.probes, conditions, trials.videos, trials.reasons)
    rows = [("probe", pictures[i].image, *own) for i, *own in zip(*columns, strict=True)]
    rows += [("gallery", pictures[i].image, "", "", "") for i in trials.gallery]
    rows += [("lesson", pictures[i].image, "", "", "") for i in trials.lessons]
    write_table(path, _COLUMNS, rows)


def read_trials(path: Path, pictures: Sequence[PreparedPicture]) -> Trials:
    """Read a file of `write_trials`, for the same images.

    Raises:
        ValueError: another kind of file, unknown images, or an included probe that is also in the
            gallery or the lessons; the message gives file and line.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected the pairs.csv of another evaluation")
    lines = read_table(path)
    if tuple(next(lines, (1, []))[1]) != _COLUMNS:
        raise ValueError(f"{path}: expected the columns {','.join(_COLUMNS)}")
    numbers = {picture.image: i for i, picture in enumerate(pictures)}
    found: dict[str, list[_Row]] = {role: [] for role in _ROLES}
    where: dict[int, int] = {}
    for line, values in lines:
        try:
            role, row = _row(values, pictures, numbers)
        except ValueError as error:
            raise ValueError(f"{path}: line {line}: {error}") from None
        found[role].append(row)
        if role == "probe":
            where[row.number] = line
    trials = _trials(path, found)
    _check(path, pictures, trials, where)
    return trials


def _row(
    values: list[str], pictures: Sequence[PreparedPicture], numbers: dict[str, int]
) -> tuple[str, _Row]:
    if len(values) != len(_COLUMNS) or values[0] not in _ROLES:
        raise ValueError(f"expected {', '.join(_COLUMNS)}, the role one of {', '.join(_ROLES)}")
    role, image, condition, video, reason = values
    if missing := {image, *filter(None, [condition])} - numbers.keys():
        raise ValueError(f"no image {min(missing)} in this folder")
    known = {text: text for text in get_args(Reason)}
    if reason not in known:
        raise ValueError(f"expected not_asked to be empty or one of {', '.join(known)}")
    shown = numbers[condition] if condition else None
    if shown is not None and pictures[numbers[image]].person == pictures[shown].person:
        raise ValueError("expected a condition of another person")
    return role, _Row(numbers[image], shown, video, known[reason])


def _trials(path: Path, found: dict[str, list[_Row]]) -> Trials:
    probes = found["probe"]
    conditions = tuple(row.condition for row in probes if row.condition is not None)
    if conditions and len(conditions) < len(probes):
        raise ValueError(f"{path}: expected a condition beside every probe, or beside none")
    try:
        return Trials(
            tuple(row.number for row in probes),
            conditions,
            tuple(row.number for row in found["gallery"]),
            tuple(row.number for row in found["lesson"]),
            tuple(row.video for row in probes),
            tuple(row.reason for row in probes),
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _check(
    path: Path, pictures: Sequence[PreparedPicture], trials: Trials, lines: dict[int, int]
) -> None:
    """Who sees a probe beforehand recognizes it: that is no attack."""
    for role, seen in (("gallery", set(trials.gallery)), ("lesson", set(trials.lessons))):
        for number, reason in zip(trials.probes, trials.reasons, strict=True):
            if number in seen and not reason:
                raise ValueError(
                    f"{path}: line {lines[number]}: {pictures[number].image} is a {role} image "
                    "and a probe that is asked; expected a reason in the column not_asked"
                )
