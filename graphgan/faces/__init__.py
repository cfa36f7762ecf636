"""Finding faces and telling people apart, with networks that others trained."""

from graphgan.faces.detectors import DlibFaces, FaceDetector, FacePipeline, MTCNNFaces
from graphgan.faces.dlib_resnet import DlibResNet, DlibResNetRecogniser
from graphgan.faces.embedders import Classifier, DlibEmbedder, Embedder, FaceNet
from graphgan.faces.search import FaceSearch

__all__ = [
    "Classifier",
    "DlibEmbedder",
    "DlibFaces",
    "DlibResNet",
    "DlibResNetRecogniser",
    "Embedder",
    "FaceDetector",
    "FaceNet",
    "FacePipeline",
    "FaceSearch",
    "MTCNNFaces",
]
