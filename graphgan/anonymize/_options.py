"""Options that the commands of the anonymizer share, and the anonymizer that they ask for."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from graphgan.anonymize._anonymizer import Anonymizer
from graphgan.anonymize._conditions import (
    Condition,
    nobody_conditions,
    people_conditions,
    photo_conditions,
)
from graphgan.anonymize._file_anonymizer import Audio, FileAnonymizer
from graphgan.anonymize._matching import Match
from graphgan.anonymize._methods import FaceMethod, GeneratedFaces, ObscuredFaces, Obscuring
from graphgan.anonymize._selection import Box, Selection
from graphgan.data import read_image
from graphgan.data._images import allow_pixels
from graphgan.faces import (
    DetectorName,
    LandmarkerName,
    Recognizer,
    ToolOptions,
    make_detector,
    make_finder,
    make_recognizer,
)
from graphgan.faces._registry import RecognizerName
from graphgan.landmarks import FindFaces
from graphgan.models import AnonyGAN, OnnxAnonyGAN
from graphgan.training._devices import torch_device
from graphgan.weights import FACES

Mode = Literal["people", "pixelate", "blur", "solid"]
"""What replaces a face: another person, or nobody."""

# The second look at a finished photo finds faces so many times as large, in a ninth of the time.
_COARSER = 3


COMPOSED = ("people", "drawn")
"""Conditions that need no photo of a person."""


@dataclass(frozen=True, kw_only=True)
class AnonymizeOptions:
    """How faces are found and replaced."""

    mode: Mode = "people"
    """What replaces a face: another person, who does not exist unless you name one by --condition,
    or nobody: a mosaic (pixelate), a blur, or black (solid)."""
    checkpoint: Path = Path(FACES)
    """Weights of the network that draws people: the name of shipped weights, a file
    (generator.safetensors or .onnx), or the folder of a training run."""
    condition: str = "people"
    """Who is shown: people (they look real and do not exist), drawn (they look drawn), a photo of
    one face, or a folder of such photos."""
    match: Match = "tone"
    """How the person for a face is chosen: by skin tone and apparent sex (tone), by age as
    well (look), or at random (none). A better match looks more real and reveals more."""
    fallback: Obscuring = "pixelate"
    """What covers a face that cannot become another person because it is too small, turned away or
    unclear, or because the new face is still recognized."""
    keep: tuple[str, ...] = ()
    """Keep these faces: a photo of the person, or a box in pixels (left,top,right,bottom)."""
    only: tuple[str, ...] = ()
    """Replace only the faces in these boxes (left,top,right,bottom); all others stay visible."""
    copy_unmatched: bool = False
    """Also write files without a face; by default they are not copied."""
    audio: Audio = "keep"
    """Whether videos keep their sound. Drop it if a voice could identify somebody."""
    allow_damaged: bool = False
    """Process the readable part of damaged or truncated videos; by default they fail."""
    threshold: float | None = None
    """Descriptor distance up to which a new face counts as recognized; raise it to be stricter. The
    default is 1.1 times the recognizer's own, 0.6 for dlib-resnet."""
    tries: int = 4
    """How many people to try for a face before the fallback covers it."""
    detector: DetectorName = "centerface"
    """The network that finds faces. dlib is an extra and only finds upright frontal faces."""
    landmarker: LandmarkerName = "face-mesh"
    """The network that finds facial landmarks. dlib's must not be used commercially."""
    recognizer: RecognizerName = "dlib-resnet"
    """The network that checks whether a new face still shows the same person."""
    max_pixels: int | None = None
    """Refuse photos with more pixels, 178956970 by default. A photo takes 20 bytes of memory per
    pixel (2 GB for 100 megapixels), and every core works on one."""
    min_face: int = 12
    """Size in pixels of the smallest faces to find. Half the size takes four times as long."""
    size: tuple[int, int] | None = None
    """Height and width that the network was trained on, if its weights do not say so."""
    seed: int = 0
    """Another seed shows other people."""
    device: str = "auto"
    """Where networks run: cpu, cuda (or gpu), mps, or auto for the fastest available."""

    def __post_init__(self) -> None:
        if self.min_face < 1:
            raise ValueError(f"expected --min-face of at least 1, got {self.min_face}")
        if self.max_pixels is not None and self.max_pixels < 1:
            raise ValueError(f"expected --max-pixels of at least 1, got {self.max_pixels}")

    def allow_pixels(self) -> None:
        """Let this process read photos of up to ``max_pixels``."""
        if self.max_pixels is not None:
            allow_pixels(self.max_pixels)


def make_anonymizer(options: AnonymizeOptions) -> Anonymizer:
    """The anonymizer that the options ask for, loaded and checked."""
    options.allow_pixels()
    tools = _tool_options(options)
    detector = make_finder(options.detector, options.landmarker, tools)
    coarser = replace(tools, min_face=_COARSER * options.min_face)
    second_detector = make_detector(options.detector, coarser)
    recognizer = make_recognizer(options.recognizer, tools)
    method = _make_method(options)
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
    """An anonymizer of whole files, around the result of `make_anonymizer`."""
    return FileAnonymizer(anonymizer, options.copy_unmatched, options.audio, options.allow_damaged)


def _tool_options(options: AnonymizeOptions) -> ToolOptions:
    """Options for all detectors, landmarkers and recognizers."""
    covers = options.mode != "people" and not options.keep
    return ToolOptions(
        min_face=options.min_face,
        device=str(torch_device(options.device)),
        passes=1 if covers else 2,
    )


def _make_method(options: AnonymizeOptions) -> FaceMethod:
    """The method that replaces faces."""
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
        if (box := parse_box(text)) is not None:
            boxes.append(box)
        else:
            people.append(_descriptor(Path(text), detector, recognizer))
    only = []
    for text in options.only:
        if (box := parse_box(text)) is None:
            raise ValueError(f"expected --only left,top,right,bottom, got {text}")
        only.append(box)
    return Selection(people=tuple(people), keep=tuple(boxes), only=tuple(only))


def parse_box(text: str) -> Box | None:
    """The box that a command-line argument describes, or None."""
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
        raise ValueError(f"{path}: expected a photo with one face to keep, found {len(faces)}")
    return recognizer(image, faces[0].landmarks[None])[0]


def describe_run(options: AnonymizeOptions, anonymizer: Anonymizer) -> dict[str, Any]:
    """What a report says about the whole run; no paths, since reports are shown to others."""
    told: tuple[str, ...] = ("mode", "fallback", "match", "tries", "detector", "landmarker")
    told += ("recognizer", "min_face", "copy_unmatched", "audio", "allow_damaged", "seed")
    return {
        **{name: getattr(options, name) for name in told},
        "conditions": [condition.name for condition in anonymizer.order.conditions],
        "kept people": len(anonymizer.selection.people),
        "keep": [list(box) for box in anonymizer.selection.keep],
        "only": [list(box) for box in anonymizer.selection.only],
        "threshold": anonymizer.threshold,
    }
