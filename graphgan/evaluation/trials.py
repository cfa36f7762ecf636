"""Assignment of images to probes, conditions, gallery and lessons.

A *probe* is an image that is anonymized: every image of the split is one. The *gallery* holds
one untouched image of each person who has images of two videos or more. *Lessons* are images
of the gallery's people from the same side: a parrot learns from their anonymized versions. Only
probes of a person's other videos can be asked about re-identification: who has seen an image
recognizes it, and a frame of the same video is almost the same image. Each other probe has its
reason.
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

Splits = Literal["train", "test", "all"]
ConditionRule = Literal["next", "drawn", "fixed"]
"""A random image of the next person; of another person drawn for each image; or one fixed image for
each person."""
Reason = Literal["", "gallery image", "lesson", "video on the gallery's side", "one video only"]
"""Why a probe is excluded from re-identification; empty if it is included."""

Videos = dict[str, dict[str, list[int]]]
"""Numbers of images by person, by video."""


@dataclass(frozen=True)
class Trials:
    """Image numbers by role.

    Args:
        probes: images to anonymize.
        conditions: one per probe; empty if there is no other person.
        gallery: one image per person, of the probes' people and others.
        lessons: images of people in the gallery; may be empty.
        videos: video of each probe, named within its person.
        reasons: why a probe is excluded from re-identification; empty if it is included.
    Raises:
        ValueError: no probes, or columns of different lengths.
    """

    probes: tuple[int, ...]
    conditions: tuple[int, ...]
    gallery: tuple[int, ...]
    lessons: tuple[int, ...]
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
    """Draw trials; deterministic for the same images and arguments.

    Every image of the split is a probe. Of each person with images of two videos or more, one
    video is the gallery's: one of its images is the gallery image, and ``lessons`` at most are
    lessons. Where it has fewer, as where every image is a video of its own, further videos are
    taken for lessons, as long as half of the person's videos are left to be asked about.

    Args:
        pictures: all images of a prepared folder.
        split: split that supplies the probes.
        people: use at most this many people, drawn from the split, as probes; the gallery then
            contains only them, otherwise everyone.
        count: at most this many probes, spread evenly.
        conditions: see `ConditionRule`.
        condition_split: split that supplies the conditions; by default ``split``.
        lessons: maximum number of images per person that a parrot learns from; 0 for no parrot.
        videos: a regular expression on the photo's path in the folder it came from, whose first
            group names the video within the person; by default every folder below a person's is a
            video, and so is every image directly in the person's folder.
        probes: use exactly these images, all included in re-identification whatever their video.
            ``split`` and ``people`` are then ignored, and the gallery is drawn from the other
            images.
        seed: random seed.
    Raises:
        ValueError: no image in the split, fewer than 0 lessons, an expression without a group or
            that does not match.
    """
    check_choice("conditions", conditions, get_args(ConditionRule))
    if count is not None:
        check_positive(count=count)
    if lessons < 0:
        raise ValueError(f"expected lessons of at least 0, got {lessons}")
    names = [_video(picture.source, videos) for picture in pictures]
    by_video = _by_video(pictures, names)
    if probes is not None:
        asked_for, everyone = list(probes), _people_of(pictures, "all")
        left = _without(by_video, set(asked_for))
        side = _gallery_side(left, [p for p in everyone if left[p]], lessons, seed, all_videos=True)
    else:
        asked = _some_people(_people_of(pictures, split), people, seed)
        everyone = asked if people is not None else _people_of(pictures, "all")
        several = [person for person in everyone if len(by_video[person]) > 1]
        side = _gallery_side(by_video, several, lessons, seed)
        asked_for = sorted(i for p in asked for own in by_video[p].values() for i in own)
    asked_for = _spread(asked_for, count)
    probed = {pictures[i].person for i in asked_for}
    return Trials(
        tuple(asked_for),
        _conditions_if_any(pictures, asked_for, conditions, condition_split or split, seed),
        tuple(side.gallery),
        tuple(i for i in side.lessons if pictures[i].person in probed),
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
        pictures: all there are.
        sources: numbers of images.
        rule: see `ConditionRule`.
        split: whose images are conditions.
        seed: of what is drawn.
    Raises:
        NobodyElseError: nobody else to be the condition.
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


def _by_video(pictures: Sequence[PreparedPicture], names: Sequence[str]) -> Videos:
    """What is of one video, by person."""
    found: Videos = defaultdict(lambda: defaultdict(list))
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


def _without(by_video: Videos, probes: set[int]) -> Videos:
    """Videos without those images; a video that has none left is left out."""
    left = {
        person: {video: [i for i in numbers if i not in probes] for video, numbers in own.items()}
        for person, own in by_video.items()
    }
    return {p: {v: numbers for v, numbers in own.items() if numbers} for p, own in left.items()}


@dataclass(frozen=True)
class _GallerySide:
    """What the attackers have seen: a gallery image and lessons of each person, and videos."""

    gallery: list[int]
    lessons: list[int]
    roles: dict[int, Reason]
    people: set[str]

    def reason(self, number: int, person: str) -> Reason:
        return self.roles.get(number, "") if person in self.people else "one video only"


def _gallery_side(
    by_video: Videos, people: Sequence[str], lessons: int, seed: int, *, all_videos: bool = False
) -> _GallerySide:
    """Half of each person's videos at least is left to be asked about, unless ``all_videos``."""
    rng = np.random.default_rng((seed, 12))
    side = _GallerySide([], [], {}, set(people))
    for person in people:
        names = sorted(by_video[person])
        first, most = int(rng.integers(len(names))), len(names) if all_videos else len(names) // 2
        order = rng.permutation(by_video[person][names[first]]).tolist()
        taken = 1
        while len(order) < lessons and taken < most:
            order += by_video[person][names[(first + taken) % len(names)]]
            taken += 1
        side.gallery.append(order[0])
        side.lessons.extend(sorted(order[:lessons]))
        side.roles.update(dict.fromkeys(order, "video on the gallery's side"))
        side.roles.update(dict.fromkeys(order[:lessons], "lesson"))
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
