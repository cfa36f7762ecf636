"""The faces of one frame after the other, as the tracker takes them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan._threads import results_in_order
from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.conditions import Look
from graphgan.anonymize.video.tracking import Observation
from graphgan.landmarks.alignment import align_face
from graphgan.landmarks.detection import Detection

SAME_PLACE = 0.4
"""Intersection over union from which two boxes are of one face."""

Frame = TypeVar("Frame")


class Looker:
    """Look at all of every frame.

    Args:
        anonymizer: its detector looks, and its recogniser describes.
        describe_every: frames between two descriptors of a face.
    """

    def __init__(self, anonymizer: Anonymizer, describe_every: int) -> None:
        self._anonymizer = anonymizer
        self._describe_every = describe_every
        self._before = 0

    def look(
        self, frames: Iterable[Frame], image_of: Callable[[Frame], UInt8[Tensor, "3 h w"]]
    ) -> Iterator[tuple[Frame, list[Observation]]]:
        """Each frame with its faces; several frames are searched at once."""

        def found_in(frame: Frame) -> tuple[Frame, Sequence[Detection]]:
            return frame, self._anonymizer.detector(image_of(frame))

        for number, (frame, found) in enumerate(results_in_order(frames, found_in)):
            # New faces and those that meet are told apart at once, others now and then.
            due = number % self._describe_every == 0 or len(found) != self._before
            describe = due and self._anonymizer.tells_people
            self._before = len(found)
            yield frame, self._observations(image_of(frame), found, describe)

    def _observations(
        self, image: Tensor, faces: Sequence[Detection], describe: bool
    ) -> list[Observation]:
        landmarks = [_trusted(face.landmarks) for face in faces]
        descriptors: list[Tensor | None] = [None] * len(faces)
        looks: list[Look | None] = [None] * len(faces)
        if describe:
            descriptors = self._anonymizer.describe(image, landmarks)
            looks = self._anonymizer.looks(image, landmarks)
        return [
            Observation(face.box, points, descriptor, look)
            for face, points, descriptor, look in zip(
                faces, landmarks, descriptors, looks, strict=True
            )
        ]


def _trusted(landmarks: Float[Tensor, "68 2"]) -> Float[Tensor, "68 2"]:
    """NaN where they are no face's: they would pull at those of other frames."""
    try:
        align_face(landmarks)
    except ValueError:
        return torch.full_like(landmarks, torch.nan)
    return landmarks
