"""Face detectors, landmark detectors and recognizers, each with one interface."""

from graphgan.faces.age_sex import AgeSex, AgeSexNetwork, apparent_age_and_sex
from graphgan.faces.centerface import CenterFace
from graphgan.faces.contracts import (
    FaceDetector,
    Faces,
    Landmarker,
    Landmarks,
    NamingRecognizer,
    Recognizer,
)
from graphgan.faces.dlib import DlibDetector, DlibLandmarks
from graphgan.faces.dlib_resnet import DlibResNet, DlibResNetRecognizer
from graphgan.faces.expressions import ExpressionReader
from graphgan.faces.face_mesh import FaceMesh
from graphgan.faces.facenet import FaceNet
from graphgan.faces.file_recognizer import FileRecognizer, parse_recognizer
from graphgan.faces.finder import FaceFinder
from graphgan.faces.iris import Iris
from graphgan.faces.mtcnn import MTCNNDetector
from graphgan.faces.registry import (
    DETECTORS,
    LANDMARKERS,
    RECOGNIZERS,
    ToolOptions,
    make_detector,
    make_finder,
    make_landmarker,
    make_recognizer,
)
from graphgan.landmarks.eyes import Eyes

__all__ = [
    "DETECTORS",
    "LANDMARKERS",
    "RECOGNIZERS",
    "AgeSex",
    "AgeSexNetwork",
    "CenterFace",
    "DlibDetector",
    "DlibLandmarks",
    "DlibResNet",
    "DlibResNetRecognizer",
    "ExpressionReader",
    "Eyes",
    "FaceDetector",
    "FaceFinder",
    "FaceMesh",
    "FaceNet",
    "Faces",
    "FileRecognizer",
    "Iris",
    "Landmarker",
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
