"""Detectors, landmark detectors and recognizers by name; commands offer what these tables list.

To add a detector, write one file with one class (see `FaceDetector`) and add one line
here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from graphgan._checks import check_choice
from graphgan.faces._centerface import CenterFace
from graphgan.faces._contracts import FaceDetector, Landmarker, Recognizer
from graphgan.faces._dlib import DlibDetector, DlibLandmarks
from graphgan.faces._dlib_resnet import DlibResNetRecognizer
from graphgan.faces._face_mesh import FaceMesh
from graphgan.faces._finder import FaceFinder

Tool = TypeVar("Tool")


@dataclass(frozen=True, kw_only=True)
class ToolOptions:
    """Options common to all detectors and recognizers.

    Args:
        min_face: smallest faces to detect, in pixels along the longer side of their landmarks.
        device: device for networks, such as "cpu" or "cuda".
        passes: number of landmark passes per face. One is enough to cover a face.
    """

    min_face: int = 12
    device: str = "cpu"
    passes: int = 2


DETECTORS: dict[str, Callable[[ToolOptions], FaceDetector]] = {
    "centerface": lambda options: CenterFace(options.min_face, device=options.device),
    "dlib": lambda options: DlibDetector.for_faces_from(options.min_face),
}
"""Face detectors by name."""
LANDMARKERS: dict[str, Callable[[ToolOptions], Landmarker]] = {
    "face-mesh": lambda options: FaceMesh(passes=options.passes, device=options.device),
    "dlib": lambda options: DlibLandmarks(),
}
"""Landmark detectors by name."""
RECOGNIZERS: dict[str, Callable[[ToolOptions], Recognizer]] = {
    "dlib-resnet": lambda options: DlibResNetRecognizer(options.device),
}
"""What tells people apart."""

if TYPE_CHECKING:
    DetectorName: TypeAlias = str
    """Names of `DETECTORS`, for a flag."""
    LandmarkerName: TypeAlias = str
    """Names of `LANDMARKERS`, for a flag."""
    RecognizerName: TypeAlias = str
else:  # the choices of a flag
    DetectorName = Literal[tuple(DETECTORS)]
    """Names of `DETECTORS`, for a flag."""
    LandmarkerName = Literal[tuple(LANDMARKERS)]
    """Names of `LANDMARKERS`, for a flag."""
    RecognizerName = Literal[tuple(RECOGNIZERS)]


def make_detector(name: str, options: ToolOptions | None = None) -> FaceDetector:
    """The detector with this name.

    Raises:
        ValueError: unknown name.
        MissingExtraError: a required package is not installed.
    """
    return _made("detector", DETECTORS, name, options)


def make_landmarker(name: str, options: ToolOptions | None = None) -> Landmarker:
    """The landmark detector with this name; errors as for `make_detector`."""
    return _made("landmarker", LANDMARKERS, name, options)


def make_recognizer(name: str, options: ToolOptions | None = None) -> Recognizer:
    """The recognizer of that name; errors as of `make_detector`."""
    return _made("recognizer", RECOGNIZERS, name, options)


def make_finder(
    detector: str = "centerface", landmarker: str = "face-mesh", options: ToolOptions | None = None
) -> FaceFinder:
    """A detector and a landmark detector combined; errors as for `make_detector`."""
    return FaceFinder(make_detector(detector, options), make_landmarker(landmarker, options))


def _made(
    kind: str,
    table: Mapping[str, Callable[[ToolOptions], Tool]],
    name: str,
    options: ToolOptions | None,
) -> Tool:
    check_choice(kind, name, tuple(table))
    return table[name](options or ToolOptions())
