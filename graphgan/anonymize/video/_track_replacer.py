"""Who is shown for each track of a clip, and the faces of a frame replaced by them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

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
)
from graphgan.anonymize.matching import median_look
from graphgan.anonymize.methods import shows_nobody
from graphgan.anonymize.selection import Box
from graphgan.anonymize.video.tracking import Track
from graphgan.landmarks.detection import Detection

# A turned head is far from itself: a few frames spread over a track tell whether it is hidden.
_TRIALS = 4
_MOST_REMARKS = 20  # of a face: a long video might have one every few frames


@dataclass
class TrackedRegion:
    """A region of one frame that is replaced for a track.

    Args:
        track: its number.
        found: where it is.
        upright_within: see `align_face`.
        held: see `Tracklet`: there may be no face.
        least_shown: see `LEAST_SHOWN`.
        eyes: see `eye_states`; None where they are to be measured in the frame.
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
        stages: what may be shown.
        kept: whether the person is one of those to keep.
        chosen: number of the stage that is shown.
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
            if method not in {name for name, _ in self.frames}:  # never shown as it should be
                method, condition = other, None
        return Face(box, method, condition, self.distance, self.tries, tuple(self.remarks), reason)


class ReplacedFrame(NamedTuple):
    """A frame with its faces replaced, and what became of each."""

    image: UInt8[Tensor, "3 h w"]
    faces: list[tuple[TrackedRegion, Face]]


class TrackReplacer:
    """Show one person for each track, drawn by the clip's key and the track's number.

    Attributes:
        states: by the number of the track.
    """

    def __init__(self, anonymizer: Anonymizer, key: str) -> None:
        self._anonymizer = anonymizer
        self._key = key
        self.states: dict[int, TrackState] = {}

    def add(self, track: Track) -> None:
        """A new track."""
        self.states[track.number] = TrackState(list(self._stages(track)))
        self.update_kept(track)

    def _stages(self, track: Track) -> Iterator[Stage]:
        """All that may be shown, up to the one color that is the last resort."""
        key = f"{self._key}#{track.number}"
        for stage in self._anonymizer.stages(key, median_look(track.looks)):
            yield stage
            if stage.method is self._anonymizer.last:
                return

    def update_kept(self, track: Track) -> None:
        """Whether it is somebody to keep, by what is known of its descriptor so far."""
        people = self._anonymizer.selection.people
        near = self._anonymizer.selection.threshold
        self.states[track.number].kept = track.descriptor is not None and any(
            float((track.descriptor - person).norm()) <= near for person in people
        )

    def trial_frames(self, track: Track) -> list[int]:
        """Observed frames, spread over the track, in which the choice is tried if it needs be."""
        state = self.states[track.number]
        if state.kept or shows_nobody(state.stages[0].method):
            return []
        seen = [n for n, o in track.observations.items() if o.landmarks.isfinite().all()]
        count = min(_TRIALS, len(seen))
        return [seen[i * (len(seen) - 1) // max(count - 1, 1)] for i in range(count)]

    def try_in(self, image: UInt8[Tensor, "3 h w"], region: TrackedRegion) -> None:
        """Move a track on to a stage that hides it in this frame."""
        state = self.states[region.track]
        task = _task(region, self._stages_left(state))
        self._advance(state, self._anonymizer.replace(image, [task]).faces[0])

    def replace(
        self,
        image: UInt8[Tensor, "3 h w"],
        regions: Sequence[TrackedRegion],
        *,
        check: bool,
        advance: bool = False,
    ) -> ReplacedFrame:
        """The frame with these regions replaced; what is known of the tracks does not change.

        Args:
            image: the frame.
            regions: of its faces.
            check: whether the recognizer is asked, too.
            advance: whether a choice that does not hide its face is changed from here on, and not
                in this frame alone.
        """
        regions = [one for one in regions if not self.states[one.track].kept]
        if not regions:
            return ReplacedFrame(image, [])
        tasks = [_task(one, self._stages_of(one, advance)) for one in regions]
        result = self._anonymizer.replace(image, tasks, check=check)
        return ReplacedFrame(result.image, list(zip(regions, result.faces, strict=True)))

    def record(self, number: int, replaced: ReplacedFrame, *, advance: bool = False) -> None:
        """Take up what `replace` found out in the frame of this number."""
        for region, face in replaced.faces:
            state = self.states[region.track]
            now = (face.method, face.reason)
            state.frames[now] += 1
            if face.remarks and state.before != now:  # of a row of frames the first alone
                state.remark(f"frame {number}: {face.method}, since {face.remarks[0]}")
            state.before = now
            if advance and not region.held:
                self._advance(state, face)

    def _stages_of(self, region: TrackedRegion, advance: bool) -> Iterator[Stage]:
        state = self.states[region.track]
        stage = state.stages[state.chosen]
        if region.held and not shows_nobody(stage.method):
            return self._anonymizer.covers()  # a person would be seen where nobody is
        if advance and not region.held:
            return self._stages_left(state)
        return self._first_or_covers(stage)

    def _first_or_covers(self, stage: Stage) -> Iterator[Stage]:
        yield stage
        yield from self._anonymizer.covers()

    def _stages_left(self, state: TrackState) -> Iterator[Stage]:
        yield from state.stages[state.chosen :]
        yield from self._anonymizer.covers()

    def _advance(self, state: TrackState, face: Face) -> None:
        if any(remark.startswith(OF_THE_FRAME) for remark in face.remarks):
            return
        state.chosen = min(state.chosen + face.tries - 1, len(state.stages) - 1)
        state.tries = max(state.tries, state.chosen + 1)
        state.reason = face.reason or state.reason
        for remark in face.remarks:
            state.remark(remark)
        if face.distance is not None:
            state.distance = min(face.distance, state.distance or face.distance)


def _task(region: TrackedRegion, stages: Iterator[Stage]) -> Task:
    return Task(
        region.found,
        stages,
        upright_within=region.upright_within,
        least_shown=region.least_shown,
        eyes=region.eyes,
    )
