"""The protocol: which images are anonymized with which conditions, and which images an attacker
has.

A *probe* is an image that is anonymized; every image of the split is one. The *gallery* holds one
untouched image of each person who has images from two or more videos. *Parrot images* show people
in the gallery and come from the gallery's side: a parrot learns from their anonymized versions.
Re-identification only uses probes from a person's other videos, since frames of one video are
almost the same image. Every other probe has a reason why it is excluded.

`write_protocol` writes a protocol to a file (the pairs.csv of a report), so that other systems can
be measured in the same way.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from graphgan._checks import check_choice, check_positive
from graphgan.data import read_table
from graphgan.data._prepared import PreparedPicture
from graphgan.data._tables import write_table

Splits = Literal["train", "test", "all"]
"""Whose images: those of a split of the prepared folder, or all."""

ConditionRule = Literal["next", "drawn", "fixed"]
"""A random picture of the next person; of any other person, drawn for each picture; or one picture
for each person, whom it then always hides."""
Reason = Literal[
    "", "gallery image", "parrot image", "video on the gallery's side", "one video only"
]
"""Why a probe cannot be asked about re-identification; empty where it can."""

_Videos = dict[str, dict[str, list[int]]]
"""Numbers of pictures by person, by video."""


@dataclass(frozen=True)
class EvaluationProtocol:
    """The roles of images, each by its number in the prepared folder.

    Args:
        probes: the images to anonymize.
        conditions: one for each probe; empty if there is no other person.
        gallery: one image per person, of the probes' people and of others.
        parrot_images: of people in the gallery; may be empty.
        videos: the video of each probe, by a name that is unique for its person.
        reasons: why a probe is excluded from re-identification; empty if it is included.
    Raises:
        ValueError: no probes, or columns of different lengths.
    """

    probes: tuple[int, ...]
    conditions: tuple[int, ...]
    gallery: tuple[int, ...]
    parrot_images: tuple[int, ...]
    videos: tuple[str, ...]
    reasons: tuple[Reason, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.probes), len(self.videos), len(self.reasons)}
        if self.conditions:
            lengths.add(len(self.conditions))
        if not self.probes or len(lengths) > 1:
            raise ValueError(
                f"expected probes with a video and a reason for each, got {len(self.probes)} probes"
                f", {len(self.conditions)} conditions, {len(self.videos)} videos and "
                f"{len(self.reasons)} reasons"
            )


def draw_protocol(
    pictures: Sequence[PreparedPicture],
    *,
    split: Splits = "test",
    people: int | None = None,
    count: int | None = None,
    conditions: ConditionRule = "next",
    condition_split: Splits | None = None,
    parrot_images: int = 3,
    videos: str | None = None,
    probes: Sequence[int] | None = None,
    seed: int = 0,
) -> EvaluationProtocol:
    """Draw a protocol; it is the same for the same images and arguments.

    Every image of the split is a probe. For each person with images from at least two videos, one
    video belongs to the gallery: one of its images is the gallery image, and at most
    ``parrot_images`` are parrot images. If it has fewer, for instance because every image is its
    own video, further videos are added, as long as half of the person's videos remain.

    Args:
        pictures: all images of a prepared folder.
        split: split that supplies the probes.
        people: use at most this many people, drawn from the split, as probes; the gallery then
            contains only them, otherwise everyone.
        count: at most this many probes, spread evenly.
        conditions: see `ConditionRule`.
        condition_split: split that supplies the conditions; by default ``split``.
        parrot_images: largest number of images per person that a parrot learns from; 0 for no
            parrot.
        videos: a regular expression on the photo's path in the folder it came from, whose first
            group names the video within the person; by default every folder below a person's is a
            video, and so is every image directly in the person's folder.
        probes: use exactly these images, all included in re-identification whatever their video.
            ``split`` and ``people`` are then ignored, and the gallery is drawn from the other
            images.
        seed: random seed.
    Raises:
        ValueError: no image in the split, parrot_images below 0, an expression that has no group or
            does not match.
    """
    check_choice("conditions", conditions, get_args(ConditionRule))
    if count is not None:
        check_positive(count=count)
    if parrot_images < 0:
        raise ValueError(f"expected parrot_images of at least 0, got {parrot_images}")
    names = [_video(picture.source, videos) for picture in pictures]
    by_video = _by_video(pictures, names)
    if probes is not None:
        asked_for, everyone = list(probes), _people_of(pictures, "all")
        left = _without(by_video, set(asked_for))
        side = _gallery_side(
            left, [p for p in everyone if left[p]], parrot_images, seed, all_videos=True
        )
    else:
        asked = _some_people(_people_of(pictures, split), people, seed)
        everyone = asked if people is not None else _people_of(pictures, "all")
        several = [person for person in everyone if len(by_video[person]) > 1]
        side = _gallery_side(by_video, several, parrot_images, seed)
        asked_for = sorted(i for p in asked for own in by_video[p].values() for i in own)
    asked_for = _spread(asked_for, count)
    probed = {pictures[i].person for i in asked_for}
    return EvaluationProtocol(
        tuple(asked_for),
        _conditions_if_any(pictures, asked_for, conditions, condition_split or split, seed),
        tuple(side.gallery),
        tuple(i for i in side.parrot_images if pictures[i].person in probed),
        tuple(names[i] for i in asked_for),
        tuple(side.reason(i, pictures[i].person) for i in asked_for),
    )


def _conditions_if_any(
    pictures: Sequence[PreparedPicture],
    probes: Sequence[int],
    rule: ConditionRule,
    split: Splits,
    seed: int,
) -> tuple[int, ...]:
    """None where one person is alone: a system that takes no condition can still be measured."""
    try:
        return draw_conditions(pictures, probes, rule=rule, split=split, seed=seed)
    except NobodyElseError:
        return ()


class NobodyElseError(ValueError):
    """No second person is available as condition."""


def draw_conditions(
    pictures: Sequence[PreparedPicture],
    sources: Sequence[int],
    *,
    rule: ConditionRule,
    split: Splits,
    seed: int = 0,
) -> tuple[int, ...]:
    """An image of another person for each source.

    Args:
        pictures: all images of the folder.
        sources: numbers of images.
        rule: see `ConditionRule`.
        split: split that supplies the conditions.
        seed: random seed.
    Raises:
        NobodyElseError: there is no other person.
    """
    of = defaultdict(list)
    for i, picture in enumerate(pictures):
        if split in ("all", picture.split):
            of[picture.person].append(i)
    names = sorted(of)
    if not names or ({pictures[i].person for i in sources} >= set(names) and len(names) < 2):
        raise NobodyElseError(f"expected a second person in the split {split!r} as condition")
    rng = np.random.default_rng((seed, 11, get_args(ConditionRule).index(rule)))
    following = _following(names, sorted({pictures[i].person for i in sources}))
    fixed: dict[str, int] = {}
    drawn = []
    for source in sources:
        person = pictures[source].person
        if rule == "fixed" and person in fixed:
            drawn.append(fixed[person])
            continue
        other = following[person] if rule == "next" else _another(names, person, rng)
        drawn.append(int(rng.choice(of[other])))
        fixed[person] = drawn[-1]
    return tuple(drawn)


def _people_of(pictures: Sequence[PreparedPicture], split: str) -> list[str]:
    people = sorted({p.person for p in pictures if split in ("all", p.split)})
    if not people:
        raise ValueError(f"expected images in the split {split!r}, got none")
    return people


def _by_video(pictures: Sequence[PreparedPicture], names: Sequence[str]) -> _Videos:
    """What is of one video, by person."""
    found: _Videos = defaultdict(lambda: defaultdict(list))
    for i, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        found[picture.person][name].append(i)
    return found


def _video(source: str, videos: str | None) -> str:
    if videos is None:
        parent = Path(source).parent
        return str(parent) if len(parent.parts) > 1 else source
    try:
        match = re.search(videos, source)
        if match is not None and match.group(1) is not None:
            return match.group(1)
    except (re.error, IndexError) as error:
        raise ValueError(
            f"expected an expression with a group for the video, got {videos!r}: {error}"
        ) from error
    raise ValueError(f"expected {videos!r} to match every photo, but it does not match {source}")


def _some_people(names: Sequence[str], count: int | None, seed: int) -> list[str]:
    if count is None:
        return list(names)
    check_positive(people=count)
    order = np.random.default_rng((seed, 10)).permutation(len(names))
    return sorted(names[i] for i in order[:count].tolist())


def _spread(probes: Sequence[int], count: int | None) -> list[int]:
    """At most ``count``, spread evenly."""
    chosen = np.linspace(0, len(probes) - 1, min(count or len(probes), len(probes)))
    return [probes[i] for i in chosen.round().astype(int).tolist()]


def _without(by_video: _Videos, probes: set[int]) -> _Videos:
    """_Videos without those pictures; a video that has none left is left out."""
    left = {
        person: {video: [i for i in numbers if i not in probes] for video, numbers in own.items()}
        for person, own in by_video.items()
    }
    return {p: {v: numbers for v, numbers in own.items() if numbers} for p, own in left.items()}


@dataclass(frozen=True)
class _GallerySide:
    """What the attackers have seen: gallery and parrot images of each person, and videos."""

    gallery: list[int]
    parrot_images: list[int]
    roles: dict[int, Reason]
    people: set[str]

    def reason(self, number: int, person: str) -> Reason:
        return self.roles.get(number, "") if person in self.people else "one video only"


def _gallery_side(
    by_video: _Videos,
    people: Sequence[str],
    parrot_images: int,
    seed: int,
    *,
    all_videos: bool = False,
) -> _GallerySide:
    """Half of each person's videos at least is left to be asked about, unless ``all_videos``."""
    rng = np.random.default_rng((seed, 12))
    side = _GallerySide([], [], {}, set(people))
    for person in people:
        names = sorted(by_video[person])
        first, most = int(rng.integers(len(names))), len(names) if all_videos else len(names) // 2
        order = rng.permutation(by_video[person][names[first]]).tolist()
        taken = 1
        while len(order) < parrot_images and taken < most:
            order += by_video[person][names[(first + taken) % len(names)]]
            taken += 1
        side.gallery.append(order[0])
        side.parrot_images.extend(sorted(order[:parrot_images]))
        side.roles.update(dict.fromkeys(order, "video on the gallery's side"))
        side.roles.update(dict.fromkeys(order[:parrot_images], "parrot image"))
        side.roles[order[0]] = "gallery image"
    return side


