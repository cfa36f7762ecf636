"""The faces of a video or an animation replaced: one person a track, from first to last frame.

The frames are read three times, so that no more than one is held: to find and track the faces, to
choose for each track a condition that hides it, and to replace them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.faces import KEPT, Face, Stage, Task, as_box
from graphgan.anonymize.video.smoothing import smooth_landmarks
from graphgan.anonymize.video.tracking import Observation, Stay, Track, Tracker, fill
from graphgan.landmarks.alignment import UPRIGHT_WITHIN, align_face, tilt
from graphgan.landmarks.detection import Detection, FindFaces
from graphgan.metrics.detection import box_iou, landmark_box

_ALWAYS, _NEVER = 0.0, 180.0
# A turned head is far from itself: a few frames spread over a track tell whether it is hidden.
_TRIALS = 4
_SAME_PLACE = 0.4  # intersection over union of a box and that of landmarks


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


@dataclass
class _Shown:
    """A track in one frame."""

    track: int
    found: Detection
    upright_within: float


@dataclass
class _Cast:
    """What is shown for a track."""

    stages: list[Stage]
    kept: bool = False
    chosen: int = 0
    tries: int = 1
    distance: float | None = None
    remarks: list[str] = field(default_factory=list)


class Clip:
    """The tracks of a clip, found and cast; `images` gives the frames with other faces.

    Args:
        anonymizer: replaces faces.
        frames: gives all frames from the first on, the same each time that it is called.
        key: of the clip, such as its name: the conditions are drawn by it.
        detector: looks at every frame; the anonymiser's own when None.
        search_every: frames between two looks of the anonymiser's own detector, where another one
            looks at every frame: a face that only the former finds is bridged in between.
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
        detector: FindFaces | None = None,
        search_every: int = 12,
        describe_every: int = 10,
        check_every: int = 10,
        max_gap: int = 25,
        hold: int = 5,
        on_frame: Callable[[str], None] = lambda step: None,
    ) -> None:
        if anonymizer.selection.keep or anonymizer.selection.only:
            raise ValueError("expected people to keep, got boxes: faces of a video move")
        self._anonymizer = anonymizer
        self._frames = frames
        self._key = key
        self._every = check_every
        self._detector, self._search_every = detector, search_every
        self._on_frame = on_frame
        times, tracks = self._observe(describe_every, max_gap)
        if not times:
            raise ValueError("expected frames, got none")
        self.num_frames = len(times)
        self._shown: dict[int, list[_Shown]] = {}
        self.faces: list[TrackedFace] = []
        for track in tracks:
            self._follow(track, times, max_gap, hold)
        self._casts = [self._cast_of(track) for track in tracks]
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
        for number, frame in enumerate(self._frames()):
            yield self._replaced(number, frame.image)
            self._on_frame("replace")
        self._report()

    def _observe(self, describe_every: int, max_gap: int) -> tuple[list[float], list[Track]]:
        tracker = Tracker(max_gap=max_gap)
        times: list[float] = []
        before = 0
        for number, frame in enumerate(self._frames()):
            times.append(frame.time)
            found = self._find(number, frame.image)
            # New faces and those that meet are told apart at once, others now and then.
            describe = number % describe_every == 0 or len(found) != before
            faces = [self._observation(frame.image, face, describe) for face in found]
            tracker.update(number, faces)
            before = len(found)
            self._on_frame("find")
        return times, tracker.tracks

    def _find(self, number: int, image: Tensor) -> list[Detection]:
        if self._detector is None:
            return list(self._anonymizer.detector(image))
        found = list(self._detector(image))
        if number % self._search_every == 0:
            found += _others(self._anonymizer.detector(image), found)
        return found

    def _observation(self, image: Tensor, face: Detection, describe: bool) -> Observation:
        landmarks = face.landmarks
        try:
            align_face(landmarks)
        except ValueError:  # no face's: they would pull at those of other frames
            landmarks = torch.full_like(landmarks, torch.nan)
        descriptor = self._anonymizer.describe(image, landmarks) if describe else None
        return Observation(face.box, landmarks, descriptor)

    def _follow(self, track: Track, times: list[float], max_gap: int, hold: int) -> None:
        """Where the track's face is in each frame, smooth and without gaps."""
        frames = estimated = 0
        last_frame = len(times) - 1
        stays = fill(track, max_gap=max_gap, hold=hold, first=0, last=last_frame)
        for stay in stays:
            seconds = torch.tensor([times[t] for t in stay.frames.tolist()], dtype=torch.float64)
            landmarks, outliers = _smoothed(stay, seconds)
            within = _turning(landmarks)
            rows = zip(stay.frames.tolist(), stay.boxes, landmarks, strict=True)
            for row, (number, box, points) in enumerate(rows):
                shown = self._shown.setdefault(number, [])
                found = Detection(_around(box, points), points)
                shown.append(_Shown(track.number, found, within))
                if outliers[row] and _apart(raw := track.observations[number].box, points):
                    # It may be the truth.
                    nowhere = torch.full_like(points, torch.nan)
                    shown.append(_Shown(track.number, Detection(raw, nowhere), within))
            frames += len(stay.frames)
            estimated += int((~stay.observed).sum())
        first, last = int(stays[0].frames[0]), int(stays[-1].frames[-1])
        box = as_box(stays[0].boxes[0])
        self.faces.append(TrackedFace(Face(box, ""), first, last, frames, estimated))

    def _cast_of(self, track: Track) -> _Cast:
        stages = self._anonymizer.stages(f"{self._key}#{track.number}")
        some = list(islice(stages, self._anonymizer.tries + 2))
        people = self._anonymizer.selection.people
        near = self._anonymizer.selection.threshold
        kept = track.descriptor is not None and any(
            float((track.descriptor - person).norm()) <= near for person in people
        )
        return _Cast(some, kept)

    def _try_out(self, tracks: list[Track]) -> None:
        """Move each track on to a stage that hides it in a few of its frames."""
        trials: dict[int, list[int]] = {}
        for track, cast in zip(tracks, self._casts, strict=True):
            seen = [n for n, o in track.observations.items() if o.landmarks.isfinite().all()]
            for i in range(0 if cast.kept else min(_TRIALS, len(seen))):
                number = seen[i * (len(seen) - 1) // max(min(_TRIALS, len(seen)) - 1, 1)]
                trials.setdefault(number, []).append(track.number)
        if not trials:
            return
        for number, frame in enumerate(islice(self._frames(), max(trials) + 1)):
            for track_number in dict.fromkeys(trials.get(number, ())):
                self._try_in(number, frame.image, track_number)
            self._on_frame("choose")

    def _try_in(self, number: int, image: Tensor, track: int) -> None:
        cast = self._casts[track]
        shown = next(s for s in self._shown[number] if s.track == track)
        left = iter(cast.stages[cast.chosen :] + cast.stages[-1:])
        result = self._anonymizer.replace(
            image, [Task(shown.found, left, None, shown.upright_within)]
        )
        (face,) = result.faces
        if any(remark.startswith("cannot be aligned") for remark in face.remarks):
            return  # so it is in this frame alone
        cast.chosen = min(cast.chosen + face.tries - 1, len(cast.stages) - 1)
        cast.tries = max(cast.tries, cast.chosen + 1)
        cast.remarks += [remark for remark in face.remarks if remark not in cast.remarks]
        if face.distance is not None:
            cast.distance = min(face.distance, cast.distance or face.distance)

    def _replaced(self, number: int, image: Tensor) -> Tensor:
        tasks, tracks = [], []
        for shown in self._shown.get(number, ()):
            cast = self._casts[shown.track]
            if not cast.kept:
                stages = self._stages_in_a_frame(cast)
                tasks.append(Task(shown.found, stages, None, shown.upright_within))
                tracks.append(shown.track)
        if not tasks:
            return image
        result = self._anonymizer.replace(image, tasks, check=number % self._every == 0)
        for track, face in zip(tracks, result.faces, strict=True):
            if face.remarks:
                remark = f"frame {number}: {face.method}, since {face.remarks[0]}"
                self._casts[track].remarks.append(remark)
        return result.image

    def _stages_in_a_frame(self, cast: _Cast) -> Iterator[Stage]:
        yield cast.stages[cast.chosen]
        yield from self._anonymizer.covers()

    def _report(self) -> None:
        for tracked, cast in zip(self.faces, self._casts, strict=True):
            stage = cast.stages[cast.chosen]
            condition = None if stage.condition is None else stage.condition.name
            what = (KEPT, None) if cast.kept else (stage.method.name, condition)
            tracked.face = Face(
                tracked.face.box, *what, cast.distance, cast.tries, tuple(cast.remarks)
            )


def _others(faces: Sequence[Detection], known: Sequence[Detection]) -> list[Detection]:
    """Those that are none of the known ones."""
    if not known:
        return list(faces)
    boxes = torch.stack([face.box for face in known]).double()
    return [f for f in faces if (box_iou(f.box[None].double(), boxes) < _SAME_PLACE).all()]


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
    return _NEVER if most <= UPRIGHT_WITHIN else _ALWAYS


def _apart(box: Float[Tensor, "4"], points: Float[Tensor, "68 2"]) -> bool:
    """Whether a box is not where the landmarks are."""
    return bool(box_iou(box[None].double(), landmark_box(points[None]).double()) < _SAME_PLACE)


def _around(box: Float[Tensor, "4"], points: Float[Tensor, "68 2"]) -> Float[Tensor, "4"]:
    """The box, which must hold the middle of the smooth landmarks: else it is made to."""
    if not points.isfinite().all():
        return box
    low, high = points.amin(0), points.amax(0)
    return torch.cat([torch.minimum(box[:2], low), torch.maximum(box[2:], high)])
