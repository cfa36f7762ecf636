"""The faces of one frame after the other, as the tracker takes them."""

from collections.abc import Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor

from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.video.tracking import Observation
from graphgan.landmarks.alignment import align_face
from graphgan.landmarks.detection import Detection, FindFaces
from graphgan.metrics.detection import box_iou

SAME_PLACE = 0.4
"""Intersection over union from which two boxes are of one face."""


class Looker:
    """Look at frames in their order.

    Args:
        anonymizer: its detector looks, and its embedder describes.
        detector: looks at every frame; the anonymiser's own when None.
        search_every: frames between two looks of the anonymiser's detector beside another one.
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

    def __call__(self, number: int, image: UInt8[Tensor, "3 h w"]) -> list[Observation]:
        """The faces of a frame."""
        found = self._find(number, image)
        # New faces and those that meet are told apart at once, others now and then.
        describe = number % self._describe_every == 0 or len(found) != self._before
        self._before = len(found)
        return [self._observation(image, face, describe) for face in found]

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


def _others(faces: Sequence[Detection], known: Sequence[Detection]) -> list[Detection]:
    """Those that are none of the known ones."""
    if not known:
        return list(faces)
    boxes = torch.stack([face.box for face in known]).double()
    return [f for f in faces if (box_iou(f.box[None].double(), boxes) < SAME_PLACE).all()]