def _following(names: Sequence[str], people: Sequence[str]) -> dict[str, str]:
    """For each of ``people`` the next of ``names``, the first one after the last.

    Who is none of them, as where conditions are of another split, gets the name at its own place.
    """
    place = {name: i + 1 for i, name in enumerate(names)}
    return {
        person: names[place.get(person, rank) % len(names)] for rank, person in enumerate(people)
    }


def _another(names: Sequence[str], person: str, rng: np.random.Generator) -> str:
    while (name := names[int(rng.integers(len(names)))]) == person:
        pass
    return name


_COLUMNS = ("role", "image", "condition", "video", "not_asked")
_ROLES = ("probe", "gallery", "parrot")


class _Row(NamedTuple):
    """A line of the file, without its role."""

    number: int
    condition: int | None
    video: str
    reason: Reason


def write_protocol(
    path: Path, pictures: Sequence[PreparedPicture], protocol: EvaluationProtocol
) -> None:
    """Write a protocol as a CSV file with one row per image.

    Columns: ``role`` (probe, gallery or parrot), ``image``, and for a probe its condition, its
    video and why it is excluded from re-identification (empty if it is included).
    """
    conditions = [pictures[i].image for i in protocol.conditions] or [""] * len(protocol.probes)
    columns = (protocol.probes, conditions, protocol.videos, protocol.reasons)
    rows = [("probe", pictures[i].image, *own) for i, *own in zip(*columns, strict=True)]
    rows += [("gallery", pictures[i].image, "", "", "") for i in protocol.gallery]
    rows += [("parrot", pictures[i].image, "", "", "") for i in protocol.parrot_images]
    write_table(path, _COLUMNS, rows)


