"""The faces of a stream replaced while it comes in: it is read once, and has no end.

Frames are held for as long as a gap may be that is bridged. So a frame is covered where a clip's
would be: before the first look that found a face and between two, though not beyond what is held.
Landmarks are smoothed forwards alone, by a filter that has no memory to fill.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.faces import LEAST_SHOWN, Face, as_box
from graphgan.anonymize.video._casting import Casting, Shown, apart, least_shown, places
from graphgan.anonymize.video._looking import Looker
from graphgan.anonymize.video.clips import (
    ALWAYS,
    NEVER,
    ClipFrame,
    TrackedFace,
    check_selection,
)
from graphgan.anonymize.video.one_euro import OneEuroFilter
from graphgan.anonymize.video.tracking import EDGE, Stay, Track, Tracker, fill
from graphgan.landmarks.alignment import UPRIGHT_WITHIN, tilt
from graphgan.landmarks.detection import Detection

# Frames on either side by which a jump is told, and how many sizes of a face it is, as in
# `smooth_landmarks`.
_BESIDE, _JUMP = 3, 0.3


@dataclass
class _Followed:
    """A track that is being shown."""

    tracked: TrackedFace
    upright_within: float = NEVER
    least_shown: float = LEAST_SHOWN
    smooth: OneEuroFilter = field(default_factory=OneEuroFilter)


class LiveClip:
    """The frames of a stream with other faces, some frames after they came in.

    Differs from `Clip`: a cast is tried in what is held when its track first appears, and changed
    for the rest of the track when a later look still recognises the face.

    Args:
        anonymizer: replaces faces.
        frames: of the stream, taken once and one at a time.
        key, describe_every, check_every, max_gap, hold, on_frame: see
            `Clip`.
        most_away: people out of sight who are known when they come back.
    Attributes:
        delay: frames that are held, one second by default.
        num_frames: that were given so far.
    Raises:
        ValueError: boxes to keep, which say nothing in a stream; a gap or hold below 0.
    """

    def __init__(
        self,
        anonymizer: Anonymizer,
        frames: Iterable[ClipFrame],
        *,
        key: str = "",
        describe_every: int = 10,
        check_every: int = 10,
        max_gap: int = 25,
        hold: int = 5,
        most_away: int = 100,
        on_frame: Callable[[str], None] = lambda step: None,
    ) -> None:
        check_selection(anonymizer)
        self._frames = frames
        self._look = Looker(anonymizer, describe_every)
        self._tracker = Tracker(max_gap=max_gap)
        self._casting = Casting(anonymizer, key)
        self._every, self._most_away = check_every, most_away
        self._max_gap, self._hold = max_gap, hold
        self._on_frame = on_frame
        self._held: deque[ClipFrame] = deque()
        self._followed: dict[int, _Followed] = {}
        self.delay = max(max_gap + 1, self._hold)
        self._over: dict[int, TrackedFace] = {}
        self.num_frames = 0

    @property
    def found(self) -> bool:
        """Whether there was any face so far."""
        return bool(self._over or self._followed)

    @property
    def faces(self) -> list[TrackedFace]:
        """One a track, of those that are over; all when all images were taken."""
        return [self._over[number] for number in sorted(self._over)]

    def images(self) -> Iterator[UInt8[Tensor, "3 h w"]]:
        """The frames in their order, with the faces replaced.

        Raises:
            ValueError: no frame.
        """
        seen = self._look.look(self._frames, lambda frame: frame.image)
        for number, (frame, faces) in enumerate(seen):
            self._held.append(frame)
            self._tracker.update(number, faces)
            self._on_frame("find")
            if len(self._held) > self.delay:
                yield self._next()
        while self._held:
            yield self._next()
        if not self.num_frames:
            raise ValueError("expected frames, got none")
        self._report(list(self._followed))

    def _next(self) -> Tensor:
        """The oldest frame that is held."""
        number, frame = self.num_frames, self._held[0]
        shown = [
            place
            for track in self._tracker.tracks
            if track.last_frame >= number - self._hold
            for place in self._places(track, number, frame.time)
        ]
        check = number % self._every == 0
        result = self._casting.replaced(frame.image, shown, check=check, move_on=True)
        self._casting.note(number, result, move_on=True)
        self._held.popleft()
        self.num_frames += 1
        self._tracker.forget(number - self.delay - EDGE, most=self._most_away)
        known = {track.number for track in self._tracker.tracks}
        self._report([gone for gone in self._followed if gone not in known])
        self._on_frame("replace")
        return result.image

    def _places(self, track: Track, number: int, time: float) -> Iterator[Shown]:
        stay = self._around(track, number)
        if stay is None:
            return
        row = int((stay.frames == number).nonzero())
        box, points, held = stay.boxes[row], stay.landmarks[row], bool(stay.held[row])
        followed = self._follow(track, number, box)
        followed.tracked.last = number
        followed.tracked.frames += 1
        followed.tracked.estimated += int(~stay.observed[row])
        if not points.isfinite().all():
            yield from places(track.number, box, points, UPRIGHT_WITHIN, held=held)
            return
        usual = _usual(stay.landmarks, row)
        if jump := _is_far(points, usual):
            points = usual
        points = followed.smooth(points, time)
        if abs(tilt(points)) > UPRIGHT_WITHIN:
            followed.upright_within = ALWAYS
        doubted = box if jump or apart(box, points) else None  # it may be the truth
        followed.least_shown = least_shown(points, followed.least_shown)
        yield from places(
            *(track.number, box, points, followed.upright_within),
            held=held,
            least_shown=followed.least_shown,
            doubted=doubted,
        )

    def _around(self, track: Track, number: int) -> Stay | None:
        """The track's stay in this frame and a few beside it."""
        first, last = max(number - _BESIDE, 0), number + _BESIDE
        stays = fill(track, max_gap=self._max_gap, hold=self._hold, first=first, last=last)
        return next((stay for stay in stays if (stay.frames == number).any()), None)

    def _follow(self, track: Track, number: int, box: Float[Tensor, "4"]) -> _Followed:
        """The track's state in this frame; a new filter where it was away."""
        followed = self._followed.get(track.number)
        if followed is None:
            face = TrackedFace(Face(as_box(box), ""), number, number, 0, 0)
            followed = _Followed(face, _turning(track))
            self._cast(track, number, followed.upright_within)
        else:
            self._casting.look_whether_kept(track)
            if followed.tracked.last != number - 1:
                followed = _Followed(followed.tracked, _turning(track))
        self._followed[track.number] = followed
        return followed

    def _cast(self, track: Track, number: int, within: float) -> None:
        self._casting.add(track)
        for trial in self._casting.trials(track):
            seen = track.observations[trial]
            place = Shown(track.number, Detection(seen.box, seen.landmarks), within)
            self._casting.try_in(self._held[trial - number].image, place)

    def _report(self, numbers: list[int]) -> None:
        """Of tracks that are over."""
        for number in numbers:
            tracked = self._followed.pop(number).tracked
            tracked.face = self._casting.casts.pop(number).face(tracked.face.box)
            self._over[number] = tracked


def _usual(landmarks: Float[Tensor, "n 68 2"], row: int) -> Float[Tensor, "68 2"]:
    """The medians over the frames beside one, as many before as after: steady motion is kept."""
    reach = min(_BESIDE, row, len(landmarks) - 1 - row)
    usual: Tensor = landmarks[row - reach : row + reach + 1].median(0).values
    return usual


def _is_far(points: Float[Tensor, "68 2"], usual: Float[Tensor, "68 2"]) -> bool:
    """Whether half of the landmarks lie far from where they should be."""
    size = (points - points.mean(0)).square().sum(1).mean().sqrt()
    return bool((points - usual).norm(dim=1).median() > _JUMP * size)


def _turning(track: Track) -> float:
    """Whether crops are turned, by what is held; from where they must be on, they stay so."""
    seen = [o.landmarks for o in track.observations.values() if o.landmarks.isfinite().all()]
    return ALWAYS if any(abs(tilt(points)) > UPRIGHT_WITHIN for points in seen) else NEVER
