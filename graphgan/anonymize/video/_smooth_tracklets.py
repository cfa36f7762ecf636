"""Smooth a tracklet, and find the regions to replace in each of its frames."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.anonymize._faces import LEAST_SHOWN, extent_of
from graphgan.anonymize.video._landmark_smoothing import smooth_eyes, smooth_landmarks
from graphgan.anonymize.video._track_replacer import TrackedRegion
from graphgan.anonymize.video._tracking import Tracklet
from graphgan.landmarks import Detection
from graphgan.landmarks._alignment import UPRIGHT_WITHIN, tilt
from graphgan.metrics import box_iou, landmark_box

_SHORTEST_STEP, _USUAL_RATE = 1 / 240, 25.0  # seconds, frames a second
_SAME_PLACE = 0.4  # intersection over union from which two boxes are of one face
_STAYS = 0.8  # of `LEAST_SHOWN`: somebody who is shown stays so until the face is so small

ALWAYS, NEVER = 0.0, 180.0
"""Degrees of tilt beyond which crops are rotated: all are, or none."""


class SmoothTracklet(NamedTuple):
    """A tracklet with landmarks and eyes that are smooth in time.

    Args:
        tracklet: as it was filled.
        landmarks: smooth, or unchanged if no frame has any.
        outliers: frames whose landmarks were not trusted.
        eyes: smooth, see `eye_states`; NaN if none were measured.
    """

    tracklet: Tracklet
    landmarks: Float[Tensor, "n 68 2"]
    outliers: Bool[Tensor, "n"]
    eyes: Float[Tensor, "n 6"]

    @classmethod
    def of(cls, tracklet: Tracklet, times: Sequence[float]) -> "SmoothTracklet":
        """Smooth a tracklet; ``times`` of its frames are in seconds."""
        if not tracklet.landmarks.isfinite().all() or not tracklet.observed.any():
            nothing = torch.full_like(tracklet.eyes, torch.nan)
            return cls(tracklet, tracklet.landmarks, torch.zeros_like(tracklet.held), nothing)
        seconds = torch.tensor(_plausible(times), dtype=torch.float64)
        smoothed = smooth_landmarks(tracklet.landmarks, seconds, observed=tracklet.observed)
        eyes = tracklet.eyes.masked_fill(smoothed.outliers[:, None], torch.nan)
        return cls(tracklet, smoothed.landmarks, smoothed.outliers, smooth_eyes(eyes))

    def least_shown(self, row: int, before: float) -> float:
        """The size from which the face is shown, by that of the frame before, against flicker."""
        return LEAST_SHOWN * (_STAYS if extent_of(self.landmarks[row]) >= before else 1.0)

    def regions(self, row: int, within: float, least_shown: float) -> list[TrackedRegion]:
        """The regions to cover: the smooth face, and its own box if that is elsewhere."""
        track, held = self.tracklet.track, bool(self.tracklet.held[row])
        box, points, eyes = self.tracklet.boxes[row], self.landmarks[row], self.eyes[row]
        regions = [
            TrackedRegion(
                *(track, Detection(_around(box, points), points), within, held, least_shown),
                eyes=eyes if eyes.isfinite().all() else None,
            )
        ]
        if self._is_apart(row):  # the face may really be there
            nowhere = torch.full_like(points, torch.nan)
            regions.append(TrackedRegion(track, Detection(box, nowhere), within, held))
        return regions

    def _is_apart(self, row: int) -> bool:
        """Whether the box or the landmarks of a frame lie away from the smooth ones."""
        points = self.landmarks[row]
        if not points.isfinite().all():
            return False  # the box alone is covered
        box, around = self.tracklet.boxes[row], landmark_box(points[None])
        overlap = box_iou(box[None].double(), around.double())
        return bool(self.outliers[row]) or bool(overlap < _SAME_PLACE)


def upright_within(landmarks: Float[Tensor, "n 68 2"]) -> float:
    """Rotate all crops of a tracklet with the face or none, since they would jump."""
    if not landmarks.isfinite().all():
        return UPRIGHT_WITHIN
    most = max(abs(tilt(points)) for points in landmarks)
    return NEVER if most <= UPRIGHT_WITHIN else ALWAYS


def _plausible(times: Sequence[float]) -> list[float]:
    """The times, or 25 frames a second if no camera is that fast.

    If time hardly passes, smoothing assumes that a face hardly moves.
    """
    if len(times) < 2 or (times[-1] - times[0]) / (len(times) - 1) >= _SHORTEST_STEP:
        return list(times)
    return [number / _USUAL_RATE for number in range(len(times))]


def _around(box: Float[Tensor, "4"], points: Float[Tensor, "68 2"]) -> Float[Tensor, "4"]:
    """The box, enlarged to hold the smooth landmarks."""
    if not points.isfinite().all():
        return box
    low, high = points.amin(0), points.amax(0)
    return torch.cat([torch.minimum(box[:2], low), torch.maximum(box[2:], high)])
