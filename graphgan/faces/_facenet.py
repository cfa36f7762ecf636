"""FaceNet: 512-number descriptors, with weights from a file.

Source: Schroff et al., "FaceNet: A Unified Embedding for Face Recognition and Clustering", CVPR
2015; see `InceptionResnetV1`.
"""

from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan._tensor_files import files_checksum
from graphgan.data import to_float_image
from graphgan.faces._inception_resnet import InceptionResnetV1
from graphgan.landmarks import Crop, crop_image

SIZE = 160
"""Side in pixels of the face crops."""

# MTCNN boxes, on which FaceNet was trained, show more of the head than landmarks (brows to chin).
_BESIDE, _ABOVE, _BELOW = 0.1, 0.4, 0.1


class FaceNet:
    """A `NamingRecognizer`: FaceNet with weights from a file.

    Faces are cropped upright: the box of the landmarks, extended by two fifths of its height at the
    top and a tenth on the other sides, at 160 x 160 pixels. A face without landmarks gets a row of
    NaN.

    Args:
        weights: weights trained on CASIA-WebFace or VGGFace2.
        name: name in tables.
    Raises:
        ValueError: other weights.
    """

    threshold: float | None = None

    def __init__(self, weights: Path, *, name: str = "FaceNet") -> None:
        network = InceptionResnetV1.from_weights(weights)  # detect a bad file immediately
        self.has_classes = network.logits is not None
        self.weights = weights
        self.name = name
        self.fingerprint = f"FaceNet {files_checksum(weights)}"

    def __call__(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "n 68 2"]
    ) -> Float[Tensor, "n 512"]:
        return self._told(image, landmarks, classes=False)

    def logits(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "n 68 2"]
    ) -> Float[Tensor, "n c"]:
        """One number for each person in the training set."""
        return self._told(image, landmarks, classes=True)

    @torch.no_grad()
    def _told(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "n 68 2"], *, classes: bool
    ) -> Float[Tensor, "n d"]:
        network = self._network
        last = network.logits if classes else network.last_linear
        assert last is not None
        rows = torch.full((len(landmarks), last.out_features), torch.nan)
        present = landmarks.isfinite().flatten(1).all(1)
        if present.any():
            faces = torch.stack([_face(image, points) for points in landmarks[present]])
            rows[present] = network.classify(faces) if classes else network(faces)
        return rows

    @cached_property
    def _network(self) -> InceptionResnetV1:
        return InceptionResnetV1.from_weights(self.weights)


def _face(
    image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "68 2"]
) -> Float[Tensor, "3 160 160"]:
    (left, top), (right, bottom) = landmarks.amin(0).tolist(), landmarks.amax(0).tolist()
    width, height = max(right - left, 1.0), max(bottom - top, 1.0)
    crop = Crop(
        left - _BESIDE * width,
        top - _ABOVE * height,
        (1 + 2 * _BESIDE) * width,
        (1 + _ABOVE + _BELOW) * height,
    )
    return crop_image(to_float_image(image), crop, (SIZE, SIZE)).clamp(-1, 1)
