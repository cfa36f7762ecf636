"""What to learn from: drawn faces and persons, prepared photos, and the pairs they meet in."""

from graphgan.data.batches import FacesInMemory, PairBatch, to_float_image, to_uint8_image
from graphgan.data.faces import Face, FaceDataset
from graphgan.data.images import read_image, write_image
from graphgan.data.landmark_files import read_landmarks
from graphgan.data.pairs import PairKind, Pairs, PairSampler, next_person_pairs
from graphgan.data.prepared import PreparedFaces
from graphgan.data.preparing import prepare_faces
from graphgan.data.synthetic_faces import (
    Identity,
    SyntheticFaces,
    View,
    render_face,
    sample_identity,
    sample_view,
)
from graphgan.data.synthetic_persons import (
    Figure,
    Person,
    Scene,
    SyntheticPersons,
    render_person,
    sample_figure,
    sample_scene,
)

__all__ = [
    "Face",
    "FaceDataset",
    "FacesInMemory",
    "Figure",
    "Identity",
    "PairBatch",
    "PairKind",
    "PairSampler",
    "Pairs",
    "Person",
    "PreparedFaces",
    "Scene",
    "SyntheticFaces",
    "SyntheticPersons",
    "View",
    "next_person_pairs",
    "prepare_faces",
    "read_image",
    "read_landmarks",
    "render_face",
    "render_person",
    "sample_figure",
    "sample_identity",
    "sample_scene",
    "sample_view",
    "to_float_image",
    "to_uint8_image",
    "write_image",
]
