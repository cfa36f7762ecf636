"""What the anonymizer is asked to do with a face, and what it did."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from graphgan.anonymize._conditions import Condition
from graphgan.anonymize._methods import FaceMethod
from graphgan.anonymize._selection import Box
from graphgan.landmarks import Detection
from graphgan.landmarks._alignment import UPRIGHT_WITHIN

Reason = Literal[
    "too small",
    "turned away or unclear",
    "still recognized",
    "not fully covered",
    "not computed",
    "found only at the second look",
]
"""Why a face was covered although another person was to be shown."""

LEAST_SHOWN = 24.0
"""Pixels of the longer side of the landmarks (the width of a frontal face) below which a face is
covered. Of six people shown at 16, 20, 24, 28, 32 and 48 pixels, the new faces looked like blurred
copies of the old ones up to 20: eyes and mouth are three pixels, and hair reveals the rest."""

OF_THE_FRAME = ("cannot be aligned", "too small")
"""Beginnings of remarks that only concern one frame of a video."""

KEPT = "kept"
"""The method of a face that was left unchanged."""

OVERLOOKED = "overlooked at first, found in the finished photo"
"""Remark on a face that only the second detector found."""

NOT_THERE = "no face was found in this box of --only"
"""Remark on a box that was covered although no face was found in it."""

# A face in a finished photo is a known one if the boxes overlap by this share of the smaller one.
# It is made of the edges of replaced regions if this share of its box was replaced.
_KNOWN, _REPLACED = 0.3, 0.5


class Attempt(NamedTuple):
    """A method to try, and whom it shows."""

    method: FaceMethod
    condition: Condition | None = None

    def __str__(self) -> str:
        return self.method.name if self.condition is None else f"as {self.condition.name}"


class ReplacementTask(NamedTuple):
    """A face to replace.

    Args:
        found: where it is; if landmarks are NaN, its whole box is covered.
        attempts: what to try, in this order; they never end.
        before: its descriptor, if it is known.
        upright_within: tilt in degrees beyond which its crop is rotated, see `align_face`.
        least_shown: see `LEAST_SHOWN`.
        eyes: see `AlignedFaces`.
    """

    found: Detection
    attempts: Iterator[Attempt]
    before: Float[Tensor, "d"] | None = None
    upright_within: float = UPRIGHT_WITHIN
    least_shown: float = LEAST_SHOWN
    eyes: Float[Tensor, "6"] | None = None


class Face(NamedTuple):
    """The outcome for a face.

    Args:
        box: left, top, right, bottom in pixels of the photo.
        method: what replaced it; "kept" if it was left unchanged.
        condition: who is shown; None for methods that show nobody.
        distance: between the descriptors before and after; None if it was not measured.
        tries: how many results were generated.
        remarks: why earlier results were rejected.
        reason: why it was covered instead; in a video in which somebody is shown, why it was
            covered in some frames.
    """

    box: Box
    method: str
    condition: str | None = None
    distance: float | None = None
    tries: int = 0
    remarks: tuple[str, ...] = ()
    reason: Reason | None = None


class Problem(NamedTuple):
    """Why a result is rejected, or not even generated: in a few words, and as a remark."""

    reason: Reason
    remark: str


class Result(NamedTuple):
    """A photo with its faces replaced.

    Args:
        image: a new image; outside ``changed`` it equals the given one bit by bit.
        changed: where it may differ.
        faces: in the order in which they were given or found.
    """

    image: UInt8[Tensor, "3 h w"]
    changed: Bool[Tensor, "1 h w"]
    faces: list[Face]


def extent_of(landmarks: Float[Tensor, "68 2"]) -> float:
    """The longer side of a face's landmarks, in pixels; NaN where some are missing."""
    return float((landmarks.amax(0) - landmarks.amin(0)).max())


def is_overlooked(
    box: Float[Tensor, "4"], known: Float[Tensor, "n 4"], changed: Bool[Tensor, "1 h w"]
) -> bool:
    """Whether a face in a finished photo is unknown and where nothing was replaced."""
    if float(_inside(changed, box).float().mean()) > _REPLACED:
        return False
    low, high = torch.maximum(box[:2], known[:, :2]), torch.minimum(box[2:], known[:, 2:])
    common = (high - low).clamp(min=0)
    smaller = torch.minimum((box[2:] - box[:2]).prod(), (known[:, 2:] - known[:, :2]).prod(1))
    return bool((common.prod(1) <= _KNOWN * smaller).all())


def without_faces(result: Result) -> UInt8[Tensor, "3 h w"]:
    """A finished photo with its faces painted white: a detector does not find them again."""
    white = result.changed.clone()
    for face in result.faces:
        _inside(white, torch.tensor(face.box)).fill_(True)
    return result.image.masked_fill(white, 255)


def _inside(changed: Bool[Tensor, "1 h w"], box: Float[Tensor, "4"]) -> Bool[Tensor, "1 u v"]:
    """The pixels of a box, at least one."""
    height, width = changed.shape[1:]
    left, top, right, bottom = box.round().long().tolist()
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    return changed[:, top : max(bottom, top + 1), left : max(right, left + 1)]


def as_box(box: Float[Tensor, "4"]) -> Box:
    """A box as plain numbers."""
    left, top, right, bottom = box.tolist()
    return left, top, right, bottom
