"""The faces of one frame after the other, as the tracker takes them."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.video.tracking import Observation
from graphgan.landmarks.alignment import align_face
from graphgan.landmarks.detection import Detection, FindFaces
from graphgan.metrics.detection import box_iou

SAME_PLACE = 0.4
"""Intersection over union from which two boxes are of one face."""

# Of a box's longer side, on either side of it: how far a face may move from frame to frame.
_AROUND = 0.5
# Of a frame: where windows around known faces are larger together, all of it is looked at.
_MOST_WINDOWS = 0.7


class Looker:
    """Look at frames in their order.

    Args:
        anonymizer: its detector looks, and its recogniser describes.
        detector: looks at every frame, around the faces that are known; the anonymiser's own, which
            looks at all of every frame, when None.
        search_every: frames between two looks of both detectors at all of a frame.
        describe_every: frames between two descriptors of a face.
    """

    def __init__(
        self,
        anonymizer: Anonymizer,
        detector: FindFaces | None,
        search_every: int,
        describe_every: int,
    ) -> None:
        self._anonymizer = anonymizer
        self._detector, self._search_every = detector, search_every
        self._describe_every = describe_every
        self._before = 0
        self._known: list[Detection] = []

    def __call__(self, number: int, image: UInt8[Tensor, "3 h w"]) -> list[Observation]:
        """The faces of a frame."""
        found = self._find(number, image)
        # New faces and those that meet are told apart at once, others now and then.
        describe = number % self._describe_every == 0 or len(found) != self._before
        self._before = len(found)
        return self._observations(image, found, describe)

    def _find(self, number: int, image: Tensor) -> list[Detection]:
        if self._detector is None:
            return list(self._anonymizer.detector(image))
        found = _look_near(self._detector, image, self._known)
        if number % self._search_every == 0:
            for look in (self._detector, self._anonymizer.detector):
                found += _others(look(image), found)
            self._known = found
        else:  # one that was lost from sight may come back where it was
            self._known = found + _others(self._known, found)
        return found

    def _observations(
        self, image: Tensor, faces: Sequence[Detection], describe: bool
    ) -> list[Observation]:
        landmarks = [_trusted(face.landmarks) for face in faces]
        descriptors: list[Tensor | None] = [None] * len(faces)
        if describe:
            descriptors = self._anonymizer.describe(image, landmarks)
        return [
            Observation(face.box, points, descriptor)
            for face, points, descriptor in zip(faces, landmarks, descriptors, strict=True)
        ]


def _trusted(landmarks: Float[Tensor, "68 2"]) -> Float[Tensor, "68 2"]:
    """NaN where they are no face's: they would pull at those of other frames."""
    try:
        align_face(landmarks)
    except ValueError:
        return torch.full_like(landmarks, torch.nan)
    return landmarks


def _look_near(
    detector: FindFaces, image: UInt8[Tensor, "3 h w"], known: Sequence[Detection]
) -> list[Detection]:
    """What a detector finds around faces that are known from frames before."""
    height, width = image.shape[1:]
    windows = [_window(face.box, (height, width)) for face in known]
    windows = [w for w in windows if w[0] < w[2] and w[1] < w[3]]
    if sum((w[2] - w[0]) * (w[3] - w[1]) for w in windows) > _MOST_WINDOWS * height * width:
        windows = [(0, 0, width, height)]
    found: list[Detection] = []
    for left, top, right, bottom in windows:
        corner = torch.tensor([left, top], dtype=torch.float32)
        for face in detector(image[:, top:bottom, left:right]):
            moved = Detection(face.box + corner.repeat(2), face.landmarks + corner)
            found += _others([moved], found)
    return found


def _window(box: Tensor, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box and what is around it, in whole pixels of the frame."""
    margin = _AROUND * float((box[2:] - box[:2]).max())
    low, high = (box[:2] - margin).floor(), (box[2:] + margin).ceil() + 1
    left, top = (max(int(edge), 0) for edge in low)
    right, bottom = (min(int(edge), end) for edge, end in zip(high, size[::-1], strict=True))
    return left, top, right, bottom


def _others(faces: Sequence[Detection], known: Sequence[Detection]) -> list[Detection]:
    """Those that are none of the known ones."""
    if not known:
        return list(faces)
    boxes = torch.stack([face.box for face in known]).double()
    return [f for f in faces if (box_iou(f.box[None].double(), boxes) < SAME_PLACE).all()]
