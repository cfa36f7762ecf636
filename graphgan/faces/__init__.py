"""Face detectors, landmark detectors and recognizers, each with one interface."""

from graphgan.faces._age_sex import AgeSex, AgeSexNetwork, apparent_age_and_sex
from graphgan.faces._centerface import CenterFace
from graphgan.faces._contracts import (
    FaceDetector,
    Faces,
    Landmarker,
    Landmarks,
    NamingRecognizer,
    Recognizer,
)
from graphgan.faces._dlib import DlibDetector, DlibLandmarks
from graphgan.faces._dlib_resnet import DlibResNet, DlibResNetRecognizer
from graphgan.faces._expressions import ExpressionReader
from graphgan.faces._face_mesh import FaceMesh
from graphgan.faces._facenet import FaceNet
from graphgan.faces._file_recognizer import FileRecognizer, parse_recognizer
from graphgan.faces._finder import FaceFinder
from graphgan.faces._inception_resnet import InceptionResnetV1
from graphgan.faces._iris import Iris
from graphgan.faces._mtcnn import MTCNN, MTCNNDetector
from graphgan.faces._registry import (
    DETECTORS,
    LANDMARKERS,
    RECOGNIZERS,
    DetectorName,
    LandmarkerName,
    ToolOptions,
    make_detector,
    make_finder,
    make_landmarker,
    make_recognizer,
)

__all__ = [
    "DETECTORS",
    "LANDMARKERS",
    "MTCNN",
    "RECOGNIZERS",
    "AgeSex",
    "AgeSexNetwork",
    "CenterFace",
    "DetectorName",
    "DlibDetector",
    "DlibLandmarks",
    "DlibResNet",
    "DlibResNetRecognizer",
    "ExpressionReader",
    "FaceDetector",
    "FaceFinder",
    "FaceMesh",
    "FaceNet",
    "Faces",
    "FileRecognizer",
    "InceptionResnetV1",
    "Iris",
    "Landmarker",
    "LandmarkerName",
    "Landmarks",
    "MTCNNDetector",
    "NamingRecognizer",
    "Recognizer",
    "ToolOptions",
    "apparent_age_and_sex",
    "make_detector",
    "make_finder",
    "make_landmarker",
    "make_recognizer",
    "parse_recognizer",
]
