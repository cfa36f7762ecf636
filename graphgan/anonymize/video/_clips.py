"""Replace the faces of a video or an animation, with one person per track.

The frames are read three times, so that only one is held at a time: to find and track the faces, to
choose a condition for each track that hides it, and to replace the faces.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan._threads import results_in_order
from graphgan.anonymize._anonymizer import Anonymizer
from graphgan.anonymize._conditions import Look
from graphgan.anonymize._faces import LEAST_SHOWN, Face, as_box
from graphgan.anonymize.video._smooth_tracklets import SmoothTracklet, upright_within
from graphgan.anonymize.video._track_replacer import ReplacedFrame, TrackedRegion, TrackReplacer
from graphgan.anonymize.video._tracking import Observation, Track, Tracker, fill
from graphgan.landmarks import Detection
from graphgan.landmarks._alignment import align_face

_DESCRIBE_EVERY = 10  # frames between two descriptors of a face, which tell tracks apart


class ClipFrame(NamedTuple):
    """A frame and its time.

    Shapes:
        ``image: 3 h w``; ``time`` in seconds, increasing
    """

    image: UInt8[Tensor, "3 h w"]
    time: float


@dataclass
class TrackedFace:
    """The face of one person in a clip.

    Args:
        face: the outcome; its box is that of the first frame.
        first, last: numbers of the first and last frame in which it was covered.
        frames: in how many frames it was covered.
        estimated: in how many of them it was not found but interpolated or held.
    """

    face: Face
    first: int
    last: int
    frames: int
    estimated: int


class Clip:
    """The tracks of a clip, each with its person; `images` gives the frames with other faces.

    Args:
        anonymizer: replaces faces.
        frames: gives all frames, the same at every call.
        key: names the clip; conditions depend on it.
        check_every: frames between two checks whether a result is recognized.
        max_gap, hold: frames to bridge between two detections, and to cover before and after.
        on_frame: called with the name of the pass after every frame, for a progress bar.
    Attributes:
        faces: one per track, complete when all images were taken.
        num_frames: of the clip.
    Raises:
        ValueError: no frames; boxes to keep, which mean nothing in a clip.
    """

    def __init__(
        self,
        anonymizer: Anonymizer,
        frames: Callable[[], Iterable[ClipFrame]],
        *,
        key: str = "",
        check_every: int = 10,
        max_gap: int = 25,
        hold: int = 5,
        on_frame: Callable[[str], None] = lambda step: None,
    ) -> None:
        check_selection(anonymizer)
        self._frames = frames
        self._every = check_every
        self._on_frame = on_frame
        tracker, times = Tracker(max_gap=max_gap), list[float]()
        for frame, found in observe(anonymizer, frames()):
            tracker.update(len(times), found)
            times.append(frame.time)
            on_frame("find")
        if not times:
            raise ValueError("expected frames, got none")
        self.num_frames = len(times)
        self._regions: dict[int, list[TrackedRegion]] = {}
        self.faces: list[TrackedFace] = []
        self._replacer = TrackReplacer(anonymizer, key)
        for track in tracker.tracks:
            self._add(track, times, max_gap, hold)
            self._replacer.add(track)
        self._try_out(tracker.tracks)
        self._report()

    @property
    def found(self) -> bool:
        """Whether any face was found."""
        return bool(self.faces)

    def regions(self, number: int) -> list[tuple[int, Detection]]:
        """The tracks that are covered in a frame, and where."""
        return [(region.track, region.found) for region in self._regions.get(number, ())]

    def images(self) -> Iterator[UInt8[Tensor, "3 h w"]]:
        """The frames in order, with the faces replaced."""
        for number, replaced in enumerate(
            results_in_order(enumerate(self._frames()), self._replaced)
        ):
            self._replacer.record(number, replaced)
            yield replaced.image
            self._on_frame("replace")
        self._report()

    def _replaced(self, frame: tuple[int, ClipFrame]) -> ReplacedFrame:
        number, (image, _) = frame
        regions = self._regions.get(number, ())
        return self._replacer.replace(image, regions, check=number % self._every == 0)

    def _add(self, track: Track, times: list[float], max_gap: int, hold: int) -> None:
        """Find the smooth regions of the track in each frame."""
        tracklets = fill(track, max_gap=max_gap, hold=hold, first=0, last=len(times) - 1)
        for tracklet in tracklets:
            smooth = SmoothTracklet.of(tracklet, [times[t] for t in tracklet.frames.tolist()])
            within, least = upright_within(smooth.landmarks), LEAST_SHOWN
            for row, number in enumerate(tracklet.frames.tolist()):
                least = smooth.least_shown(row, least)
                regions = smooth.regions(row, within, least)
                self._regions.setdefault(number, []).extend(regions)
        first, last = int(tracklets[0].frames[0]), int(tracklets[-1].frames[-1])
        frames = sum(len(tracklet.frames) for tracklet in tracklets)
        estimated = sum(int((~tracklet.observed).sum()) for tracklet in tracklets)
        box = as_box(tracklets[0].boxes[0])
        self.faces.append(TrackedFace(Face(box, ""), first, last, frames, estimated))

    def _try_out(self, tracks: list[Track]) -> None:
        """Move each track on to a attempt that hides it in a few of its frames."""
        trials: dict[int, list[int]] = {}
        for track in tracks:
            for number in self._replacer.trial_frames(track):
                trials.setdefault(number, []).append(track.number)
        if not trials:
            return
        for number, frame in enumerate(islice(self._frames(), max(trials) + 1)):
            for tried in trials.get(number, ()):
                region = next(one for one in self._regions[number] if one.track == tried)
                self._replacer.try_in(frame.image, region)
            self._on_frame("choose")

    def _report(self) -> None:
        states = self._replacer.states.values()
        for tracked, state in zip(self.faces, states, strict=True):
            tracked.face = state.face(tracked.face.box)


def check_selection(anonymizer: Anonymizer) -> None:
    """Raise ``ValueError`` for boxes to keep, which mean nothing where faces move."""
    if anonymizer.selection.keep or anonymizer.selection.only:
        raise ValueError(
            "boxes of --keep and --only work for photos only, since faces in a video move; --keep "
            "also takes a photo of the person"
        )


def observe(
    anonymizer: Anonymizer, frames: Iterable[ClipFrame]
) -> Iterator[tuple[ClipFrame, list[Observation]]]:
    """Each frame with its faces for the tracker; several frames are searched at once."""

    def found_in(frame: ClipFrame) -> tuple[ClipFrame, list[Observation]]:
        found = anonymizer.detector(frame.image)
        return frame, _observed(anonymizer, frame.image, found)

    before = 0
    for number, (frame, faces) in enumerate(results_in_order(frames, found_in)):
        # New faces and those that meet are told apart at once, others now and then.
        due = number % _DESCRIBE_EVERY == 0 or len(faces) != before
        before = len(faces)
        if due and anonymizer.tells_people:
            faces = _described(anonymizer, frame.image, faces)
        yield frame, faces


def _observed(
    anonymizer: Anonymizer, image: Tensor, found: Sequence[Detection]
) -> list[Observation]:
    landmarks = [_trusted(face.landmarks) for face in found]
    eyes = anonymizer.eye_states(image, landmarks)
    return [
        Observation(face.box, points, eyes=state)
        for face, points, state in zip(found, landmarks, eyes, strict=True)
    ]


def _described(
    anonymizer: Anonymizer, image: Tensor, faces: Sequence[Observation]
) -> list[Observation]:
    landmarks = [face.landmarks for face in faces]
    looks: list[Look | None] = anonymizer.looks(image, landmarks)
    told = zip(faces, anonymizer.describe(image, landmarks), looks, strict=True)
    return [
        dataclasses.replace(face, descriptor=descriptor, look=look)
        for face, descriptor, look in told
    ]


def _trusted(landmarks: Float[Tensor, "68 2"]) -> Float[Tensor, "68 2"]:
    """NaN for landmarks that are not a face's: they would disturb those of other frames."""
    try:
        align_face(landmarks)
    except ValueError:
        return torch.full_like(landmarks, torch.nan)
    return landmarks
