"""Choose who is shown for each track of a clip, and replace the faces of a frame by them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.anonymize._anonymizer import Anonymizer
from graphgan.anonymize._faces import (
    KEPT,
    LEAST_SHOWN,
    OF_THE_FRAME,
    Attempt,
    Face,
    Reason,
    ReplacementTask,
)
from graphgan.anonymize._matching import median_look
from graphgan.anonymize._methods import shows_nobody
from graphgan.anonymize._selection import Box
from graphgan.anonymize.video._tracking import Track
from graphgan.landmarks import Detection

# A turned head is far from itself: a few frames spread over a track tell whether it is hidden.
_TRIALS = 4
_MORE_TRIES = 3  # times those of a photo: any frame may reject a person
_MOST_REMARKS = 20  # of a face: a long video might have one every few frames


@dataclass
class TrackedRegion:
    """A region of one frame to replace for a track.

    Args:
        track: its number.
        found: where it is.
        upright_within: see `align_face`.
        held: see `Tracklet`; there may be no face.
        least_shown: see `LEAST_SHOWN`.
        eyes: see `eye_states`; None if they are to be measured in the frame.
    """

    track: int
    found: Detection
    upright_within: float
    held: bool = False
    least_shown: float = LEAST_SHOWN
    eyes: Float[Tensor, "6"] | None = None


@dataclass
class TrackState:
    """What is shown for a track.

    Args:
        attempts: what may be shown.
        kept: whether to keep this person.
        chosen: number of the attempt that is shown.
        reason: why it is covered in all frames instead.
        frames: number of frames by method and the reason for it.
        before: method and reason in the frame before.
    """

    attempts: list[Attempt]
    kept: bool = False
    chosen: int = 0
    tries: int = 1
    distance: float | None = None
    remarks: list[str] = field(default_factory=list)
    reason: Reason | None = None
    frames: Counter[tuple[str, Reason | None]] = field(default_factory=Counter)
    before: tuple[str, Reason | None] | None = None

    def remark(self, text: str) -> None:
        """Add a remark once, and no more than a report can hold."""
        if text not in self.remarks and len(self.remarks) <= _MOST_REMARKS:
            more = len(self.remarks) == _MOST_REMARKS
            self.remarks.append("and more of this kind" if more else text)

    def face(self, box: Box) -> Face:
        """The outcome, for a report."""
        attempt = self.attempts[self.chosen]
        condition = None if attempt.condition is None else attempt.condition.name
        method, reason = attempt.method.name, self.reason
        covered = Counter({key: n for key, n in self.frames.items() if key[1] is not None})
        if self.kept:
            method, condition, reason = KEPT, None, None
        elif reason is None and covered:
            ((other, reason), _) = covered.most_common(1)[0]
            if method not in {name for name, _ in self.frames}:  # never shown as it should be
                method, condition = other, None
        return Face(box, method, condition, self.distance, self.tries, tuple(self.remarks), reason)


class ReplacedFrame(NamedTuple):
    """A frame with its faces replaced, and the outcome for each."""

    image: UInt8[Tensor, "3 h w"]
    faces: list[tuple[TrackedRegion, Face]]


class TrackReplacer:
    """Shows one person for each track, chosen by the key of the clip, the number of the track, and
    the look and descriptor of its face.

    Attributes:
        states: by the number of the track.
    """

    def __init__(self, anonymizer: Anonymizer, key: str) -> None:
        self._anonymizer = anonymizer
        self._key = key
        self.states: dict[int, TrackState] = {}

    def add(self, track: Track) -> None:
        """Begin a track."""
        self.states[track.number] = TrackState(list(self._attempts(track)))
        self.update_kept(track)

    def _attempts(self, track: Track) -> Iterator[Attempt]:
        """All attempts, up to one flat color as the last resort."""
        anonymizer, look = self._anonymizer, median_look(track.looks)
        key = f"{self._key}#{track.number}"
        for attempt in anonymizer.attempts(
            key, look, track.descriptor, tries=_MORE_TRIES * anonymizer.tries
        ):
            yield attempt
            if attempt.method is anonymizer.last:
                return

    def update_kept(self, track: Track) -> None:
        """Decide whether to keep the person, by the descriptor that is known so far."""
        people = self._anonymizer.selection.people
        near = self._anonymizer.selection.threshold
        self.states[track.number].kept = track.descriptor is not None and any(
            float((track.descriptor - person).norm()) <= near for person in people
        )

    def trial_frames(self, track: Track) -> list[int]:
        """Observed frames across the track in which to try the choice, if it must be tried."""
        state = self.states[track.number]
        if state.kept or shows_nobody(state.attempts[0].method):
            return []
        seen = [n for n, o in track.observations.items() if o.landmarks.isfinite().all()]
        count = min(_TRIALS, len(seen))
        return [seen[i * (len(seen) - 1) // max(count - 1, 1)] for i in range(count)]

    def try_in(self, image: UInt8[Tensor, "3 h w"], region: TrackedRegion) -> None:
        """Advance a track to an attempt that hides it in this frame."""
        state = self.states[region.track]
        task = _task(region, self._left(state))
        self._advance(state, self._anonymizer.replace(image, [task]).faces[0])

    def replace(
        self,
        image: UInt8[Tensor, "3 h w"],
        regions: Sequence[TrackedRegion],
        *,
        check: bool,
        advance: bool = False,
    ) -> ReplacedFrame:
        """Replace these regions of a frame; the states of the tracks do not change.

        Args:
            image: the frame.
            regions: of its faces.
            check: whether the recognizer checks the results.
            advance: whether a choice that does not hide its face changes from here on, not only in
                this frame.
        """
        regions = [one for one in regions if not self.states[one.track].kept]
        if not regions:
            return ReplacedFrame(image, [])
        tasks = [_task(one, self._attempts_of(one, advance)) for one in regions]
        result = self._anonymizer.replace(image, tasks, check=check)
        return ReplacedFrame(result.image, list(zip(regions, result.faces, strict=True)))

    def record(self, number: int, replaced: ReplacedFrame, *, advance: bool = False) -> None:
        """Take up the outcome of `replace` for the frame of this number."""
        for region, face in replaced.faces:
            state = self.states[region.track]
            now = (face.method, face.reason)
            state.frames[now] += 1
            if face.remarks and state.before != now:  # of a row of frames the first alone
                state.remark(f"frame {number}: {face.method}, since {face.remarks[0]}")
            state.before = now
            if advance and not region.held:
                self._advance(state, face)

    def _attempts_of(self, region: TrackedRegion, advance: bool) -> Iterator[Attempt]:
        state = self.states[region.track]
        attempt = state.attempts[state.chosen]
        if region.held and not shows_nobody(attempt.method):
            return self._anonymizer.fallbacks()  # a person would be seen where nobody is
        if advance and not region.held:
            return self._left(state)
        return chain([attempt], self._anonymizer.fallbacks())

    def _left(self, state: TrackState) -> Iterator[Attempt]:
        return chain(state.attempts[state.chosen :], self._anonymizer.fallbacks())

    def _advance(self, state: TrackState, face: Face) -> None:
        if any(remark.startswith(OF_THE_FRAME) for remark in face.remarks):
            return
        state.chosen = min(state.chosen + face.tries - 1, len(state.attempts) - 1)
        state.tries = max(state.tries, state.chosen + 1)
        state.reason = face.reason or state.reason
        for remark in face.remarks:
            state.remark(remark)
        if face.distance is not None:
            state.distance = min(face.distance, state.distance or face.distance)


def _task(region: TrackedRegion, attempts: Iterator[Attempt]) -> ReplacementTask:
    return ReplacementTask(
        region.found,
        attempts,
        upright_within=region.upright_within,
        least_shown=region.least_shown,
        eyes=region.eyes,
    )
