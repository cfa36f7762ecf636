"""Link the faces of successive frames into tracks, and fill the gaps of tracks."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from graphgan._checks import check_positive
from graphgan.anonymize._conditions import Look
from graphgan.extras import needs_extra
from graphgan.metrics import box_iou

# A pair costs 1 for its overlap and this for its descriptors at most: to link is always cheaper.
_MOST_UNLIKE = 2.0
_ALONE, _FORBIDDEN = 1e3, 1e6
# Of a pair without descriptors: neither alike nor unlike.
_NEUTRAL = 0.5
# Least intersection over union of boxes that are linked. Largest distance of descriptors by which a
# face without overlap is taken up (dlib's are of one person up to 0.6), and that from which overlap
# does not count: between the two it decides, since a turned or blurred face is far from the same
# person's mean.
_LEAST_OVERLAP, _SAME_PERSON, _OTHER_PERSON = 0.1, 0.6, 0.8
# Share of the newest step in the velocity: boxes come in coarse steps.
_NEWEST = 0.5
# Looks of a track: more of them tell no more.
_MOST_LOOKS = 16
EDGE = 5
"""The motion over so many frames predicts a face before the first or after the last of them."""


@dataclass(frozen=True)
class Observation:
    """One face in one frame, in the frame's pixels.

    Shapes:
        ``box: 4`` (left, top, right, bottom), ``landmarks: k 2`` (NaN where missing),
        ``descriptor: d``, near to those of the same person by Euclidean distance

    Args:
        look: decides who is shown, if it was measured.
        eyes: see `eye_states`, if they were measured.
    """

    box: Float[Tensor, "4"]
    landmarks: Float[Tensor, "k 2"]
    descriptor: Float[Tensor, "d"] | None = None
    look: Look | None = None
    eyes: Float[Tensor, "6"] | None = None


@dataclass
class Track:
    """One person through the frames: observations by frame number, and one descriptor.

    Attributes:
        number: of the person, from 0.
        observations: by frame number, in order, without their descriptors.
        descriptor: mean of those observed; None if there are none.
        looks: the first ones observed.
    """

    number: int
    observations: dict[int, Observation] = field(default_factory=dict)
    descriptor: Float[Tensor, "d"] | None = None
    looks: list[Look] = field(default_factory=list)
    _described: int = 0
    _velocity: Float[Tensor, "2"] | None = None

    @property
    def last_frame(self) -> int:
        """Number of the frame of the newest observation."""
        return next(reversed(self.observations))

    def add(self, frame: int, observation: Observation) -> None:
        """Add the observation of a frame after ``last_frame``."""
        if self.observations:
            self._follow(frame, observation)
        self.observations[frame] = dataclasses.replace(observation, descriptor=None, look=None)
        if observation.look is not None and len(self.looks) < _MOST_LOOKS:
            self.looks.append(observation.look)
        if observation.descriptor is not None:
            self._described += 1
            old = torch.zeros_like(observation.descriptor)
            old = old if self.descriptor is None else self.descriptor
            self.descriptor = old + (observation.descriptor - old) / self._described

    def forget(self, before: int) -> None:
        """Drop the observations of frames before this one, but for the last."""
        for frame in [frame for frame in self.observations if frame < before]:
            if frame != self.last_frame:
                del self.observations[frame]

    def predicted_box(self, frame: int) -> Float[Tensor, "4"]:
        """The box at the velocity of the last frames, its size unchanged."""
        box = self._last_box()
        if self._velocity is None:
            return box
        return box + self._velocity.repeat(2) * (frame - self.last_frame)

    def overlap(self, frame: int, box: Float[Tensor, "4"]) -> float:
        """With the predicted box; after a gap half as much with the last: it may have stopped."""
        near = _iou(box, self.predicted_box(frame))
        return near if frame - self.last_frame == 1 else max(near, _iou(box, self._last_box()) / 2)

    def _last_box(self) -> Float[Tensor, "4"]:
        return self.observations[self.last_frame].box.detach().cpu().double()

    def _follow(self, frame: int, observation: Observation) -> None:
        last = self.last_frame
        moved = observation.box.detach().cpu().double() - self._last_box()
        velocity = moved.view(2, 2).mean(0) / (frame - last)
        if self._velocity is not None:
            velocity = self._velocity + _NEWEST * (velocity - self._velocity)
        self._velocity = velocity


class Tracker:
    """Link the faces of each frame to those of earlier frames.

    A face may join a track if it overlaps the track's predicted box, or if their descriptors belong
    to one person, but never if they belong to two. Of all assignments with at most one face per
    track, the one with most pairs is chosen, and of those the cheapest by the sum of
    ``1 - IoU + distance / 0.6`` over the pairs.

    After ``max_gap`` frames without a face, a track can only continue by its descriptor, and `fill`
    covers nothing in between. Without descriptors, people who return are new tracks, and people who
    pass each other are told apart by their motion.

    Args:
        max_gap: how many frames a track waits at its predicted place.
    Raises:
        ValueError: a gap below 1.
    """

    def __init__(self, *, max_gap: int = 25) -> None:
        check_positive(max_gap=max_gap)
        self.max_gap = max_gap
        self.tracks: list[Track] = []
        self._count = 0
        self._frame = -math.inf

    def update(self, frame_number: int, observations: Sequence[Observation]) -> list[int]:
        """The track numbers of the faces of a frame, in order; all different.

        Raises:
            ValueError: a frame that does not come after the last, a box without an area.
        """
        if not frame_number > self._frame:
            raise ValueError(f"expected a frame after {self._frame}, got {frame_number}")
        boxes = [observation.box.detach().cpu().double() for observation in observations]
        for box in boxes:
            if not (box.isfinite().all() and (box[2:] > box[:2]).all()):
                raise ValueError(f"expected left < right and top < bottom, got {box.tolist()}")
        self._frame = frame_number
        rows = [
            [self._cost(track, frame_number, face, box) for track in self.tracks]
            for face, box in zip(observations, boxes, strict=True)
        ]
        linked = []
        for observation, chosen in zip(observations, _link(rows), strict=True):
            if chosen is None:
                chosen = len(self.tracks)
                self.tracks.append(Track(self._count))
                self._count += 1
            self.tracks[chosen].add(frame_number, observation)
            linked.append(self.tracks[chosen].number)
        return linked

    def forget(self, before: int, *, most: int) -> None:
        """Forget what an endless stream would pile up.

        Args:
            before: drop observations before this frame, except the last one of each track.
            most: how many people not seen since then to remember. Those who have been away longest
                are forgotten, and are new tracks when they return.
        """
        away = [track for track in self.tracks if track.last_frame < before]
        away.sort(key=lambda track: track.last_frame)
        gone = {track.number for track in away[: max(len(away) - most, 0)]}
        self.tracks = [track for track in self.tracks if track.number not in gone]
        for track in self.tracks:
            track.forget(before)

    def _cost(self, track: Track, frame: int, face: Observation, box: Tensor) -> float:
        waits = frame - track.last_frame <= self.max_gap + 1
        overlap = track.overlap(frame, box) if waits else 0.0
        if face.descriptor is None or track.descriptor is None:
            allowed, unlike = overlap >= _LEAST_OVERLAP, _NEUTRAL
        else:
            distance = float((face.descriptor - track.descriptor).norm())
            nearest = _OTHER_PERSON if overlap >= _LEAST_OVERLAP else _SAME_PERSON
            allowed, unlike = distance <= nearest, distance / _SAME_PERSON
        return 1 - overlap + min(unlike, _MOST_UNLIKE) if allowed else _FORBIDDEN


def _iou(a: Float[Tensor, "4"], b: Float[Tensor, "4"]) -> float:
    return float(box_iou(a[None], b[None]))


def _link(costs: list[list[float]]) -> list[int | None]:
    """The cheapest assignment of rows to columns, with as many pairs as are allowed.

    Example:
        >>> _link([[1.0, 2.0], [1.1, 4.0], [1e6, 1e6]])
        [1, 0, None]
    """
    if not costs or not costs[0]:
        return [None] * len(costs)
    with needs_extra("recipes"):
        from scipy.optimize import linear_sum_assignment
    alone = np.full((len(costs), len(costs)), _ALONE)
    _, columns = linear_sum_assignment(np.concatenate((np.array(costs), alone), 1))
    return [column if column < len(costs[0]) else None for column in columns.tolist()]


@dataclass(frozen=True)
class Tracklet:
    """A part of a track without holes: coordinates for every frame that is to be covered.

    Shapes:
        ``frames: n`` (numbers, one after the other), ``boxes: n 4``, ``landmarks: n k 2``,
        ``observed: n`` (landmarks were found), ``held: n`` (before the first or after the last
        observation, or in a gap that is longer than what is held), ``eyes: n 6`` (NaN where they
        were not measured)
    """

    track: int
    frames: Int64[Tensor, "n"]
    boxes: Float[Tensor, "n 4"]
    landmarks: Float[Tensor, "n k 2"]
    observed: Bool[Tensor, "n"]
    held: Bool[Tensor, "n"]
    eyes: Float[Tensor, "n 6"]


def fill(
    track: Track,
    *,
    max_gap: int = 25,
    hold: int = 5,
    first: int | None = None,
    last: int | None = None,
) -> list[Tracklet]:
    """Fill a track with coordinates for every frame in which its face may be.

    Between two observations that miss at most ``max_gap`` frames, they are interpolated on straight
    lines; a longer gap divides the track into tracklets. Before the first and after the last
    observation of a tracklet, ``hold`` more frames are covered: the face keeps its shape and
    continues its motion in the last few observations (the line through those less than five frames
    away), but by at most one side of its box, so that fast motion does not carry it too far.
    Between two tracklets a frame belongs to the nearer one.

    Frames that are held, and gaps of more than ``hold`` frames, are flagged: there may be no face.

    Args:
        track: with at least one observation. Landmarks with any NaN are placed by their box, as the
            nearest others lie in theirs; where no frame has any, they stay NaN, and the boxes alone
            tell what to cover.
        max_gap: longest run of missing frames that is interpolated.
        hold: frames to cover beyond observations.
        first, last: frame numbers of the video, which holding does not go beyond.
    Returns:
        The tracklets in order; `smooth_landmarks` takes one at a time.
    Raises:
        ValueError: no observation, a negative number.
    """
    if min(max_gap, hold) < 0:
        raise ValueError(f"expected max_gap and hold of at least 0, got {max_gap} and {hold}")
    if not track.observations:
        raise ValueError(f"expected observations in track {track.number}, got none")
    numbers = torch.tensor(list(track.observations))
    boxes = torch.stack([face.box for face in track.observations.values()]).cpu()
    landmarks = torch.stack([face.landmarks for face in track.observations.values()]).cpu()
    found = landmarks.isfinite().all(-1).all(-1)
    landmarks = _placed_by_boxes(landmarks, boxes, found)
    tracklets = []
    for rows, frames in _tracklets(list(track.observations), max_gap, hold):
        inside = [
            t for t in frames if (first is None or t >= first) and (last is None or t <= last)
        ]
        steps = torch.tensor(inside, dtype=torch.long)
        if inside:
            filled, held = _filled(numbers[rows], boxes[rows], landmarks[rows], steps, hold)
            observed = torch.isin(steps, numbers[found])
            marks = filled[:, 2:].to(landmarks)
            corners = filled[:, :2].flatten(1).to(boxes)
            eyes = _eyes_of(track, steps.tolist())
            tracklets.append(Tracklet(track.number, steps, corners, marks, observed, held, eyes))
    return tracklets


def _tracklets(seen: list[int], max_gap: int, hold: int) -> list[tuple[slice, range]]:
    """The observations of each tracklet, and its frames."""
    cuts = [i for i, (a, b) in enumerate(pairwise(seen), 1) if b - a - 1 > max_gap]
    ranges = []
    for begin, end in pairwise([0, *cuts, len(seen)]):
        start, stop = seen[begin] - hold, seen[end - 1] + hold
        if begin > 0:
            start = max(start, (seen[begin - 1] + seen[begin]) // 2 + 1)
        if end < len(seen):
            stop = min(stop, (seen[end - 1] + seen[end]) // 2)
        ranges.append((slice(begin, end), range(start, stop + 1)))
    return ranges


def _eyes_of(track: Track, frames: list[int]) -> Float[Tensor, "n 6"]:
    eyes = torch.full((len(frames), 6), math.nan)
    for row, number in enumerate(frames):
        observation = track.observations.get(number)
        if observation is not None and observation.eyes is not None:
            eyes[row] = observation.eyes
    return eyes


def _placed_by_boxes(
    landmarks: Float[Tensor, "m k 2"], boxes: Float[Tensor, "m 4"], found: Bool[Tensor, "m"]
) -> Float[Tensor, "m k 2"]:
    """Landmarks that were not found lie in their box as the nearest found ones lie in theirs."""
    if not found.any():
        return torch.full_like(landmarks, math.nan)
    where, placed = found.nonzero()[:, 0], landmarks.clone()
    corners, sides = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    for i in (~found).nonzero()[:, 0]:
        source = where[(where - i).abs().argmin()]
        inside = (landmarks[source] - corners[source]) / sides[source]
        placed[i] = (inside * sides[i] + corners[i]).to(placed)
    return placed


def _filled(
    numbers: Int64[Tensor, "m"],
    boxes: Float[Tensor, "m 4"],
    landmarks: Float[Tensor, "m k 2"],
    frames: Int64[Tensor, "n"],
    hold: int,
) -> tuple[Float[Tensor, "n p 2"], Bool[Tensor, "n"]]:
    """The corners of the box and the landmarks in every frame, and which frames are held."""
    points = torch.cat((boxes.reshape(-1, 2, 2), landmarks), 1)
    nearest = frames.clamp(numbers[0], numbers[-1])
    right = torch.searchsorted(numbers, nearest)
    left = (right - 1).clamp(min=0)
    apart = numbers[right] - numbers[left]
    part = (nearest - numbers[left]) / apart.clamp(min=1)
    between = torch.lerp(points[left], points[right], part.to(points)[:, None, None])
    beyond = frames - nearest
    # Landmarks are finer than boxes, but may be missing altogether.
    centers = (landmarks if landmarks.isfinite().all() else points[:, :2]).mean(1).to(points)
    for end, outside in ((0, beyond < 0), (-1, beyond > 0)):
        shift = beyond[outside, None] * _velocity(numbers, centers, end)
        side = (boxes[end, 2:] - boxes[end, :2]).max()
        shift = shift * (side / shift.norm(dim=1, keepdim=True).clamp(min=1e-12)).clamp(max=1)
        between[outside] += shift[:, None].to(points)
    missed = (nearest != numbers[left]) & (nearest != numbers[right])
    return between, (beyond != 0) | (missed & (apart - 1 > hold))


def _velocity(
    numbers: Int64[Tensor, "m"], centers: Float[Tensor, "m 2"], end: int
) -> Float[Tensor, "2"]:
    """Slope of the line through the observations near to one end, in pixels a frame; 0 for one."""
    near = (numbers - numbers[end]).abs() < EDGE
    t = (numbers[near] - numbers[end]).to(centers)
    t = (t - t.mean())[:, None]
    slope: Tensor = (t * centers[near]).sum(0) / t.square().sum().clamp(min=1e-3)
    return slope