def read_protocol(path: Path, pictures: Sequence[PreparedPicture]) -> EvaluationProtocol:
    """Read a file of `write_protocol`, for the same images.

    Raises:
        ValueError: another kind of file, images that do not exist, or a gallery or parrot image
            that is also a recognition probe; the message gives file and line.
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
    protocol = _protocol(path, found)
    _check(path, pictures, protocol, where)
    return protocol


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


def _protocol(path: Path, found: dict[str, list[_Row]]) -> EvaluationProtocol:
    probes = found["probe"]
    conditions = tuple(row.condition for row in probes if row.condition is not None)
    if conditions and len(conditions) < len(probes):
        raise ValueError(f"{path}: expected a condition for every probe or for none")
    try:
        return EvaluationProtocol(
            tuple(row.number for row in probes),
            conditions,
            tuple(row.number for row in found["gallery"]),
            tuple(row.number for row in found["parrot"]),
            tuple(row.video for row in probes),
            tuple(row.reason for row in probes),
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _check(
    path: Path,
    pictures: Sequence[PreparedPicture],
    protocol: EvaluationProtocol,
    lines: dict[int, int],
) -> None:
    """Who sees a probe beforehand recognizes it: that is no attack."""
    for role, seen in (("gallery", set(protocol.gallery)), ("parrot", set(protocol.parrot_images))):
        for number, reason in zip(protocol.probes, protocol.reasons, strict=True):
            if number in seen and not reason:
                raise ValueError(
                    f"{path}: line {lines[number]}: {pictures[number].image} is a {role} image "
                    "and also a recognition probe; expected a reason in the column not_asked"
                )
