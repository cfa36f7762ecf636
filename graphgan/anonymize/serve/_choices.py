"""The methods and people that the page offers, each with a small image."""

from copy import copy
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from graphgan.anonymize._anonymizer import Anonymizer
from graphgan.anonymize._conditions import Condition, drawn_conditions
from graphgan.anonymize._matching import ConditionOrder
from graphgan.anonymize._methods import FaceMethod, ObscuredFaces, Obscuring, forehead_of
from graphgan.anonymize.compositor import AlignedFaces, blend_crops
from graphgan.landmarks import face_regions

_COVERS: tuple[tuple[Obscuring, str], ...] = (
    ("pixelate", "Mosaic"),
    ("blur", "Blur"),
    ("solid", "Black"),
)
_EXAMPLE = 9  # seed of the drawn person who shows what a mosaic is


class Choice(NamedTuple):
    """A choice of the page.

    Args:
        key: names it in requests.
        label: for people.
        group: "people" (anyone), "person" (a certain one) or "cover" (nobody).
        anonymizer: carries it out.
        picture: shows it, in [-1, 1].
    """

    key: str
    label: str
    group: str
    anonymizer: Anonymizer
    picture: Float[Tensor, "3 h w"]


def choices_of(anonymizer: Anonymizer) -> list[Choice]:
    """All choices for an anonymizer; its own method comes first.

    If it shows people, the first choice is anyone of its conditions, then each of them alone. If
    this person does not hide a face, the fallback covers it. Mosaic, blur and one flat color
    follow. Detector, recognizer, threshold and faces to keep are always those of the anonymizer.
    """
    choices = []
    if anonymizer.method.uses_conditions:
        people = anonymizer.order.conditions
        choices.append(Choice("anyone", "Anyone", "people", anonymizer, _several(people)))
        for number, person in enumerate(people):
            alone = _with(anonymizer, anonymizer.method, person)
            choices.append(Choice(f"person-{number}", person.name, "person", alone, person.image))
    return [*choices, *_covers(anonymizer)]


def _covers(anonymizer: Anonymizer) -> list[Choice]:
    (drawn,) = drawn_conditions(1, seed=_EXAMPLE)
    own = anonymizer.method
    covers: list[tuple[str, str, FaceMethod]] = [
        (kind, label, own if own.name == kind else ObscuredFaces(kind)) for kind, label in _COVERS
    ]
    if not own.uses_conditions:  # in the first place
        covers.sort(key=lambda cover: cover[2] is not own)
        if covers[0][2] is not own:
            covers.insert(0, ("own", own.name.capitalize(), own))
    return [
        Choice(key, label, "cover", _with(anonymizer, method), _example(method, drawn))
        for key, label, method in covers
    ]


def _with(anonymizer: Anonymizer, method: FaceMethod, *people: Condition) -> Anonymizer:
    other = copy(anonymizer)
    other.method = method
    other.order = ConditionOrder(people, seed=anonymizer.order.seed, match=anonymizer.order.match)
    return other


def _several(people: tuple[Condition, ...]) -> Float[Tensor, "3 h w"]:
    """Four of them in one image, at half their size."""
    four = torch.stack([people[i % len(people)].image for i in range(4)])
    small = F.interpolate(four, scale_factor=0.5, mode="area")
    return rearrange(small, "(r q) c h w -> c (r h) (q w)", r=2)


def _example(method: FaceMethod, drawn: Condition) -> Float[Tensor, "3 h w"]:
    """The method applied to a drawn face."""
    image = F.interpolate(drawn.image[None], method.size, mode="bilinear", antialias=True)
    scale = torch.tensor(method.size[::-1]) / torch.tensor(drawn.image.shape[:0:-1])
    landmarks = ((drawn.landmarks + 0.5) * scale - 0.5)[None]
    regions = face_regions(landmarks, method.size, forehead=forehead_of(method))
    made = method(AlignedFaces(image, landmarks, regions), ())
    return blend_crops(image, made, regions, shows_people=False)[0].clamp(-1, 1)
