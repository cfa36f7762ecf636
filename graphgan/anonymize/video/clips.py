"""The faces of a video or an animation replaced: one person a track, from first to last frame.

The frames are read three times, so that no more than one is held: to find and track the faces, to
choose for each track a condition that hides it, and to replace them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from graphgan._threads import results_in_order
from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.faces import LEAST_SHOWN, Face, as_box
from graphgan.anonymize.video._casting import Casting, Replaced, Shown, apart, least_shown, places
from graphgan.anonymize.video._looking import Looker
from graphgan.anonymize.video.smoothing import smooth_landmarks
from graphgan.anonymize.video.tracking import Stay, Track, Tracker, fill
from graphgan.landmarks.alignment import UPRIGHT_WITHIN, tilt
from graphgan.landmarks.detection import Detection

_SHORTEST_STEP, _USUAL_RATE = 1 / 240, 25.0  # seconds, frames a second

ALWAYS, NEVER = 0.0, 180.0
"""Degrees of tilt beyond which crops are turned: all are, or none is."""


class ClipFrame(NamedTuple):
    """A frame and when it is shown.

    Shapes:
        ``image: 3 h w``; ``time`` in seconds, increasing
    """

    image: UInt8[Tensor, "3 h w"]
    time: float


@dataclass
class TrackedFace:
    """A person's face through a clip.

    Args:
        face: what became of it; its box is that of its first frame.
        first, last: numbers of the frames that it was covered in, with gaps perhaps.
        frames: how many these are.
        estimated: in how many of them it was not found, but stood between or beside others.
    """

    face: Face
    first: int
    last: int
    frames: int
    estimated: int


class Clip:
    """The tracks of a clip, found and cast; `images` gives the frames with other faces.

    Args:
        anonymizer: replaces faces.
        frames: gives all frames from the first on, the same each time that it is called.
        key: of the clip, such as its name: the conditions are drawn by it.
        describe_every: frames between two descriptors of a face, by which tracks are told apart.
        check_every: frames between two looks at whether a result is recognised.
        max_gap, hold: frames that are bridged between two finds, and covered before and after.
        on_frame: called with the name of the pass after every frame, for a progress bar.
    Attributes:
        faces: one a track, complete when all images were taken.
        num_frames: of the clip.
    Raises:
        ValueError: no frame; boxes to keep, which say nothing in a clip.
    """

    def __init__(
        self,
        anonymizer: Anonymizer,
        frames: Callable[[], Iterable[ClipFrame]],
        *,
        key: str = "",
        describe_every: int = 10,
        check_every: int = 10,
        max_gap: int = 25,
        hold: int = 5,
        on_frame: Callable[[str], None] = lambda step: None,
    ) -> None:
        check_selection(anonymizer)
        self._frames = frames
        self._every = check_every
        self._look = Looker(anonymizer, describe_every)
        self._on_frame = on_frame
        times, tracks = self._observe(max_gap)
        if not times:
            raise ValueError("expected frames, got none")
        self.num_frames = len(times)
        self._shown: dict[int, list[Shown]] = {}
        self.faces: list[TrackedFace] = []
        self._casting = Casting(anonymizer, key)
        for track in tracks:
            self._follow(track, times, max_gap, hold)
            self._casting.add(track)
        self._try_out(tracks)
        self._report()

    @property
    def found(self) -> bool:
        """Whether there was any face."""
        return bool(self.faces)

    def shown(self, number: int) -> list[tuple[int, Detection]]:
        """The tracks that are covered in a frame, and where: smooth in time."""
        return [(shown.track, shown.found) for shown in self._shown.get(number, ())]

    def images(self) -> Iterator[UInt8[Tensor, "3 h w"]]:
        """The frames in their order, with the faces replaced."""
        for number, replaced in enumerate(
            results_in_order(enumerate(self._frames()), self._replaced)
        ):
            self._casting.note(number, replaced)
            yield replaced.image
            self._on_frame("replace")
        self._report()

    def _replaced(self, frame: tuple[int, ClipFrame]) -> Replaced:
        number, (image, _) = frame
        shown = self._shown.get(number, ())
        return self._casting.replaced(image, shown, check=number % self._every == 0)

    def _observe(self, max_gap: int) -> tuple[list[float], list[Track]]:
        tracker = Tracker(max_gap=max_gap)
        times: list[float] = []
        seen = self._look.look(self._frames(), lambda frame: frame.image)
        for number, (frame, faces) in enumerate(seen):
            times.append(frame.time)
            tracker.update(number, faces)
            self._on_frame("find")
        return _plausible(times), tracker.tracks

    def _follow(self, track: Track, times: list[float], max_gap: int, hold: int) -> None:
        """Where the track's face is in each frame, smooth and without gaps."""
        frames = estimated = 0
        last_frame = len(times) - 1
        stays = fill(track, max_gap=max_gap, hold=hold, first=0, last=last_frame)
        for stay in stays:
            seconds = torch.tensor([times[t] for t in stay.frames.tolist()], dtype=torch.float64)
            landmarks, outliers = _smoothed(stay, seconds)
            within, least = _turning(landmarks), LEAST_SHOWN
            rows = zip(stay.frames.tolist(), stay.boxes, landmarks, strict=True)
            for row, (number, box, points) in enumerate(rows):
                shown = self._shown.setdefault(number, [])
                raw = track.observations[number].box if outliers[row] else None
                doubted = raw if raw is not None and apart(raw, points) else None
                held, least = bool(stay.held[row]), least_shown(points, least)
                shown.extend(
                    places(
                        *(track.number, box, points, within),
                        held=held,
                        least_shown=least,
                        doubted=doubted,
                    )
                )
            frames += len(stay.frames)
            estimated += int((~stay.observed).sum())
        first, last = int(stays[0].frames[0]), int(stays[-1].frames[-1])
        box = as_box(stays[0].boxes[0])
        self.faces.append(TrackedFace(Face(box, ""), first, last, frames, estimated))

    def _try_out(self, tracks: list[Track]) -> None:
        """Move each track on to a stage that hides it in a few of its frames."""
        trials: dict[int, list[int]] = {}
        for track in tracks:
            for number in self._casting.trials(track):
                trials.setdefault(number, []).append(track.number)
        if not trials:
            return
        for number, frame in enumerate(islice(self._frames(), max(trials) + 1)):
            for track_number in dict.fromkeys(trials.get(number, ())):
                shown = next(s for s in self._shown[number] if s.track == track_number)
                self._casting.try_in(frame.image, shown)
            self._on_frame("choose")

    def _report(self) -> None:
        casts = self._casting.casts.values()
        for tracked, cast in zip(self.faces, casts, strict=True):
            tracked.face = cast.face(tracked.face.box)


