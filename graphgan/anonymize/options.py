"""What the commands of the anonymizer have in common, and what is made of it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.conditions import (
    Condition,
    nobody_conditions,
    people_conditions,
    photo_conditions,
)
from graphgan.anonymize.files import Audio, FileAnonymizer
from graphgan.anonymize.matching import DEFAULT_MATCH, Match
from graphgan.anonymize.methods import FaceMethod, GeneratedFaces, ObscuredFaces, Obscuring
from graphgan.anonymize.selection import Box, Selection
from graphgan.data.images import allow_pixels, read_image
from graphgan.faces import (
    Recognizer,
    ToolOptions,
    make_detector,
    make_finder,
    make_recognizer,
)
from graphgan.faces.registry import DetectorName, LandmarkerName, RecognizerName
from graphgan.landmarks.detection import FindFaces
from graphgan.models import AnonyGAN
from graphgan.models.onnx_generator import OnnxAnonyGAN
from graphgan.training.devices import torch_device
from graphgan.weights import FACES

Mode = Literal["people", "pixelate", "blur", "solid"]
"""What is put in the place of a face: people who are somebody else, or nobody."""

# The look at the finished photo is for faces so many times as large, in a ninth of the time.
_COARSER = 3


COMPOSED = ("people", "drawn")
"""Conditions that need no photo."""


@dataclass(frozen=True, kw_only=True)
class AnonymizeOptions:
    """How faces are found and replaced."""

    mode: Mode = "people"
    """What is put in the place of a face: another person, who does not exist unless --condition
    says otherwise; or nobody: a mosaic (pixelate), a blur, or black (solid)."""
    checkpoint: Path = Path(FACES)
    """Of the network that shows people: AnonyGAN's weights (generator.safetensors, or .onnx), the
    folder of a run, or shipped weights by name."""
    condition: str = "people"
    """Who is shown: people (who do not exist and look real), drawn (drawn people), a photo of one
    face, or a folder of such."""
    match: Match = DEFAULT_MATCH
    """By what the person for a face is chosen: tone of the skin, sex (apparent sex, too), look
    (apparent age as well), or none (by chance). What fits looks more real and gives more away."""
    fallback: Obscuring = "pixelate"
    """What covers a face in whose place nobody can be shown: it is too small, turned away or
    unclear, or the new face is still recognized."""
    keep: tuple[str, ...] = ()
    """Faces that stay: a photo of the person, or a box as left,top,right,bottom."""
    only: tuple[str, ...] = ()
    """Boxes of the only faces that are replaced."""
    copy_unmatched: bool = False
    """Write files in which no face is found, too; by default they are left out."""
    audio: Audio = "keep"
    """Sound of videos; a voice identifies."""
    allow_damaged: bool = False
    """Do what can be read of videos that are cut short or damaged; by default they are left out."""
    threshold: float | None = None
    """Distance of descriptors up to which a face counts as recognized; by default a tenth more than
    the recognizer's own, which is 0.6."""
    tries: int = 3
    """People that a face is tried with before the fallback covers it."""
    detector: DetectorName = "centerface"
    """What finds faces; dlib is an extra, for upright faces from the front."""
    landmarker: LandmarkerName = "face-mesh"
    """What finds the landmarks of a face; dlib's excludes commercial use."""
    recognizer: RecognizerName = "dlib-resnet"
    """What tells whether a new face still shows the same person; it is not asked about mosaics."""
    max_pixels: int | None = None
    """Of the largest photos, 178956970 by default. Each takes 20 bytes of memory a pixel (100
    megapixels 2 GB), and as many are worked on at once as there are cores."""
    min_face: int = 12
    """Pixels of the smallest faces that are looked for: half of it takes four times as long."""
    size: tuple[int, int] | None = None
    """Height and width of the faces that a network was trained on, where it does not say so."""
    seed: int = 0
    """Chooses who is shown where."""
    device: str = "auto"
    """cpu, cuda (or gpu), mps, or auto for the fastest there is."""

    def __post_init__(self) -> None:
        if self.min_face < 1:
            raise ValueError(f"expected --min-face of at least 1, got {self.min_face}")
        if self.max_pixels is not None and self.max_pixels < 1:
            raise ValueError(f"expected --max-pixels of at least 1, got {self.max_pixels}")

    def allow_pixels(self) -> None:
        """Let this process read photos as large as the options say."""
        if self.max_pixels is not None:
            allow_pixels(self.max_pixels)


