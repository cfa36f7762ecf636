"""Faces on their way through the anonymizer: what is to be done, what was done."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from graphgan.anonymize.conditions import Condition
from graphgan.anonymize.methods import FaceMethod
from graphgan.anonymize.selection import Box
from graphgan.landmarks.alignment import UPRIGHT_WITHIN
from graphgan.landmarks.detection import Detection

Reason = Literal[
    "too small",
    "turned away or unclear",
    "still recognized",
    "not fully covered",
    "not computed",
    "found only at the second look",
]
"""Why a face was covered instead of what was asked for, in words that follow a number of faces."""

LEAST_SHOWN = 24.0
"""Pixels of the longer side of the landmarks, the width of a face from the front, below which
nobody is shown. Of six people shown at 16, 20, 24, 28, 32 and 48 pixels, the new faces looked like
blurred copies of the old ones up to 20: eyes and mouth are three pixels, and hair says the rest."""

OF_THE_FRAME = ("cannot be aligned", "too small")
"""How remarks begin that hold for one frame of a video alone."""

KEPT = "kept"
"""What a face's method is called when it was left as it is."""


OVERLOOKED = "overlooked at first, found in the finished photo"
"""Remark about a face that only the second detector found."""

NOT_THERE = "no face was found in this box of --only"
"""Remark about a box that was covered all the same."""

# A face of a finished photo is a known one from this overlap on, of the smaller of both boxes.
# Where so much of its box was replaced, it is made of the edges of what is there now.
_KNOWN, _REPLACED = 0.3, 0.5


class Stage(NamedTuple):
    """One thing to try: a method, and whom it shows."""

    method: FaceMethod
    condition: Condition | None = None

    def __str__(self) -> str:
        return self.method.name if self.condition is None else f"as {self.condition.name}"


class Task(NamedTuple):
    """A face to be replaced.

    Args:
        found: where it is; with NaN among its landmarks, all of its box is covered.
        stages: what is tried, in this order; without an end.
        before: its descriptor, where it is known.
        upright_within: tilt in degrees beyond which its crop is turned, see `align_face`.
        least_shown: see `LEAST_SHOWN`.
        eyes: see `AlignedFaces`.
    """

    found: Detection
    stages: Iterator[Stage]
    before: Float[Tensor, "d"] | None = None
    upright_within: float = UPRIGHT_WITHIN
    least_shown: float = LEAST_SHOWN
    eyes: Float[Tensor, "6"] | None = None


class Face(NamedTuple):
    """What became of a face.

    Args:
        box: left, top, right, bottom in the photo's pixels.
        method: what is there now; "kept" where it was left.
        condition: who is shown, None for methods that show nobody.
        distance: of the descriptors before and after, None where it was not measured.
        tries: how many results were made.
        remarks: why the first result was not taken.
        reason: why it was covered instead of what was asked for; where somebody is shown, which is
            so in videos alone, why it was covered in some frames.
    """

    box: Box
    method: str
    condition: str | None = None
    distance: float | None = None
    tries: int = 0
    remarks: tuple[str, ...] = ()
    reason: Reason | None = None


class Problem(NamedTuple):
    """What speaks against a result, or against making one: in a word, and as a remark says it."""

    reason: Reason
    remark: str


class Result(NamedTuple):
    """A photo with its faces replaced.

    Args:
        image: a new one; outside ``changed`` it is the given one to the bit.
        changed: where it may differ.
        faces: in the order that they were given or found in.
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
    """Whether a face of a finished photo is none that is known, where nothing was replaced.

    Args:
        box: of the face.
        known: boxes of the faces that were replaced or kept.
        changed: where the photo was changed.
    """
    if float(_inside(changed, box).float().mean()) > _REPLACED:
        return False
    low, high = torch.maximum(box[:2], known[:, :2]), torch.minimum(box[2:], known[:, 2:])
    common = (high - low).clamp(min=0)
    smaller = torch.minimum((box[2:] - box[:2]).prod(), (known[:, 2:] - known[:, :2]).prod(1))
    return bool((common.prod(1) <= _KNOWN * smaller).all())


def without_faces(result: Result) -> UInt8[Tensor, "3 h w"]:
    """A finished photo with its faces white: what a detector does not see again costs no time."""
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
    """The same as plain numbers."""
    left, top, right, bottom = box.tolist()
    return left, top, right, bottom