def check_selection(anonymizer: Anonymizer) -> None:
    """Raise ``ValueError`` for boxes to keep, which say nothing where faces move."""
    if anonymizer.selection.keep or anonymizer.selection.only:
        raise ValueError(
            "boxes of --keep and --only are for photos, since faces of a video move; --keep takes "
            "a photo of the person, too"
        )


def _plausible(times: list[float]) -> list[float]:
    """The times, or 25 frames a second where they are nearer to each other than any camera's.

    Smoothing takes a face for one that hardly moves where time hardly passes.
    """
    if len(times) < 2 or (times[-1] - times[0]) / (len(times) - 1) >= _SHORTEST_STEP:
        return times
    return [number / _USUAL_RATE for number in range(len(times))]


def _smoothed(
    stay: Stay, seconds: Float[Tensor, "n"]
) -> tuple[Float[Tensor, "n 68 2"], Bool[Tensor, "n"]]:
    """Landmarks over time; as they are where no frame of the stay has any."""
    if not stay.landmarks.isfinite().all() or not stay.observed.any():
        return stay.landmarks, torch.zeros(len(seconds), dtype=torch.bool)
    smoothed = smooth_landmarks(stay.landmarks, seconds, observed=stay.observed)
    return smoothed.landmarks, smoothed.outliers


def _turning(landmarks: Float[Tensor, "n 68 2"]) -> float:
    """Crops of a stay are all turned with the face or none is, or they would jump."""
    if not landmarks.isfinite().all():
        return UPRIGHT_WITHIN
    most = max(abs(tilt(points)) for points in landmarks)
    return NEVER if most <= UPRIGHT_WITHIN else ALWAYS
