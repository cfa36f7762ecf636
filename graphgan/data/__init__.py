"""Training data: drawn faces and persons, prepared photos, and the pairs formed from them."""

from graphgan.data._augmentation import AdaptiveStrength, RandomChange, draw_change
from graphgan.data._batches import (
    PairsOfSteps,
    StoredPairs,
    mean_image,
    read_pairs,
    to_float_image,
    to_uint8_image,
)
from graphgan.data._check_command import CheckOptions, Problem, picture_problems, report_check
from graphgan.data._drawing import draw_landmarks, draw_mask, draw_skeleton, image_grid
from graphgan.data._images import read_image, write_image
from graphgan.data._landmark_files import LandmarkRow, read_landmarks
from graphgan.data._listing import ListedPair, Listing, PairList, Skipped, photo_sources
from graphgan.data._network_batches import (
    LANDMARKS_OF_68,
    FaceBatch,
    PersonBatch,
    to_face_batch,
    to_person_batch,
)
from graphgan.data._pairs import (
    ListedPairSampler,
    PairKind,
    Pairs,
    PairSampler,
    Sampler,
    next_person_pairs,
    next_picture_pairs,
    possible_kinds,
    self_pairs,
    some_pairs,
)
from graphgan.data._photos import CropRule, ListedPhoto
from graphgan.data._pictures import Picture, PictureDataset
from graphgan.data._pose_annotations import read_pose_annotations
from graphgan.data._prepare_command import PrepareOptions, file_checksum, prepare_and_report
from graphgan.data._prepared import SPLITS, PreparedPictures, Split
from graphgan.data._preparing import LandmarkSource, prepare_pictures
from graphgan.data._synthetic.drawn_people import draw_splits
from graphgan.data._synthetic.face_parameters import Identity, View
from graphgan.data._synthetic.faces import SyntheticFaces, render_face
from graphgan.data._synthetic.persons import SyntheticPersons
from graphgan.data._tables import read_table

__all__ = [
    "LANDMARKS_OF_68",
    "SPLITS",
    "AdaptiveStrength",
    "CheckOptions",
    "CropRule",
    "FaceBatch",
    "Identity",
    "LandmarkRow",
    "LandmarkSource",
    "ListedPair",
    "ListedPairSampler",
    "ListedPhoto",
    "Listing",
    "PairKind",
    "PairList",
    "PairSampler",
    "Pairs",
    "PairsOfSteps",
    "PersonBatch",
    "Picture",
    "PictureDataset",
    "PrepareOptions",
    "PreparedPictures",
    "Problem",
    "RandomChange",
    "Sampler",
    "Skipped",
    "Split",
    "StoredPairs",
    "SyntheticFaces",
    "SyntheticPersons",
    "View",
    "draw_change",
    "draw_landmarks",
    "draw_mask",
    "draw_skeleton",
    "draw_splits",
    "file_checksum",
    "image_grid",
    "mean_image",
    "next_person_pairs",
    "next_picture_pairs",
    "photo_sources",
    "picture_problems",
    "possible_kinds",
    "prepare_and_report",
    "prepare_pictures",
    "read_image",
    "read_landmarks",
    "read_pairs",
    "read_pose_annotations",
    "read_table",
    "render_face",
    "report_check",
    "self_pairs",
    "some_pairs",
    "to_face_batch",
    "to_float_image",
    "to_person_batch",
    "to_uint8_image",
    "write_image",
]
