"""A face while it is being replaced: what was generated, and whether it is acceptable."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from graphgan.anonymize._faces import (
    Attempt,
    Face,
    Problem,
    Reason,
    ReplacementTask,
    as_box,
    extent_of,
)
from graphgan.anonymize._methods import crop_size, forehead_of, shows_nobody
from graphgan.anonymize.compositor import (
    AlignedFaces,
    Patch,
    align_region,
    cut_faces,
    paste_faces,
    soft_edges,
)
from graphgan.anonymize.compositor._regions import box_corners
from graphgan.landmarks import Alignment

_LEAST_COVERED = 0.99
_RECOGNIZABLE = 32.0  # pixels, the longer side of the landmarks
_AT_ONCE = 64  # faces of a batch: a photo may hold thousands


@dataclass
class Replacement:
    """A face that goes from one attempt to the next.

    Args:
        task: what to do.
        alignment: of its crop.
        attempt: the current one.
        problem: why its landmarks are not trusted; None if they are.
        reason: why the requested method did not work, if it is known.
    Attributes:
        before: descriptor of the old face.
        distance: of the new descriptor to the old one.
        covered: share of the old face that the new one covers.
    """

    task: ReplacementTask
    alignment: Alignment
    attempt: Attempt
    problem: str | None = None
    before: Float[Tensor, "d"] | None = None
    distance: float | None = None
    tries: int = 0
    remarks: list[str] = field(default_factory=list)
    reason: Reason | None = None
    covered: float | None = None
    _new: Float[Tensor, "3 u v"] = field(default_factory=lambda: torch.zeros(3, 0, 0))
    _mask: Float[Tensor, "1 u v"] = field(default_factory=lambda: torch.zeros(1, 0, 0))
    _kept: Float[Tensor, "1 u v"] | None = None

    @classmethod
    def begin(cls, task: ReplacementTask) -> "Replacement":
        """Start with the first attempt."""
        alignment, problem = align_region(task.found, task.upright_within)
        return cls(task, alignment, next(task.attempts), problem, task.before)

    def unfit(self) -> Problem | None:
        """The problem that rules out the first attempt before it is made, if any."""
        if self.problem is not None:  # nothing that needs landmarks
            return Problem("turned away or unclear", f"cannot be aligned: {self.problem}")
        extent, least = extent_of(self.task.found.landmarks), self.task.least_shown
        if extent < least and not shows_nobody(self.attempt.method):
            text = f"too small: {extent:.1f} pixels; people are shown from {least:.0f} pixels on"
            return Problem("too small", text)
        return None

    def give_up_landmarks(self, why: str) -> None:
        """Replace the enlarged box from here on."""
        nowhere = torch.full((68, 2), torch.nan)
        self.task = self.task._replace(found=self.task.found._replace(landmarks=nowhere))
        self.alignment, _ = align_region(self.task.found, self.task.upright_within)
        self.problem = why

    @property
    def is_checked(self) -> bool:
        """Whether a recognizer checks it: it shows somebody, large enough, in a known place."""
        return (
            not shows_nobody(self.attempt.method)
            and self.problem is None
            and is_recognizable(self.task.found.landmarks)
        )

    @property
    def is_finite(self) -> bool:
        """Whether all generated pixels are finite."""
        return bool(self._new.isfinite().all())

    @property
    def patch(self) -> Patch:
        """The generated face and where it goes."""
        found = self.task.found
        outline = found.landmarks if self.problem is None else box_corners(found.box)
        return Patch(self._new.clamp(-1, 1), self._mask, self.alignment, outline, self._kept)

    def uncovered(self) -> Problem | None:
        """The problem of the pasted result, if any, apart from identity."""
        if not self.is_finite:
            return Problem("not computed", "the network returned numbers that are not finite")
        share = self.covered or 0.0
        if share < _LEAST_COVERED:
            return Problem("not fully covered", f"{share:.0%} of the face covered")
        return None

    def as_face(self) -> Face:
        condition = self.attempt.condition
        return Face(
            as_box(self.task.found.box),
            self.attempt.method.name,
            None if condition is None else condition.name,
            self.distance,
            self.tries,
            tuple(self.remarks),
            self.reason,
        )


def is_recognizable(landmarks: Float[Tensor, "68 2"]) -> bool:
    """Whether a face is large enough to recognize, without its surroundings."""
    return extent_of(landmarks) >= _RECOGNIZABLE  # False where landmarks are missing


def make_faces(image: UInt8[Tensor, "3 h w"], items: Sequence[Replacement]) -> None:
    """Generate crops for all faces; those of one method and size in batches of 64."""
    alike: dict[tuple[int, tuple[int, int]], list[Replacement]] = {}
    for item in items:
        method = item.attempt.method
        size = crop_size(method, item.alignment.crop.width)
        alike.setdefault((id(method), size), []).append(item)
    for (_, size), same in alike.items():
        for first in range(0, len(same), _AT_ONCE):
            _make_batch(image, same[first : first + _AT_ONCE], size)


def _make_batch(image: Tensor, items: Sequence[Replacement], size: tuple[int, int]) -> None:
    method = items[0].attempt.method
    faces = cut_faces(
        image,
        [item.task.found for item in items],
        [item.alignment for item in items],
        size,
        trusted=[item.problem is None for item in items],
        forehead=forehead_of(method),
    )
    if not shows_nobody(method):
        faces = faces.behind_occluders()
    if any(item.task.eyes is not None for item in items):
        unknown = torch.full((6,), torch.nan)
        eyes = [unknown if item.task.eyes is None else item.task.eyes for item in items]
        faces = faces._replace(eyes=torch.stack(eyes))
    people = [item.attempt.condition for item in items]
    made = method(faces, [person for person in people if person is not None])
    edges = _edges(faces, items)
    for i, item in enumerate(items):
        item._new, item._mask = made[i].to(faces.images), edges[i]
        item._kept = None if faces.kept is None else faces.kept[i]
        item.tries += 1


def _edges(faces: AlignedFaces, items: Sequence[Replacement]) -> Float[Tensor, "b 1 h w"]:
    """The weights of new faces: they cover more where nobody is shown."""
    if shows_nobody(items[0].attempt.method):
        return soft_edges(faces.masks)
    pixels = [faces.masks.shape[2] / item.alignment.crop.height for item in items]
    edges = soft_edges(faces.masks, faces.images, pixels=pixels)
    return edges if faces.kept is None else edges * (1 - faces.kept)


def paste_replacements(
    image: UInt8[Tensor, "3 h w"], items: Sequence[Replacement]
) -> tuple[UInt8[Tensor, "3 h w"], Bool[Tensor, "1 h w"]]:
    """Paste all results: covered boxes first, then faces from the smallest to the largest."""
    ordered = sorted(items, key=lambda item: (item.problem is None, item.alignment.crop.width))
    finite = [item for item in ordered if item.is_finite]
    pasted = paste_faces(image, [item.patch for item in finite])
    for item, share in zip(finite, pasted.covered, strict=True):
        item.covered = share
    return pasted.image, pasted.changed
