"""Which pictures are anonymised under which conditions, and what an attacker has to compare with.

A *probe* is a picture that is anonymised. The *gallery* holds one untouched picture of each person,
from another video than the person's probes where the data say what belongs to one video, from
another picture elsewhere. *Lessons* are further pictures from the gallery's side: a parrot trains
on their anonymised versions.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from graphgan._checks import check_choice, check_positive
from graphgan.data.prepared import PreparedPicture
from graphgan.data.tables import read_table, write_table

Splits = Literal["train", "test", "all"]
ConditionRule = Literal["next", "drawn", "fixed"]
"""A random picture of the next person; of any other person, drawn for each picture; or one picture
for each person, whom it then always hides."""

_COLUMNS = ("role", "image", "condition")


@dataclass(frozen=True)
class Trials:
    """Numbers of pictures.

    Args:
        probes: what is anonymised.
        conditions: beside each probe.
        gallery: one picture a person, of probes' people and others.
        lessons: of people in the gallery; may be empty.
    """

    probes: tuple[int, ...]
    conditions: tuple[int, ...]
    gallery: tuple[int, ...]
    lessons: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.probes or len(self.probes) != len(self.conditions):
            raise ValueError(
                f"expected probes and a condition for each, got {len(self.probes)} and "
                f"{len(self.conditions)}"
            )


def make_trials(
    pictures: Sequence[PreparedPicture],
    *,
    split: Splits = "test",
    people: int | None = None,
    count: int | None = None,
    conditions: ConditionRule = "next",
    condition_split: Splits | None = None,
    lessons: int = 3,
    videos: str | None = None,
    probes: Sequence[int] | None = None,
    seed: int = 0,
) -> Trials:
    """Draw trials; the same for the same pictures and arguments.

    Of each person with pictures of two videos and more, one video is the gallery's: a picture of it
    goes into the gallery, ``lessons`` at most are lessons. Where it has fewer, as where every
    picture is a video of its own, further videos are taken for lessons as long as one is left.
    Pictures of the other videos are probes.
    Who has one video only is a probe that nobody can be asked to recognise, and not in the gallery.

    Args:
        pictures: of a prepared folder, all of them.
        split: whose pictures are probes.
        people: this many people at most, drawn from all of the split, are probes; the gallery then
            holds them alone, and else everyone.
        count: this many probes at most, spread evenly over all.
        conditions: see `ConditionRule`.
        condition_split: whose pictures are conditions; by default those of ``split``.
        lessons: pictures a person that a parrot learns from.
        videos: a regular expression on the photo's path in the folder it came from, whose first
            group names the video within the person; by default every folder below a person's is a
            video, and so is every picture directly in the person's folder.
        probes: these pictures and no others, whatever their video; ``split`` and ``people`` then
            do not count, and the gallery is drawn from the other pictures.
        seed: of everything drawn.
    Raises:
        ValueError: no picture in the split, one person only, an expression without a group or that
            does not match.
    """
    check_choice("conditions", conditions, get_args(ConditionRule))
    if count is not None:
        check_positive(count=count)
    by_video = _by_video(pictures, videos)
    if probes is not None:
        asked_for = list(probes)
        everyone = _people_of(pictures, "all")
        left = _without(by_video, set(asked_for))
        several = [person for person in everyone if left[person]]
        gallery, _, taught = _gallery_side(left, several, lessons, seed, spare=0)
    else:
        asked = _some_people(_people_of(pictures, split), people, seed)
        everyone = asked if people is not None else _people_of(pictures, "all")
        several = [person for person in everyone if len(by_video[person]) > 1]
        gallery, kept, taught = _gallery_side(by_video, several, lessons, seed, spare=1)
        asked_for = [
            i for person in asked for i in _probes_of(by_video[person], kept.get(person, set()))
        ]
    asked_for = _spread(asked_for, count)
    probed = {pictures[i].person for i in asked_for}
    return Trials(
        tuple(asked_for),
        draw_conditions(
            pictures, asked_for, rule=conditions, split=condition_split or split, seed=seed
        ),
        tuple(gallery),
        tuple(i for i in taught if pictures[i].person in probed),
    )


def draw_conditions(
    pictures: Sequence[PreparedPicture],
    sources: Sequence[int],
    *,
    rule: ConditionRule,
    split: Splits,
    seed: int = 0,
) -> tuple[int, ...]:
    """A picture of another person for each source.

    Args:
        pictures: all there are.
        sources: numbers of pictures.
        rule: see `ConditionRule`.
        split: whose pictures are conditions.
        seed: of what is drawn.
    Raises:
        ValueError: nobody else to be the condition.
    """
    of = defaultdict(list)
    for i, picture in enumerate(pictures):
        if split in ("all", picture.split):
            of[picture.person].append(i)
    names = sorted(of)
    if not names or ({pictures[i].person for i in sources} >= set(names) and len(names) < 2):
        raise ValueError(f"expected a second person in the split {split!r} to be the condition")
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


def write_trials(path: Path, pictures: Sequence[PreparedPicture], trials: Trials) -> None:
    """A row a picture: ``role`` (probe, gallery or lesson), ``image``, and a probe's condition."""
    rows = [
        *(("probe", p, c) for p, c in zip(trials.probes, trials.conditions, strict=True)),
        *(("gallery", i, None) for i in trials.gallery),
        *(("lesson", i, None) for i in trials.lessons),
    ]
    names = [
        (role, pictures[i].image, "" if c is None else pictures[c].image) for role, i, c in rows
    ]
    write_table(path, _COLUMNS, names)


