"""Replace the faces of a stream while it arrives; it is read once and may have no end.

Frames are held for the longest gap that is bridged. A frame is therefore covered as in a clip:
before the first detection of a face and between two, but not beyond the frames that are held.
Landmarks and eyes are smoothed over these and a few earlier frames.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from jaxtyping import UInt8
from torch import Tensor

from graphgan.anonymize._anonymizer import Anonymizer
from graphgan.anonymize._faces import LEAST_SHOWN, Face, as_box
from graphgan.anonymize.video._clips import ClipFrame, TrackedFace, check_selection, observe
from graphgan.anonymize.video._smooth_tracklets import ALWAYS, NEVER, SmoothTracklet, upright_within
from graphgan.anonymize.video._track_replacer import TrackedRegion, TrackReplacer
from graphgan.anonymize.video._tracking import EDGE, Track, Tracker, fill
from graphgan.landmarks import Detection

_BEFORE = 10  # earlier frames that count in smoothing


@dataclass
class _Followed:
    """A track that is being shown."""

    tracked: TrackedFace
    turned: bool = False
    least_shown: float = LEAST_SHOWN


class LiveClip:
    """The frames of a stream with other faces, a few frames after they arrived.

    Differs from `Clip`: a person is tried in the held frames when a track appears, and changes for
    the rest of the track if a later check still recognizes the face.

    Args:
        anonymizer: replaces faces.
        frames: of the stream, read once and one at a time.
        key, check_every, max_gap, hold, on_frame: see `Clip`.
        most_away: how many people out of sight are remembered.
    Attributes:
        delay: how many frames are held, one second by default.
        num_frames: how many were given so far.
    Raises:
        ValueError: boxes to keep, which mean nothing in a stream; a gap or hold below 0.
    """

    def __init__(
        self,
        anonymizer: Anonymizer,
        frames: Iterable[ClipFrame],
        *,
        key: str = "",
        check_every: int = 10,
        max_gap: int = 25,
        hold: int = 5,
        most_away: int = 100,
        on_frame: Callable[[str], None] = lambda step: None,
    ) -> None:
        check_selection(anonymizer)
        self._observed = observe(anonymizer, frames)
        self._tracker = Tracker(max_gap=max_gap)
        self._replacer = TrackReplacer(anonymizer, key)
        self._every, self._most_away = check_every, most_away
        self._max_gap, self._hold = max_gap, hold
        self._on_frame = on_frame
        self._held: deque[ClipFrame] = deque()
        self._followed: dict[int, _Followed] = {}
        self.delay = max(max_gap + 1, self._hold)
        self._times = deque[float](maxlen=_BEFORE + self.delay + 1)
        self._over: dict[int, TrackedFace] = {}
        self.num_frames = 0

    @property
    def found(self) -> bool:
        """Whether any face was found so far."""
        return bool(self._over or self._followed)

    @property
    def faces(self) -> list[TrackedFace]:
        """One per track that has ended; all when all images were taken."""
        return [self._over[number] for number in sorted(self._over)]

    def images(self) -> Iterator[UInt8[Tensor, "3 h w"]]:
        """The frames in order, with the faces replaced."""
        for number, (frame, faces) in enumerate(self._observed):
            self._held.append(frame)
            self._times.append(frame.time)
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
        """Replace the faces of the oldest frame that is held."""
        number, frame = self.num_frames, self._held[0]
        regions = [
            region
            for track in self._tracker.tracks
            if track.last_frame >= number - self._hold
            for region in self._regions(track, number)
        ]
        check = number % self._every == 0
        result = self._replacer.replace(frame.image, regions, check=check, advance=True)
        self._replacer.record(number, result, advance=True)
        self._held.popleft()
        self.num_frames += 1
        self._tracker.forget(number - self.delay - EDGE, most=self._most_away)
        known = {track.number for track in self._tracker.tracks}
        self._report([gone for gone in self._followed if gone not in known])
        self._on_frame("replace")
        return result.image

    def _regions(self, track: Track, number: int) -> list[TrackedRegion]:
        smooth = self._smooth(track, number)
        if smooth is None:
            return []
        row = int((smooth.tracklet.frames == number).nonzero())
        followed = self._follow(track, smooth, row)
        followed.tracked.last = number
        followed.tracked.frames += 1
        followed.tracked.estimated += int(~smooth.tracklet.observed[row])
        followed.least_shown = smooth.least_shown(row, followed.least_shown)
        return smooth.regions(row, _within(followed), followed.least_shown)

    def _smooth(self, track: Track, number: int) -> SmoothTracklet | None:
        """The part of the track that is in this frame and near to it."""
        newest = number + len(self._held) - 1
        oldest = newest - len(self._times) + 1
        first = max(number - _BEFORE, oldest)
        tracklets = fill(track, max_gap=self._max_gap, hold=self._hold, first=first, last=newest)
        for tracklet in tracklets:
            if (tracklet.frames == number).any():
                times = [self._times[t - oldest] for t in tracklet.frames.tolist()]
                return SmoothTracklet.of(tracklet, times)
        return None

    def _follow(self, track: Track, smooth: SmoothTracklet, row: int) -> _Followed:
        """The state of the track in this frame; after an absence its crops may rotate anew."""
        number = int(smooth.tracklet.frames[row])
        turned = upright_within(smooth.landmarks) == ALWAYS
        followed = self._followed.get(track.number)
        if followed is None:
            face = TrackedFace(Face(as_box(smooth.tracklet.boxes[row]), ""), number, number, 0, 0)
            followed = _Followed(face, turned)
            self._choose(track, number, _within(followed))
        else:
            self._replacer.update_kept(track)
            if followed.tracked.last != number - 1:
                followed = _Followed(followed.tracked)
            followed.turned |= turned  # from where crops must be turned on, they stay so
        self._followed[track.number] = followed
        return followed

    def _choose(self, track: Track, number: int, within: float) -> None:
        self._replacer.add(track)
        for trial in self._replacer.trial_frames(track):
            seen = track.observations[trial]
            region = TrackedRegion(track.number, Detection(seen.box, seen.landmarks), within)
            self._replacer.try_in(self._held[trial - number].image, region)

    def _report(self, numbers: list[int]) -> None:
        """Take up the outcome of tracks that have ended."""
        for number in numbers:
            tracked = self._followed.pop(number).tracked
            tracked.face = self._replacer.states.pop(number).face(tracked.face.box)
            self._over[number] = tracked


def _within(followed: _Followed) -> float:
    return ALWAYS if followed.turned else NEVER
