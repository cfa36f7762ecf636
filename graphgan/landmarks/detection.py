"""Finding faces and their landmarks in a photo."""

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from graphgan.extras import MissingExtraError, needs_extra

PREDICTOR = "shape_predictor_68_face_landmarks.dat"
"""What dlib finds landmarks with, see `packaged_weights`."""


class Detection(NamedTuple):
    """One face in a photo, in the photo's pixels.

    Shapes:
        ``box: 4`` (left, top, right, bottom), ``landmarks: k 2``
    """

    box: Float[Tensor, "4"]
    landmarks: Float32[Tensor, "k 2"]


FindFaces = Callable[[UInt8[Tensor, "3 h w"]], Sequence[Detection]]
"""All faces of a photo: a `LandmarkDetector`, or any function."""


@runtime_checkable
class LandmarkDetector(Protocol):
    """Whatever finds faces with landmarks; any detector can stand in for dlib's.

    Attributes:
        num_landmarks: landmarks of every face.
    """

    num_landmarks: int

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> list[Detection]: ...


class DlibDetector:
    """dlib's frontal face detector, and its predictor of 68 landmarks in iBUG order.

    Source: Kazemi and Sullivan, "One Millisecond Face Alignment with an Ensemble of Regression
    Trees", CVPR 2014. The weights that come with the extra ``faces`` were trained on iBUG 300-W,
    whose licence excludes **commercial use**: give ``weights`` of your own for that.

    Args:
        upsample: how many times the photo is doubled first: 0 finds faces from 80 pixels, 1 from
            40.
        max_side: larger photos are searched at this many pixels on their longer side, which bounds
            time and memory.
        weights: a 68-point ``shape_predictor`` file; None takes the one of the extra ``faces``.
    Raises:
        MissingExtraError: dlib, or the package with its weights, is not installed.
        ValueError: ``weights`` is not such a file.
    """

    num_landmarks = 68

    def __init__(
        self, upsample: int = 1, *, max_side: int = 2048, weights: str | Path | None = None
    ) -> None:
        with needs_extra("faces"):
            import dlib  # noqa: F401  # told now, not at the first photo
        self.upsample = upsample
        self.max_side = max_side
        self._weights = packaged_weights(PREDICTOR) if weights is None else Path(weights)
        if weights is not None:
            landmark_predictor(self._weights)

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> list[Detection]:
        """All faces of a photo, the surest first."""
        small, scale = self._shrink(image)
        pixels = small.permute(1, 2, 0).contiguous().cpu().numpy()
        boxes = _frontal_detector()(pixels, self.upsample)
        return [self._detection(pixels, box, scale) for box in boxes]

    def landmarks_in(
        self, image: UInt8[Tensor, "3 h w"], box: Float[Tensor, "4"]
    ) -> Float32[Tensor, "68 2"]:
        """Landmarks of the face that fills a box, whether or not the detector would find one.

        Args:
            image: the photo.
            box: left, top, right, bottom in its pixels.
        """
        with needs_extra("faces"):
            import dlib
        pixels = image.permute(1, 2, 0).contiguous().cpu().numpy()
        corners = dlib.rectangle(*(round(edge) for edge in box.tolist()))
        return self._detection(pixels, corners, 1.0).landmarks

    def _shrink(self, image: Tensor) -> tuple[Tensor, float]:
        """The photo at ``max_side`` at most, and how many of its pixels went into one."""
        height, width = image.shape[-2:]
        scale = max(height, width) / self.max_side
        if scale <= 1:
            return image, 1.0
        size = (max(round(height / scale), 1), max(round(width / scale), 1))
        return F.interpolate(image[None], size, mode="bilinear", antialias=True)[0], scale

    def _detection(self, pixels: object, box: object, scale: float) -> Detection:
        shape = landmark_predictor(self._weights)(pixels, box)
        points = torch.tensor([(point.x, point.y) for point in shape.parts()], dtype=torch.float32)
        corners = torch.tensor(
            [box.left(), box.top(), box.right(), box.bottom()],  # type: ignore[attr-defined]
            dtype=torch.float32,
        )
        return Detection((corners + 0.5) * scale - 0.5, (points + 0.5) * scale - 0.5)


@cache  # of all detectors of a process, and never sent to another one
def _frontal_detector() -> Any:
    import dlib

    return dlib.get_frontal_face_detector()


@cache
def landmark_predictor(weights: Path) -> Any:
    """dlib's shape predictor of a file, loaded once.

    Raises:
        ValueError: not such a file.
        MissingExtraError: dlib is not installed.
    """
    with needs_extra("faces"):
        import dlib
    try:
        return dlib.shape_predictor(str(weights))
    except RuntimeError as error:
        raise ValueError(f"{weights}: not a dlib shape predictor: {error}") from None


def packaged_weights(name: str) -> Path:
    """A file of the package that comes with the extra ``faces``.

    Raises:
        MissingExtraError: it is not installed.
    """
    # Importing this package needs the retired pkg_resources: it is only located.
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            "face_recognition_models is not installed: pip install 'graphgan[faces]'"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "models" / name
