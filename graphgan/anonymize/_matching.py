"""Who fits a face: looks of faces and of the people to be shown, and how far they are apart.

A look is coarse on purpose: the tone of the skin, apparent age and sex. People who were chosen by
the descriptor of a recognizer would look more alike, and give the hidden person away; it only
serves to avoid people, see `Anonymizer.attempts`. Choosing by tone alone shows bearded men in
women's hair, so the apparent sex counts there as well.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Literal, get_args

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan._checks import check_choice
from graphgan.anonymize._conditions import Condition, Look
from graphgan.data import to_uint8_image
from graphgan.faces import apparent_age_and_sex
from graphgan.landmarks import crop_aligned
from graphgan.landmarks._alignment import align_face
from graphgan.metrics._skin_tone import skin_color

Match = Literal["tone", "look", "none"]
"""By what people are chosen: the tone of the skin, among people of the same sex; the whole look; or
nothing."""

_SIZE = 64  # pixels a side of the crops whose tone is measured
# What counts as one step apart: L* (a* and b* say more of the light than of the skin), years, and
# the probability of male.
_TONE, _YEARS, _SEX = 12.0, 12.0, 0.25
# Exposure differs between photos: half of the difference between the brightest twentieth of a crop
# and that of a well-exposed portrait is added to the skin's lightness. With 160 portraits of known
# lightness, lit and exposed at random, the sum correlates with it by 0.90 (without: 0.71); a
# regression gives weights of 0.98 and -0.51. The lightness of these portraits is met on average.
_EXPOSED, _WHITE, _TYPICAL = 0.5, 0.95, 92.0
_MALE = 0.5  # probability from which a face looks male
_GROUP = 16  # people among whom chance decides


def looks_of(image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "n 68 2"]) -> list[Look]:
    """The looks of the faces of an image.

    Args:
        image: RGB.
        landmarks: iBUG-68, in pixels; NaN where a face has none.
    """
    ages, males = apparent_age_and_sex(image, landmarks)
    tones = [_tone(image, points) for points in landmarks]
    return [Look(*look) for look in zip(tones, ages.tolist(), males.tolist(), strict=True)]


def look_of(condition: Condition) -> Look:
    """The look of somebody who may be shown."""
    if condition.look is not None:
        return condition.look
    (look,) = looks_of(to_uint8_image(condition.image), condition.landmarks[None])
    return look


def median_look(looks: Sequence[Look]) -> Look | None:
    """The look of a face that was seen several times; None where it never was."""
    if not looks:
        return None
    numbers = torch.stack([torch.tensor([*look.tone.tolist(), *look[1:]]) for look in looks])
    middle = numbers.nanmedian(0).values
    return Look(middle[:3], float(middle[3]), float(middle[4]))


def _tone(image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "68 2"]) -> Float[Tensor, "3"]:
    from kornia.color import rgb_to_lab  # longer to import than all else but torch

    try:
        alignment = align_face(landmarks)
    except ValueError:
        return torch.full((3,), torch.nan)
    size = (_SIZE, _SIZE)
    crop = (crop_aligned(image, alignment, size) / 127.5 - 1).clamp(-1, 1)
    tone = skin_color(crop[None], alignment.to_crop(landmarks, size)[None].float())[0]
    lightness = rgb_to_lab((crop[None] + 1) / 2)[0, 0]
    tone[0] += _EXPOSED * (_TYPICAL - lightness.quantile(_WHITE))
    return tone


def distance(a: Look, b: Look) -> float:
    """How far apart two looks are.

    ``sqrt((dL / 12)^2 + (d_age / 12)^2 + (d_male / 0.25)^2)``: 12 of L*, 12 years, and a quarter
    of certainty about the sex count the same. What is NaN in one of both does not count.
    """
    steps = (
        (float(a.tone[0]) - float(b.tone[0])) / _TONE,
        (a.age - b.age) / _YEARS,
        (a.male - b.male) / _SEX,
    )
    return math.sqrt(sum(step**2 for step in steps if math.isfinite(step)))


def nearest_groups(
    people: Sequence[Look], face: Look, order: Sequence[int], size: int
) -> list[list[int]]:
    """Groups of people: those nearest to a face first, then the next ones, and so on.

    Within a group people keep the given order: only the group that somebody belongs to depends on
    the face.

    Args:
        people: their looks.
        face: whom they should resemble.
        order: of the people, at random.
        size: people in a group.
    """
    ranked = sorted(order, key=lambda i: distance(people[i], face))
    places = {i: place for place, i in enumerate(order)}
    return [sorted(some, key=places.__getitem__) for some in _chunks(ranked, size)]


def _chunks(items: Sequence[int], size: int) -> list[list[int]]:
    return [list(items[first : first + size]) for first in range(0, len(items), size)]


class ConditionOrder:
    """The order in which to try conditions for a face; it differs from face to face.

    The order depends only on the seed, the face's key and its look. So a face gets the same person
    again if a run is repeated, continued or shared among machines. The 16 people nearest to the
    face's look come first, in random order, then the next 16. By tone, all people of the face's
    apparent sex come before the others.

    Args:
        conditions: all that there are; none for methods that show nobody.
        seed: not negative.
        match: what to compare: the skin tone, among people of the same sex; the whole look, which
            includes apparent age; or nothing.
    Raises:
        ValueError: two conditions of one name, or of different sizes; a negative seed; an unknown
            match.
    """

    def __init__(
        self, conditions: Sequence[Condition], *, seed: int = 0, match: Match = "tone"
    ) -> None:
        check_choice("match", match, get_args(Match))
        names = [condition.name for condition in conditions]
        if len(set(names)) < len(names):
            raise ValueError(f"expected conditions of different names, got {sorted(names)}")
        if len(sizes := {condition.size for condition in conditions}) > 1:
            raise ValueError(f"expected conditions of one size, got {sorted(sizes)}")
        if seed < 0:
            raise ValueError(f"expected a seed of at least 0, got {seed}")
        self.conditions = tuple(conditions)
        self.seed = seed
        self.match = match

    def __len__(self) -> int:
        return len(self.conditions)

    @cached_property
    def _looks(self) -> list[Look]:
        return [look_of(condition) for condition in self.conditions]

    def looks(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Sequence[Float[Tensor, "68 2"]]
    ) -> list[Look | None]:
        """The looks of faces of an image, as far as they count; None where they do not."""
        if self.match == "none" or len(self) < 2 or not landmarks:
            return [None] * len(landmarks)
        return list(looks_of(image, torch.stack(list(landmarks))))

    def groups(self, key: str, look: Look | None = None) -> Iterator[list[Condition]]:
        """All conditions in the order for this face, in groups of people who fit it alike."""
        digest = hashlib.sha256(f"{self.seed}/{key}".encode(errors="surrogateescape")).digest()
        chance = torch.Generator().manual_seed(int.from_bytes(digest[:6], "big"))
        order = torch.randperm(len(self.conditions), generator=chance).tolist()
        groups = _chunks(order, _GROUP) if look is None else self._nearest_groups(look, order)
        for group in groups:
            yield [self.conditions[i] for i in group]

    def of(self, key: str, look: Look | None = None) -> Iterator[Condition]:
        """All conditions in the order for this face, each once."""
        return chain.from_iterable(self.groups(key, look))

    def _nearest_groups(self, face: Look, order: Sequence[int]) -> list[list[int]]:
        people = self._looks
        if self.match == "look":
            return nearest_groups(people, face, order, _GROUP)
        other = {i for i in order if (people[i].male - _MALE) * (face.male - _MALE) < 0}
        both = [i for i in order if i not in other], [i for i in order if i in other]
        tone = face._replace(age=math.nan, male=math.nan)
        return [group for some in both for group in nearest_groups(people, tone, some, _GROUP)]
