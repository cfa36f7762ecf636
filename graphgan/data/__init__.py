"""Training data: drawn faces and persons, prepared photos, and the pairs formed from them."""

from graphgan.data.augmentation import AdaptiveStrength, RandomChange, draw_change
from graphgan.data.batches import (
    PairsOfSteps,
    PicturesInMemory,
    read_pairs,
    to_float_image,
    to_uint8_image,
)
from graphgan.data.face_batch import FaceBatch, to_face_batch
from graphgan.data.images import read_image, write_image
from graphgan.data.landmark_files import read_landmarks
from graphgan.data.pairs import (
    ListedPairSampler,
    PairKind,
    Pairs,
    PairSampler,
    Sampler,
    next_person_pairs,
    next_picture_pairs,
    possible_kinds,
)
from graphgan.data.person_batch import PersonBatch, to_person_batch
from graphgan.data.pictures import Picture, PictureDataset
from graphgan.data.pose_annotations import read_pose_annotations
from graphgan.data.prepared import PreparedPictures
from graphgan.data.preparing import prepare_pictures
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
    Scene,
    SyntheticPersons,
    render_person,
    sample_figure,
    sample_scene,
)

__all__ = [
    "AdaptiveStrength",
    "FaceBatch",
    "Figure",
    "Identity",
    "ListedPairSampler",
    "PairKind",
    "PairSampler",
    "Pairs",
    "PairsOfSteps",
    "PersonBatch",
    "Picture",
    "PictureDataset",
    "PicturesInMemory",
    "PreparedPictures",
    "RandomChange",
    "Sampler",
    "Scene",
    "SyntheticFaces",
    "SyntheticPersons",
    "View",
    "draw_change",
    "next_person_pairs",
    "next_picture_pairs",
    "possible_kinds",
    "prepare_pictures",
    "read_image",
    "read_landmarks",
    "read_pairs",
    "read_pose_annotations",
    "render_face",
    "render_person",
    "sample_figure",
    "sample_identity",
    "sample_scene",
    "sample_view",
    "to_face_batch",
    "to_float_image",
    "to_person_batch",
    "to_uint8_image",
    "write_image",
]
