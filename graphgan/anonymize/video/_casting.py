"""Who is shown for each track of a clip, and the faces of a frame replaced by them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.faces import (
    KEPT,
    LEAST_SHOWN,
    OF_THE_FRAME,
    Face,
    Reason,
    Stage,
    Task,
    extent_of,
)
from graphgan.anonymize.matching import median_look
from graphgan.anonymize.methods import shows_nobody
from graphgan.anonymize.selection import Box
from graphgan.anonymize.video._looking import SAME_PLACE
from graphgan.anonymize.video.tracking import Track
from graphgan.landmarks.detection import Detection
from graphgan.metrics.detection import box_iou, landmark_box

# A turned head is far from itself: a few frames spread over a track tell whether it is hidden.
_TRIALS = 4
_STAYS = 0.8  # of `LEAST_SHOWN`: somebody who is shown stays so until the face is so small
_MOST_REMARKS = 20  # of a face: a long video might have one every few frames


@dataclass
class Shown:
    """A track in one frame.

    Args:
        track: its number.
        found: where it is.
        upright_within: see `align_face`.
        held: whether it was not found near this frame: there may be no face.
        least_shown: see `LEAST_SHOWN`.
    """

    track: int
    found: Detection
    upright_within: float
    held: bool = False
    least_shown: float = LEAST_SHOWN


@dataclass
class Cast:
    """What is shown for a track.

    Args:
        stages: what may be shown.
        reason: why it is covered instead in all frames.
        frames: how many there were of each method, and of the reason for it.
        before: these of the frame before.
    """

    stages: list[Stage]
    kept: bool = False
    chosen: int = 0
    tries: int = 1
    distance: float | None = None
    remarks: list[str] = field(default_factory=list)
    reason: Reason | None = None
    frames: Counter[tuple[str, Reason | None]] = field(default_factory=Counter)
    before: tuple[str, Reason | None] | None = None

    def remark(self, text: str) -> None:
        """Once each, and no more than a report can hold."""
        if text not in self.remarks and len(self.remarks) <= _MOST_REMARKS:
            more = len(self.remarks) == _MOST_REMARKS
            self.remarks.append("and more of this kind" if more else text)

    def face(self, box: Box) -> Face:
        """What became of it, for a report."""
        stage = self.stages[self.chosen]
        condition = None if stage.condition is None else stage.condition.name
        method, reason = stage.method.name, self.reason
        covered = Counter({key: n for key, n in self.frames.items() if key[1] is not None})
        if self.kept:
            method, condition, reason = KEPT, None, None
        elif reason is None and covered:
            ((other, reason), _) = covered.most_common(1)[0]
            if covered.total() == self.frames.total():  # it was never shown as it should be
                method, condition = other, None
        return Face(box, method, condition, self.distance, self.tries, tuple(self.remarks), reason)


class Replaced(NamedTuple):
    """A frame with its faces replaced, and what became of each."""

    image: UInt8[Tensor, "3 h w"]
    faces: list[tuple[Shown, Face]]


class Casting:
    """One cast a track, drawn by the clip's key and the track's number.

    Attributes:
        casts: by the number of the track.
    """

    def __init__(self, anonymizer: Anonymizer, key: str) -> None:
        self._anonymizer = anonymizer
        self._key = key
        self.casts: dict[int, Cast] = {}

    def add(self, track: Track) -> None:
        """A new track."""
        self.casts[track.number] = Cast(list(self._stages(track)))
        self.look_whether_kept(track)

    def _stages(self, track: Track) -> Iterator[Stage]:
        """All that may be shown, up to the one colour that is the last resort."""
        key = f"{self._key}#{track.number}"
        for stage in self._anonymizer.stages(key, median_look(track.looks)):
            yield stage
            if stage.method is self._anonymizer.last:
                return

    def look_whether_kept(self, track: Track) -> None:
        """By what is known of its descriptor so far."""
        people = self._anonymizer.selection.people
        near = self._anonymizer.selection.threshold
        self.casts[track.number].kept = track.descriptor is not None and any(
            float((track.descriptor - person).norm()) <= near for person in people
        )

    def trials(self, track: Track) -> list[int]:
        """Frames, spread over those that were observed, in which a cast is tried if it needs be."""
        cast = self.casts[track.number]
        if cast.kept or shows_nobody(cast.stages[0].method):
            return []
        seen = [n for n, o in track.observations.items() if o.landmarks.isfinite().all()]
        count = min(_TRIALS, len(seen))
        return [seen[i * (len(seen) - 1) // max(count - 1, 1)] for i in range(count)]

    def try_in(self, image: UInt8[Tensor, "3 h w"], shown: Shown) -> None:
        """Move a track on to a stage that hides it in this frame."""
        cast = self.casts[shown.track]
        left = self._stages_left(cast)
        task = Task(shown.found, left, None, shown.upright_within, shown.least_shown)
        result = self._anonymizer.replace(image, [task])
        self._move_on(cast, result.faces[0])

    def replaced(
        self,
        image: UInt8[Tensor, "3 h w"],
        shown: Sequence[Shown],
        *,
        check: bool,
        move_on: bool = False,
    ) -> "Replaced":
        """The frame with these faces replaced; what is known of the tracks does not change.

        Args:
            image: the frame.
            shown: its faces.
            check: whether the recogniser is asked, too.
            move_on: whether a cast that does not hide its face is changed from here on, and not in
                this frame alone.
        """
        shown = [one for one in shown if not self.casts[one.track].kept]
        if not shown:
            return Replaced(image, [])
        result = self._anonymizer.replace(
            image, [self._task(one, move_on) for one in shown], check=check
        )
        return Replaced(result.image, list(zip(shown, result.faces, strict=True)))

    def note(self, number: int, replaced: "Replaced", *, move_on: bool = False) -> None:
        """Take up what `replaced` found out in the frame of this number."""
        for one, face in replaced.faces:
            cast = self.casts[one.track]
            now = (face.method, face.reason)
            cast.frames[now] += 1
            if face.remarks and cast.before != now:  # of a row of frames the first alone
                cast.remark(f"frame {number}: {face.method}, since {face.remarks[0]}")
            cast.before = now
            if move_on and not one.held:
                self._move_on(cast, face)

    def _task(self, shown: Shown, move_on: bool) -> Task:
        cast = self.casts[shown.track]
        if shown.held and not shows_nobody(cast.stages[cast.chosen].method):
            stages = self._anonymizer.covers()  # a person would be seen where nobody is
        elif move_on and not shown.held:
            stages = self._stages_left(cast)
        else:
            stages = self._stages_in_a_frame(cast)
        return Task(shown.found, stages, None, shown.upright_within, shown.least_shown)

    def _stages_in_a_frame(self, cast: Cast) -> Iterator[Stage]:
        yield cast.stages[cast.chosen]
        yield from self._anonymizer.covers()

    def _stages_left(self, cast: Cast) -> Iterator[Stage]:
        yield from cast.stages[cast.chosen :]
        yield from self._anonymizer.covers()

    def _move_on(self, cast: Cast, face: Face) -> None:
        if any(remark.startswith(OF_THE_FRAME) for remark in face.remarks):
            return
        cast.chosen = min(cast.chosen + face.tries - 1, len(cast.stages) - 1)
        cast.tries = max(cast.tries, cast.chosen + 1)
        cast.reason = face.reason or cast.reason
        for remark in face.remarks:
            cast.remark(remark)
        if face.distance is not None:
            cast.distance = min(face.distance, cast.distance or face.distance)


def places(
    track: int,
    box: Float[Tensor, "4"],
    landmarks: Float[Tensor, "68 2"],
    upright_within: float,
    *,
    held: bool,
    least_shown: float = LEAST_SHOWN,
    doubted: Float[Tensor, "4"] | None = None,
) -> Iterator[Shown]:
    """Where a track is covered: at its smooth landmarks, and at a box that they are not in.

    Args:
        track: its number.
        box: of the face; it is made to hold the landmarks.
        landmarks: smooth.
        upright_within, held, least_shown: see `Shown`.
        doubted: a box that the landmarks were smoothed away from.
    """
    found = Detection(_around(box, landmarks), landmarks)
    yield Shown(track, found, upright_within, held, least_shown)
    if doubted is not None:
        # It may be the truth.
        nowhere = torch.full_like(landmarks, torch.nan)
        yield Shown(track, Detection(doubted, nowhere), upright_within, held)


def least_shown(landmarks: Float[Tensor, "68 2"], before: float = LEAST_SHOWN) -> float:
    """From which size on a track is shown, given that of the frame before: not now and then."""
    return LEAST_SHOWN * (_STAYS if extent_of(landmarks) >= before else 1.0)


def apart(box: Float[Tensor, "4"], points: Float[Tensor, "68 2"]) -> bool:
    """Whether a box is not where the landmarks are."""
    return bool(box_iou(box[None].double(), landmark_box(points[None]).double()) < SAME_PLACE)


def _around(box: Float[Tensor, "4"], points: Float[Tensor, "68 2"]) -> Float[Tensor, "4"]:
    """The box, which must hold the middle of the smooth landmarks: else it is made to."""
    if not points.isfinite().all():
        return box
    low, high = points.amin(0), points.amax(0)
    return torch.cat([torch.minimum(box[:2], low), torch.maximum(box[2:], high)])
