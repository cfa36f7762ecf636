"""Finding faces and telling people apart, with networks that others trained."""

from graphgan.faces.detectors import DlibFaces, FaceDetector, FacePipeline, MTCNNFaces
from graphgan.faces.embedders import Classifier, DlibEmbedder, Embedder, FaceNet
from graphgan.faces.search import FaceSearch

__all__ = [
    "Classifier",
    "DlibEmbedder",
    "DlibFaces",
    "Embedder",
    "FaceDetector",
    "FaceNet",
    "FacePipeline",
    "FaceSearch",
    "MTCNNFaces",
]
