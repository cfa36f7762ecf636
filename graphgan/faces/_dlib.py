"""dlib's frontal face detector and 68-landmark predictor, if dlib is installed.

Nothing needs them by default: the predictor was trained on iBUG 300-W, whose terms exclude
**commercial use**. Most published figures were measured with them.

Source: Kazemi and Sullivan, "One Millisecond Face Alignment with an Ensemble of Regression Trees",
CVPR 2014.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from graphgan.extras import MissingExtraError, needs_extra
from graphgan.faces._contracts import Faces, Landmarks

_PREDICTOR = "shape_predictor_68_face_landmarks.dat"
_FRONTAL = 80  # smallest faces the detector finds without upsampling, in pixels


class DlibDetector:
    """A `FaceDetector`: dlib's detector for upright, frontal faces.

    Args:
        upsample: number of times to double the image first: 0 finds faces from 80 pixels, 1 from
            40.
        max_side: larger images are downscaled to this longer side in pixels, which bounds time and
            memory.
    Raises:
        MissingExtraError: dlib is not installed.
    """

    name = "dlib"

    def __init__(self, upsample: int = 1, *, max_side: int = 2048) -> None:
        with needs_extra("dlib"):
            import dlib  # noqa: F401  # told now, not at the first image
        self.upsample, self.max_side = upsample, max_side
        self.fingerprint = f"dlib frontal, up-sampling {upsample}"

    @classmethod
    def for_faces_from(cls, min_face: int) -> "DlibDetector":
        """The detector with the number of doublings that faces of ``min_face`` pixels need."""
        doublings = 0
        while min_face * 2**doublings < _FRONTAL:
            doublings += 1
        return cls(doublings, max_side=4096)

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> Faces:
        """Detect all faces, most confident first."""
        small, scale = self._shrink(image)
        pixels = small.permute(1, 2, 0).contiguous().cpu().numpy()
        found, scores, _ = _frontal_detector().run(pixels, self.upsample, 0.0)
        edges = [[box.left(), box.top(), box.right(), box.bottom()] for box in found]
        boxes = (torch.tensor(edges, dtype=torch.float32).view(-1, 4) + 0.5) * scale - 0.5
        sure = 1 - torch.exp(-torch.tensor(list(scores), dtype=torch.float32))
        return Faces(boxes, sure, torch.zeros(len(boxes), 0, 2))

    def _shrink(self, image: Tensor) -> tuple[Tensor, float]:
        """The image at ``max_side`` at most, and how many of its pixels went into one."""
        height, width = image.shape[-2:]
        scale = max(height, width) / self.max_side
        if scale <= 1:
            return image, 1.0
        size = (max(round(height / scale), 1), max(round(width / scale), 1))
        return F.interpolate(image[None], size, mode="bilinear", antialias=True)[0], scale


class DlibLandmarks:
    """A `Landmarker`: dlib's 68-point predictor. Its confidence is always 1.

    Args:
        weights: a 68-point ``shape_predictor`` file; None uses the one of the extra ``dlib``, which
            excludes **commercial use**.
    Raises:
        MissingExtraError: dlib, or the package with its weights, is not installed.
        ValueError: ``weights`` is not such a file.
    """

    name = "dlib"

    def __init__(self, *, weights: str | Path | None = None) -> None:
        with needs_extra("dlib"):
            import dlib  # noqa: F401
        self._weights = packaged_weights(_PREDICTOR) if weights is None else Path(weights)
        if weights is not None:
            _predictor(self._weights)
        self.fingerprint = f"dlib 68 points, {self._weights.name}"

    def __call__(self, image: UInt8[Tensor, "3 h w"], faces: Faces) -> Landmarks:
        """Landmarks of each face, in the same order, whatever its box contains."""
        pixels = image.permute(1, 2, 0).contiguous().cpu().numpy()
        points = [self._points(pixels, box) for box in faces.boxes]
        stacked = torch.stack(points) if points else torch.zeros(0, 68, 2)
        return Landmarks(stacked, torch.ones(len(points)))

    def _points(self, pixels: Any, box: Float[Tensor, "4"]) -> Float32[Tensor, "68 2"]:
        import dlib

        shape = _predictor(self._weights)(pixels, dlib.rectangle(*map(round, box.tolist())))
        return torch.tensor([(point.x, point.y) for point in shape.parts()], dtype=torch.float32)


@cache  # shared by all detectors in a process, never pickled
def _frontal_detector() -> Any:
    import dlib

    return dlib.get_frontal_face_detector()


@cache
def _predictor(weights: Path) -> Any:
    import dlib

    try:
        return dlib.shape_predictor(str(weights))
    except RuntimeError as error:
        raise ValueError(f"{weights}: not a dlib shape predictor: {error}") from None


def packaged_weights(name: str) -> Path:
    """Path of a file in the package installed with the extra ``dlib``.

    Raises:
        MissingExtraError: the package is not installed.
    """
    # Importing this package requires the retired pkg_resources, so it is only located.
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            "face_recognition_models is not installed: pip install 'graphgan[dlib]'"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "models" / name
