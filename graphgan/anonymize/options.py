"""What the commands of the anonymiser have in common, and what is made of it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.conditions import Condition, nobody_conditions, photo_conditions
from graphgan.anonymize.files import Audio, FileAnonymizer
from graphgan.anonymize.methods import FaceMethod, GeneratedFaces, ObscuredFaces, Obscuring
from graphgan.anonymize.selection import Box, Selection
from graphgan.data.images import read_image
from graphgan.faces.embedders import DlibEmbedder, Embedder
from graphgan.faces.search import FaceSearch
from graphgan.landmarks.detection import DlibDetector, FindFaces
from graphgan.models import AnonyGAN
from graphgan.models.onnx_generator import OnnxAnonyGAN
from graphgan.training.devices import torch_device
from graphgan.training.run_folder import newest_weights
from graphgan.weights import FACES

Mode = Literal["anonygan", "blur", "pixelate", "solid"]
Search = Literal["thorough", "fast"]

_FRONTAL = 80  # pixels of the smallest faces that dlib's frontal detector knows
_MOST_PIXELS = 4096  # of a photo's longer side, for it


@dataclass(frozen=True, kw_only=True)
class AnonymizeOptions:
    """How faces are found and replaced."""

    mode: Mode | None = None
    """What is put in the place of a face: by default anonygan with a checkpoint, else pixelate."""
    checkpoint: Path | None = None
    """Weights of AnonyGAN (generator.safetensors, or .onnx), the folder of a run, or shipped
    weights by name; faces-128-research where --mode anonygan asks for a network and none is given.
    """
    condition: str = "random"
    """Who is shown: a photo of one face, a folder of such, or random for drawn people."""
    fallback: Obscuring = "pixelate"
    """What covers a face that cannot be replaced."""
    keep: tuple[str, ...] = ()
    """Faces that stay: a photo of the person, or a box as left,top,right,bottom."""
    only: tuple[str, ...] = ()
    """Boxes of the only faces that are replaced."""
    copy_unmatched: bool = False
    """Write files in which no face is found, too; by default they are left out."""
    audio: Audio = "keep"
    """Sound of videos; a voice identifies."""
    threshold: float | None = None
    """Distance of descriptors up to which a face counts as recognised: 0.66 by default, a tenth
    more than dlib's own."""
    tries: int = 3
    """People that a face is tried with before the fallback covers it."""
    search: Search = "thorough"
    """Thorough finds turned, leaning and lying faces too; fast is dlib's frontal detector."""
    min_face: int = 40
    """Pixels of the smallest faces that are looked for: half of it takes four times as long."""
    size: tuple[int, int] | None = None
    """Height and width of the faces that a network was trained on, where it does not say so."""
    seed: int = 0
    """Chooses who is shown where."""
    device: str = "auto"
    """cpu, cuda (or gpu), mps, or auto for the fastest there is."""

    def __post_init__(self) -> None:
        if self.min_face < 1:
            raise ValueError(f"expected --min-face of 1 and more, got {self.min_face}")

    @property
    def weights(self) -> Path:
        """Of the network, where one is used."""
        return Path(FACES) if self.checkpoint is None else self.checkpoint

    @property
    def chosen_mode(self) -> Mode:
        """``mode`` where it is given; else a mosaic, or the network of ``checkpoint``."""
        return self.mode or ("pixelate" if self.checkpoint is None else "anonygan")


def make_anonymizer(options: AnonymizeOptions) -> Anonymizer:
    """The anonymiser that the options ask for, with what it needs loaded and checked.

    Raises:
        ValueError: no such weights, conditions or people to keep.
        MissingExtraError: dlib is not installed.
    """
    detector, embedder = make_detector(options), DlibEmbedder()
    method = make_method(options)
    conditions: list[Condition] = []
    if method.uses_conditions:
        conditions = _conditions(options, detector, method)
    return Anonymizer(
        method,
        detector,
        conditions,
        fallback=options.fallback,
        embedder=embedder,
        threshold=options.threshold,
        tries=options.tries,
        selection=_selection(options, detector, embedder),
        seed=options.seed,
    )


