"""Which faces stay unchanged."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.metrics import box_iou

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


@dataclass(frozen=True)
class Selection:
    """Faces to keep, by identity or place. All others are replaced, and so is a doubtful one.

    Args:
        people: descriptors of people to keep, by the recognizer of the anonymizer.
        threshold: descriptor distance up to which a face is one of them.
        keep: boxes of faces that stay.
        only: boxes of the faces that are to be replaced; every other one stays. Empty: all are.
        overlap: least intersection over union of a face's box and a given one.
    Raises:
        ValueError: a box without an area, a threshold or overlap out of range; both ``only`` and
            something to keep.

    Example:
        >>> selection = Selection(keep=((10.0, 10.0, 50.0, 50.0),))
        >>> selection.kept(torch.tensor([[12.0, 8.0, 52.0, 48.0], [60, 10, 99, 50]]), [None, None])
        [True, False]
    """

    people: tuple[Float[Tensor, "d"], ...] = ()
    threshold: float = 0.5
    keep: tuple[Box, ...] = ()
    only: tuple[Box, ...] = ()
    overlap: float = 0.3

    def __post_init__(self) -> None:
        for left, top, right, bottom in (*self.keep, *self.only):
            if not (left < right and top < bottom):
                raise ValueError(
                    f"expected boxes left < right, top < bottom, got {(left, top, right, bottom)}"
                )
        if not (self.threshold > 0 and 0 < self.overlap <= 1):
            raise ValueError(
                f"expected threshold above 0 and overlap in 0 to 1, got {self.threshold}, "
                f"{self.overlap}"
            )
        if self.only and (self.people or self.keep):
            raise ValueError("expected faces to keep, or the only faces to replace, got both")

    def kept(
        self, boxes: Float[Tensor, "n 4"], descriptors: Sequence[Float[Tensor, "d"] | None]
    ) -> list[bool]:
        """Which faces of an image stay. A person or a box matches one face at most.

        Args:
            boxes: of the faces.
            descriptors: of the faces, None where there is none.
        """
        if self.only:
            chosen = self._matched(boxes, self.only)
            return [index not in chosen for index in range(len(boxes))]
        stays = self._matched(boxes, self.keep) | self._recognized(descriptors)
        return [index in stays for index in range(len(boxes))]

    def unmatched(self, boxes: Float[Tensor, "n 4"]) -> list[Box]:
        """Boxes of ``only`` in which no face was found."""
        return [box for box in self.only if not self._matched(boxes, (box,))]

    def _matched(self, boxes: Tensor, given: Sequence[Box]) -> set[int]:
        if not len(boxes):
            return set()
        found = set()
        for box in given:
            overlaps = box_iou(boxes.double(), torch.tensor([box], dtype=torch.float64))[:, 0]
            best = int(overlaps.argmax())
            if overlaps[best] >= self.overlap:
                found.add(best)
        return found

    def _recognized(self, descriptors: Sequence[Tensor | None]) -> set[int]:
        found = set()
        for person in self.people:
            distances = [
                torch.inf if one is None else float((one - person).norm()) for one in descriptors
            ]
            if distances and min(distances) <= self.threshold:
                found.add(distances.index(min(distances)))
        return found
