"""The interfaces of face detectors, landmark detectors and recognizers.

Your own tool is a small class with a `name`, a `fingerprint` and a call:

    class WholeImage:
        name = "whole image"
        fingerprint = "1"

        def __call__(self, image):
            height, width = image.shape[1:]
            return Faces.of_boxes(torch.tensor([[0.0, 0.0, width - 1, height - 1]]))

A tool is sent to other processes before its first use, so anything that cannot be pickled, such as
a loaded network, must be created on first use.
"""

from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, UInt8
from torch import Tensor


class Faces(NamedTuple):
    """The faces that a detector found in one image, most confident first.

    Args:
        boxes: left, top, right and bottom, in pixels.
        scores: confidence in [0, 1].
        points: the person's right eye, left eye, and other points that depend on the detector;
            ``p`` is 0 for detectors without points.
    """

    boxes: Float[Tensor, "n 4"]
    scores: Float[Tensor, "n"]
    points: Float[Tensor, "n p 2"]

    @classmethod
    def of_boxes(cls, boxes: Float[Tensor, "n 4"]) -> "Faces":
        """Faces with known boxes only."""
        return cls(boxes, boxes.new_ones(len(boxes)), boxes.new_zeros(len(boxes), 0, 2))

    def at(self, where: Tensor) -> "Faces":
        """The faces at these indices, or selected by a mask."""
        return Faces(*(values[where] for values in self))


class Landmarks(NamedTuple):
    """The landmarks of several faces in one image.

    Args:
        points: iBUG-68, in pixels.
        confidences: confidence that this is a face, in [0, 1].
    """

    points: Float[Tensor, "n 68 2"]
    confidences: Float[Tensor, "n"]


@runtime_checkable
class FaceDetector(Protocol):
    """Detects the faces in an image.

    Attributes:
        name: name in tables and on the command line.
        fingerprint: cached results are valid as long as it does not change.
    """

    name: str
    fingerprint: str

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> Faces:
        """Detect all faces, most confident first."""
        ...


@runtime_checkable
class Landmarker(Protocol):
    """Finds the 68 landmarks of faces at known positions.

    Attributes:
        name, fingerprint: see `FaceDetector`.
    """

    name: str
    fingerprint: str

    def __call__(self, image: UInt8[Tensor, "3 h w"], faces: Faces) -> Landmarks:
        """Landmarks of each face, in the same order, whatever its box contains."""
        ...


@runtime_checkable
class Recognizer(Protocol):
    """Computes face descriptors whose Euclidean distance tells people apart.

    Attributes:
        name, fingerprint: see `FaceDetector`.
        threshold: faces up to this distance count as one person; None if unknown.
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
    """A recognizer trained to classify people: published scores compare the predicted class.

    Attributes:
        has_classes: False for weights without the last layer.
    """

    has_classes: bool

    def logits(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "n 68 2"]
    ) -> Float[Tensor, "n c"]:
        """For each face, one number for each person in the training set."""
        ...
