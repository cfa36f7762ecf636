"""Who recognises people: embedders behind one protocol.

An embedder of your own is one small class:

    class MeanColour:
        name = "mean colour"
        fingerprint = "1"
        threshold = None  # of the distance, where one is known

        def __call__(self, image, landmarks):
            return image.float().mean((1, 2))
"""

from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.data.batches import to_float_image
from graphgan.extras import needs_extra
from graphgan.faces.detectors import files_checksum
from graphgan.landmarks.align import Crop, crop_image
from graphgan.landmarks.detection import packaged_weights
from graphgan.models.inception_resnet import InceptionResnetV1

FACENET_SIZE = 160
# MTCNN's boxes, on which FaceNet was trained, hold more of a head than landmarks do: brows to chin.
_BESIDE, _ABOVE, _BELOW = 0.1, 0.4, 0.1
# Of the longer side of the landmarks: dlib looks at less than one all around.
_SURROUNDINGS = 2.0


@runtime_checkable
class Embedder(Protocol):
    """Whatever describes whose face it is, by numbers whose distance tells people apart.

    It is sent to other processes before it is first used: what cannot be sent is made on use.

    Attributes:
        name: in tables.
        fingerprint: descriptors are kept as long as this stays the same.
        threshold: distance up to which two faces count as one person, None where none is known.
    """

    name: str
    fingerprint: str
    threshold: float | None

    def __call__(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "k 2"]
    ) -> Float[Tensor, "d"]:
        """The descriptor of the face that has these landmarks."""
        ...


@runtime_checkable
class Classifier(Embedder, Protocol):
    """An embedder that was trained to name people: the published score asks for the same name.

    Attributes:
        has_classes: False for weights that lack their last layer.
    """

    has_classes: bool

    def logits(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "k 2"]
    ) -> Float[Tensor, "n"]:
        """One number for each person that it was trained on."""
        ...


class DlibEmbedder:
    """dlib's face descriptor: 128 numbers, of one person where they are 0.6 apart or nearer.

    Source: dlib's ``dlib_face_recognition_resnet_model_v1``, of the extra ``faces``. The face is
    brought upright by its landmarks to 150 x 150 pixels.

    Raises:
        MissingExtraError: on use, where dlib or its weights are not installed.
    """

    name = "dlib"
    fingerprint = "dlib face recognition resnet v1"
    threshold: float | None = 0.6

    def __call__(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "k 2"]
    ) -> Float[Tensor, "d"]:
        with needs_extra("faces"):
            import dlib
        image, corner = _around(image, landmarks)
        landmarks = landmarks - corner
        corners = (*landmarks.amin(0).tolist(), *landmarks.amax(0).tolist())
        shape = dlib.full_object_detection(
            dlib.rectangle(*map(round, corners)),
            [dlib.point(round(x), round(y)) for x, y in landmarks.tolist()],
        )
        pixels = image.permute(1, 2, 0).contiguous().cpu().numpy()
        return torch.tensor(list(self._network.compute_face_descriptor(pixels, shape)))

    @cached_property
    def _network(self) -> Any:
        with needs_extra("faces"):
            import dlib
        weights = packaged_weights("dlib_face_recognition_resnet_model_v1.dat")
        return dlib.face_recognition_model_v1(str(weights))


def _around(
    image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "k 2"]
) -> tuple[UInt8[Tensor, "3 u v"], Float[Tensor, "2"]]:
    """The part of a photo that a face's descriptor can depend on, and its left upper pixel.

    A photo of many megapixels takes longer to hand over than a face to describe.
    """
    low, high = landmarks.amin(0), landmarks.amax(0)
    margin = _SURROUNDINGS * (high - low).max()
    limit = torch.tensor([image.shape[2], image.shape[1]])
    first = (low - margin).floor().long().clamp(min=0).minimum(limit - 1)
    last = (high + margin).ceil().long().clamp(min=0).minimum(limit - 1)
    (left, top), (right, bottom) = first.tolist(), last.tolist()
    return image[:, top : bottom + 1, left : right + 1], first.to(landmarks)


class FaceNet:
    """FaceNet's embedding of 512 numbers, with the weights of a file.

    The face is cut out upright: the box of its landmarks, two fifths of its height added above and
    a tenth on the other sides, at 160 x 160 pixels.

    Source: Schroff et al., "FaceNet: A Unified Embedding for Face Recognition and Clustering",
    CVPR 2015; see `graphgan.models.inception_resnet.InceptionResnetV1`.

    Args:
        weights: those trained on CASIA-WebFace or VGGFace2.
        name: in tables.
    Raises:
        ValueError: other weights.
    """

    threshold: float | None = None

    def __init__(self, weights: Path, *, name: str = "FaceNet") -> None:
        network = InceptionResnetV1.from_weights(weights)  # a bad file is found out at once
        self.has_classes = network.logits is not None
        self.weights = weights
        self.name = name
        self.fingerprint = f"FaceNet {files_checksum(weights)}"

    def __call__(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "k 2"]
    ) -> Float[Tensor, "d"]:
        descriptor: Tensor = self._network(_face(image, landmarks))[0]
        return descriptor

    def logits(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "k 2"]
    ) -> Float[Tensor, "n"]:
        """One number for each person that it was trained on."""
        return self._network.classify(_face(image, landmarks))[0]

    @cached_property
    def _network(self) -> InceptionResnetV1:
        return InceptionResnetV1.from_weights(self.weights)


def _face(
    image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "k 2"]
) -> Float[Tensor, "1 3 160 160"]:
    (left, top), (right, bottom) = landmarks.amin(0).tolist(), landmarks.amax(0).tolist()
    width, height = max(right - left, 1.0), max(bottom - top, 1.0)
    crop = Crop(
        left - _BESIDE * width,
        top - _ABOVE * height,
        (1 + 2 * _BESIDE) * width,
        (1 + _ABOVE + _BELOW) * height,
    )
    face = crop_image(to_float_image(image), crop, (FACENET_SIZE, FACENET_SIZE))
    return face.clamp(-1, 1)[None]
