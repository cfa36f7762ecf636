"""The three contracts of this room: who is where, where their landmarks are, and who they are.

A tool of your own is one small class with a `name`, a `fingerprint` and a call:

    class WholeImage:
        name = "whole image"
        fingerprint = "1"

        def __call__(self, image):
            height, width = image.shape[1:]
            return Faces.of_boxes(torch.tensor([[0.0, 0.0, width - 1, height - 1]]))

A tool is sent to other processes before it is first used: whatever cannot be sent, such as a loaded
network, is made on first use.
"""

from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, UInt8
from torch import Tensor


class Faces(NamedTuple):
    """The faces that a detector found in one image, the surest first.

    Args:
        boxes: left, top, right and bottom, in pixels.
        scores: how sure the detector is, in [0, 1].
        points: the person's right eye, left eye, and others that differ by detector; ``p`` is 0 for
            detectors that find none.
    """

    boxes: Float[Tensor, "n 4"]
    scores: Float[Tensor, "n"]
    points: Float[Tensor, "n p 2"]

    @classmethod
    def of_boxes(cls, boxes: Float[Tensor, "n 4"]) -> "Faces":
        """Faces of which only the boxes are known."""
        return cls(boxes, boxes.new_ones(len(boxes)), boxes.new_zeros(len(boxes), 0, 2))

    def at(self, where: Tensor) -> "Faces":
        """The faces at these indices, or those that a mask chooses."""
        return Faces(*(values[where] for values in self))


class Landmarks(NamedTuple):
    """The landmarks of several faces of one image.

    Args:
        points: iBUG-68, in pixels.
        confidences: how sure the landmarker is that this is a face, in [0, 1].
    """

    points: Float[Tensor, "n 68 2"]
    confidences: Float[Tensor, "n"]


@runtime_checkable
class FaceDetector(Protocol):
    """Finds the faces of an image.

    Attributes:
        name: in tables and on the command line.
        fingerprint: cached results stay valid as long as this does not change.
    """

    name: str
    fingerprint: str

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> Faces:
        """All faces, the surest first."""
        ...


@runtime_checkable
class Landmarker(Protocol):
    """Finds the 68 landmarks of faces whose place is known.

    Attributes:
        name, fingerprint: see `FaceDetector`.
    """

    name: str
    fingerprint: str

    def __call__(self, image: UInt8[Tensor, "3 h w"], faces: Faces) -> Landmarks:
        """Landmarks of each face, in the same order, whatever its box shows."""
        ...


@runtime_checkable
class Recognizer(Protocol):
    """Describes faces by numbers whose Euclidean distance tells people apart.

    Attributes:
        name, fingerprint: see `FaceDetector`.
        threshold: two faces up to this distance count as one person; None where none is known.
    """

    name: str
    fingerprint: str
    threshold: float | None

    def __call__(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "n 68 2"]
    ) -> Float[Tensor, "n d"]:
        """The descriptor of each face."""
        ...


@runtime_checkable
class NamingRecognizer(Recognizer, Protocol):
    """A recognizer that was trained to name people: a published score asks for the same name.

    Attributes:
        has_classes: False for weights that lack their last layer.
    """

    has_classes: bool

    def logits(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "n 68 2"]
    ) -> Float[Tensor, "n c"]:
        """For each face one number for each person that it was trained on."""
        ...