def read_trials(path: Path, pictures: Sequence[PreparedPicture]) -> Trials:
    """What `write_trials` wrote, for the same pictures.

    Raises:
        ValueError: another kind of file, or pictures that are not there; file and line are named.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected the pairs.csv of another evaluation")
    numbers = {picture.image: i for i, picture in enumerate(pictures)}
    lines = read_table(path)
    if tuple(next(lines, (1, []))[1]) != _COLUMNS:
        raise ValueError(f"{path}: expected the columns {','.join(_COLUMNS)}")
    columns: dict[str, list[int]] = {"probe": [], "gallery": [], "lesson": []}
    conditions = []
    for line, values in lines:
        if len(values) != len(_COLUMNS) or values[0] not in columns:
            raise ValueError(f"{path}: line {line}: expected a role, an image and a condition")
        role, image, condition = values
        if missing := {image, *filter(None, [condition])} - numbers.keys():
            raise ValueError(f"{path}: line {line}: no picture {min(missing)} in this folder")
        columns[role].append(numbers[image])
        if role == "probe":
            if not condition:
                raise ValueError(f"{path}: line {line}: expected a condition beside the probe")
            conditions.append(numbers[condition])
        _check_trial(path, line, role, (image, condition), columns, pictures, numbers)
    return Trials(
        *map(tuple, (columns["probe"], conditions, columns["gallery"], columns["lesson"]))
    )


def _check_trial(
    path: Path,
    line: int,
    role: str,
    images: tuple[str, str],
    columns: dict[str, list[int]],
    pictures: Sequence[PreparedPicture],
    numbers: dict[str, int],
) -> None:
    """Who sees a probe beforehand recognises it: that is no attack."""
    image, condition = images
    others = ("gallery", "lesson") if role == "probe" else ("probe",)
    if clash := [other for other in others if numbers[image] in columns[other]]:
        raise ValueError(f"{path}: line {line}: {image} is a {role} and a {clash[0]} picture")
    if role == "probe" and (pictures[numbers[image]].person == pictures[numbers[condition]].person):
        raise ValueError(f"{path}: line {line}: expected a condition of another person")


def _people_of(pictures: Sequence[PreparedPicture], split: str) -> list[str]:
    people = sorted({p.person for p in pictures if split in ("all", p.split)})
    if not people:
        raise ValueError(f"expected pictures in the split {split!r}, there are none")
    return people


def _by_video(
    pictures: Sequence[PreparedPicture], videos: str | None
) -> dict[str, dict[str, list[int]]]:
    """Numbers of pictures by person, by video."""
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, picture in enumerate(pictures):
        found[picture.person][_video(picture.source, videos)].append(i)
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
    raise ValueError(f"expected {videos!r} to match every photo, it does not match {source}")


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


def _without(
    by_video: dict[str, dict[str, list[int]]], probes: set[int]
) -> dict[str, dict[str, list[int]]]:
    """Videos without those pictures; a video that has none left is left out."""
    left = {
        person: {video: [i for i in numbers if i not in probes] for video, numbers in own.items()}
        for person, own in by_video.items()
    }
    return {p: {v: numbers for v, numbers in own.items() if numbers} for p, own in left.items()}


def _gallery_side(
    by_video: dict[str, dict[str, list[int]]],
    people: Sequence[str],
    lessons: int,
    seed: int,
    *,
    spare: int,
) -> tuple[list[int], dict[str, set[str]], list[int]]:
    """A gallery picture and the gallery's videos of each person, and the lessons.

    ``spare`` videos of each person are left for the probes.
    """
    rng = np.random.default_rng((seed, 12))
    gallery, kept, taught = [], {}, []
    for person in people:
        names = sorted(by_video[person])
        first = int(rng.integers(len(names)))
        order = rng.permutation(by_video[person][names[first]]).tolist()
        gallery.append(order[0])
        taken = 1
        while len(order) < lessons and taken < len(names) - spare:
            order += by_video[person][names[(first + taken) % len(names)]]
            taken += 1
        kept[person] = {names[(first + i) % len(names)] for i in range(taken)}
        taught += sorted(order[:lessons])
    return gallery, kept, taught


def _probes_of(by_video: dict[str, list[int]], kept: set[str]) -> list[int]:
    return sorted(i for video, numbers in by_video.items() if video not in kept for i in numbers)


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