def make_file_anonymizer(options: AnonymizeOptions, anonymizer: Anonymizer) -> FileAnonymizer:
    """Works on whole files with what `make_anonymizer` gave."""
    detector = frontal_detector(options.min_face)
    return FileAnonymizer(anonymizer, options.copy_unmatched, options.audio, detector)


def make_detector(options: AnonymizeOptions) -> FindFaces:
    """What looks for faces in photos."""
    if options.search == "thorough":
        return FaceSearch(options.min_face)
    return frontal_detector(options.min_face)


def frontal_detector(min_face: int) -> DlibDetector:
    """dlib's detector, with so many doublings of the photo as faces of this size take."""
    doublings = max(math.ceil(math.log2(_FRONTAL / min_face)), 0)
    return DlibDetector(doublings, max_side=_MOST_PIXELS)


def make_method(options: AnonymizeOptions) -> FaceMethod:
    """What is put in the place of a face."""
    mode = options.chosen_mode
    if mode != "anonygan":
        if options.mode is None:
            print("no --checkpoint: faces are pixelated", flush=True)
        return ObscuredFaces(mode)
    if options.weights.suffix == ".onnx":
        return GeneratedFaces(OnnxAnonyGAN(options.weights), size=options.size)
    device = torch_device(options.device)
    model = AnonyGAN.from_pretrained(newest_weights(options.weights)).to(device)
    return GeneratedFaces(model.fuse(), size=options.size)


def _conditions(
    options: AnonymizeOptions, detector: FindFaces, method: FaceMethod
) -> list[Condition]:
    if options.condition == "random":
        return nobody_conditions(method.size)
    path = Path(options.condition)
    if not path.exists():
        raise ValueError(f"expected --condition FILE, DIR or random, got {options.condition}")
    return photo_conditions(path, detector, size=method.size)


def _selection(options: AnonymizeOptions, detector: FindFaces, embedder: Embedder) -> Selection:
    people, boxes = [], []
    for text in options.keep:
        if (box := as_given_box(text)) is not None:
            boxes.append(box)
        else:
            people.append(_descriptor(Path(text), detector, embedder))
    only = []
    for text in options.only:
        if (box := as_given_box(text)) is None:
            raise ValueError(f"expected --only left,top,right,bottom, got {text}")
        only.append(box)
    return Selection(people=tuple(people), keep=tuple(boxes), only=tuple(only))


def as_given_box(text: str) -> Box | None:
    """The box that a word of the command line is, None for something else."""
    try:
        left, top, right, bottom = map(float, text.split(","))
    except ValueError:
        return None
    return left, top, right, bottom


def _descriptor(path: Path, detector: FindFaces, embedder: Embedder) -> torch.Tensor:
    if not path.is_file():
        raise ValueError(f"expected --keep FILE or left,top,right,bottom, got {path}")
    image = read_image(path)
    faces = detector(image)
    if len(faces) != 1:
        raise ValueError(f"{path}: expected a photo of one face to keep, found {len(faces)}")
    return embedder(image, faces[0].landmarks)


def what_holds_for_all(options: AnonymizeOptions, anonymizer: Anonymizer) -> dict[str, Any]:
    """What reports say of all files, without any path: they are shown to others."""
    order = anonymizer.order
    return {
        "mode": options.chosen_mode,
        "chosen": "by default" if options.mode is None else "by --mode",
        "fallback": options.fallback,
        "conditions": [condition.name for condition in order.conditions],
        "kept people": len(anonymizer.selection.people),
        "keep": [list(box) for box in anonymizer.selection.keep],
        "only": [list(box) for box in anonymizer.selection.only],
        "threshold": anonymizer.threshold,
        "tries": options.tries,
        "search": options.search,
        "min_face": options.min_face,
        "copy_unmatched": options.copy_unmatched,
        "audio": options.audio,
        "seed": options.seed,
    }
