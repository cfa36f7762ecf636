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
from graphgan.data._check_command import (
    CheckOptions,
    Problem,
    picture_problems,
    place,
    report_check,
    size_problems,
)
from graphgan.data._drawing import draw_landmarks, draw_mask, draw_skeleton, image_grid
from graphgan.data._face_batch import LANDMARKS_OF_68, FaceBatch, to_face_batch
from graphgan.data._images import read_image, write_image
from graphgan.data._landmark_files import LandmarkRow, read_landmarks
from graphgan.data._listing import (
    ListedPair,
    Listing,
    PairList,
    Skipped,
    match_landmarks,
    photo_sources,
    plain,
    require_folder,
    require_photos,
)
from graphgan.data._pair_files import PAIR_COLUMNS
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
from graphgan.data._person_batch import PersonBatch, to_person_batch
from graphgan.data._photos import CropRule, Photo
from graphgan.data._pictures import Picture, PictureDataset
from graphgan.data._pose_annotations import read_pose_annotations
from graphgan.data._prepare_command import (
    PrepareOptions,
    file_checksum,
    prepare_and_report,
    read_landmark_file,
    refuse_overlap,
)
from graphgan.data._prepared import SPLITS, PreparedPictures, Split
from graphgan.data._preparing import Landmarks, prepare_pictures
from graphgan.data._synthetic.drawn_people import draw_splits
from graphgan.data._synthetic.face_parameters import Identity, View
from graphgan.data._synthetic.faces import SyntheticFaces, render_face
from graphgan.data._synthetic.persons import SyntheticPersons
from graphgan.data._tables import read_table

__all__ = [
    "LANDMARKS_OF_68",
    "PAIR_COLUMNS",
    "SPLITS",
    "AdaptiveStrength",
    "CheckOptions",
    "CropRule",
    "FaceBatch",
    "Identity",
    "LandmarkRow",
    "Landmarks",
    "ListedPair",
    "ListedPairSampler",
    "Listing",
    "PairKind",
    "PairList",
    "PairSampler",
    "Pairs",
    "PairsOfSteps",
    "PersonBatch",
    "Photo",
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
    "match_landmarks",
    "mean_image",
    "next_person_pairs",
    "next_picture_pairs",
    "photo_sources",
    "picture_problems",
    "place",
    "plain",
    "possible_kinds",
    "prepare_and_report",
    "prepare_pictures",
    "read_image",
    "read_landmark_file",
    "read_landmarks",
    "read_pairs",
    "read_pose_annotations",
    "read_table",
    "refuse_overlap",
    "render_face",
    "report_check",
    "require_folder",
    "require_photos",
    "self_pairs",
    "size_problems",
    "some_pairs",
    "to_face_batch",
    "to_float_image",
    "to_person_batch",
    "to_uint8_image",
    "write_image",
]