def make_anonymizer(options: AnonymizeOptions) -> Anonymizer:
    """The anonymizer that the options ask for, with what it needs loaded and checked.

    Raises:
        ValueError: no such weights, conditions or people to keep.
        MissingExtraError: a tool needs a package that is not installed.
    """
    options.allow_pixels()
    tools = tool_options(options)
    detector = make_finder(options.detector, options.landmarker, tools)
    coarser = replace(tools, min_face=_COARSER * options.min_face)
    second_detector = make_detector(options.detector, coarser)
    recognizer = make_recognizer(options.recognizer, tools)
    method = make_method(options)
    conditions: list[Condition] = []
    if method.uses_conditions:
        conditions = _conditions(options, detector, method)
    return Anonymizer(
        method,
        detector,
        conditions,
        second_detector=second_detector,
        fallback=options.fallback,
        recognizer=recognizer,
        threshold=options.threshold,
        tries=options.tries,
        match=options.match,
        selection=_selection(options, detector, recognizer),
        seed=options.seed,
    )


def make_file_anonymizer(options: AnonymizeOptions, anonymizer: Anonymizer) -> FileAnonymizer:
    """Works on whole files with what `make_anonymizer` gave."""
    return FileAnonymizer(anonymizer, options.copy_unmatched, options.audio, options.allow_damaged)


def tool_options(options: AnonymizeOptions) -> ToolOptions:
    """What all tools are asked for."""
    covers = options.mode != "people" and not options.keep
    return ToolOptions(
        min_face=options.min_face,
        device=str(torch_device(options.device)),
        passes=1 if covers else 2,
    )


def make_method(options: AnonymizeOptions) -> FaceMethod:
    """What is put in the place of a face."""
    if options.mode != "people":
        return ObscuredFaces(options.mode)
    if options.checkpoint.suffix == ".onnx":
        return GeneratedFaces(OnnxAnonyGAN(options.checkpoint), size=options.size)
    device = torch_device(options.device)
    model = AnonyGAN.from_pretrained(options.checkpoint, device=device)
    return GeneratedFaces(model.fuse(), size=options.size)


def _conditions(
    options: AnonymizeOptions, detector: FindFaces, method: FaceMethod
) -> list[Condition]:
    if options.condition == "people":
        return people_conditions()
    if options.condition == "drawn":
        return nobody_conditions(method.size)
    path = Path(options.condition)
    if not path.exists():
        raise ValueError(
            f"expected --condition people, drawn, FILE or DIR, got {options.condition}"
        )
    return photo_conditions(path, detector, size=method.size)


def _selection(options: AnonymizeOptions, detector: FindFaces, recognizer: Recognizer) -> Selection:
    people, boxes = [], []
    for text in options.keep:
        if (box := as_given_box(text)) is not None:
            boxes.append(box)
        else:
            people.append(_descriptor(Path(text), detector, recognizer))
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


def _descriptor(path: Path, detector: FindFaces, recognizer: Recognizer) -> torch.Tensor:
    if not path.is_file():
        raise ValueError(f"expected --keep FILE or left,top,right,bottom, got {path}")
    image = read_image(path)
    faces = detector(image)
    if len(faces) != 1:
        raise ValueError(f"{path}: expected a photo of one face to keep, found {len(faces)}")
    return recognizer(image, faces[0].landmarks[None])[0]


def what_holds_for_all(options: AnonymizeOptions, anonymizer: Anonymizer) -> dict[str, Any]:
    """What reports say of all files, without any path: they are shown to others."""
    order = anonymizer.order
    return {
        "mode": options.mode,
        "fallback": options.fallback,
        "conditions": [condition.name for condition in order.conditions],
        "match": options.match,
        "kept people": len(anonymizer.selection.people),
        "keep": [list(box) for box in anonymizer.selection.keep],
        "only": [list(box) for box in anonymizer.selection.only],
        "threshold": anonymizer.threshold,
        "tries": options.tries,
        "detector": options.detector,
        "landmarker": options.landmarker,
        "recognizer": options.recognizer,
        "min_face": options.min_face,
        "copy_unmatched": options.copy_unmatched,
        "audio": options.audio,
        "allow_damaged": options.allow_damaged,
        "seed": options.seed,
    }
