"""Who looks for faces in results: detectors behind one small protocol."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.landmarks.detection import DlibDetector
from graphgan.models.mtcnn import MTCNN


@runtime_checkable
class FaceDetector(Protocol):
    """Whatever finds faces in a picture.

    It is sent to other processes before it is first used: what cannot be sent is made on use.

    Attributes:
        name: in tables.
        fingerprint: what it finds is kept as long as this stays the same.
    """

    name: str
    fingerprint: str

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> Float[Tensor, "n 4"]:
        """Boxes (left, top, right, bottom) in pixels, the surest first."""
        ...


@runtime_checkable
class FacePipeline(FaceDetector, Protocol):
    """A detector that finds landmarks too: what recognition begins with.

    Attributes:
        num_landmarks: of every face.
    """

    num_landmarks: int

    def landmarks_in(
        self, image: UInt8[Tensor, "3 h w"], box: Float[Tensor, "4"]
    ) -> Float[Tensor, "k 2"]:
        """Landmarks of what fills the box, whatever it is."""
        ...


class DlibFaces:
    """dlib's frontal face detector and 68-point predictor, see `DlibDetector`.

    Args:
        upsample: how many times a picture is doubled first.
    """

    name = "dlib"
    num_landmarks = 68

    def __init__(self, upsample: int = 1) -> None:
        self.upsample = upsample
        self.fingerprint = f"dlib frontal, up-sampling {upsample}"

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> Float[Tensor, "n 4"]:
        boxes = [face.box for face in self._detector(image)]
        return torch.stack(boxes) if boxes else torch.zeros(0, 4)

    def landmarks_in(
        self, image: UInt8[Tensor, "3 h w"], box: Float[Tensor, "4"]
    ) -> Float[Tensor, "68 2"]:
        """Landmarks of what fills the box, whatever it is."""
        return self._detector.landmarks_in(image, box)

    @cached_property
    def _detector(self) -> DlibDetector:
        return DlibDetector(self.upsample)


class MTCNNFaces:
    """MTCNN with the weights of a file, see `graphgan.models.mtcnn.MTCNN`.

    Args:
        weights: of the three networks.
    Raises:
        ValueError: other weights.
    """

    name = "MTCNN"

    def __init__(self, weights: Path) -> None:
        MTCNN.from_weights(weights)  # a bad file is found out before any work
        self.weights = weights
        self.fingerprint = f"MTCNN {files_checksum(weights)}"

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> Float[Tensor, "n 4"]:
        boxes: Tensor = self._network(image).boxes
        return boxes

    @cached_property
    def _network(self) -> MTCNN:
        return MTCNN.from_weights(self.weights)


def files_checksum(path: Path) -> str:
    """Of a file, or of all files directly in a folder."""
    files = sorted(f for f in path.iterdir() if f.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
