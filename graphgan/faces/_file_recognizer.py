"""Use your own face recognizer from an ONNX or TensorFlow Lite file.

Examples are InsightFace's ``w600k_r50.onnx`` with default options, AdaFace exports with the order
"bgr", and MobileFaceNet. The image size and the layout of the axes are read from the file;
everything else is set by the options of `FileRecognizer`.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan._checks import check_choice
from graphgan._tensor_files import files_checksum
from graphgan.faces._five_points import aligned_faces
from graphgan.faces._network_files import FaceNetwork, open_network

Order: TypeAlias = Literal["rgb", "bgr"]
Normalization: TypeAlias = Literal["minus-one-to-one", "zero-to-one", "raw", "imagenet-mean"]
CropKind: TypeAlias = Literal["arcface", "loose"]

_IMAGENET_MEAN = (123.68, 116.779, 103.939)  # red first
_NORMALIZATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "minus-one-to-one": lambda x: (x - 127.5) / 127.5,
    "zero-to-one": lambda x: x / 255,
    "raw": lambda x: x,
    "imagenet-mean": lambda x: x - x.new_tensor(_IMAGENET_MEAN)[:, None, None],
}
_SCALES = {"arcface": 1.0, "loose": 0.85}
# Words accepted by `parse_recognizer`, and the option each sets.
_WORDS: dict[str, tuple[str, str | bool]] = {
    **{word: ("order", word) for word in get_args(Order)},
    **{word: ("normalization", word) for word in get_args(Normalization)},
    **{word: ("crop", word) for word in get_args(CropKind)},
    **{"flip": ("flip", True), "no-flip": ("flip", False)},
}


class FileRecognizer:
    """A `Recognizer` from any face descriptor network, run on the CPU with one thread.

    Each face is aligned so that eyes, nose and corners of the mouth match ArcFace's positions. Its
    descriptor is ``y / |y|``, where ``y`` is the mean of the network's output for the face and its
    mirror image. A face whose landmarks are not all finite, or lie within a pixel, gets a row of
    NaN; so does one whose ``y`` is zero, which some networks return for uniform images.

    Args:
        path: network file with one input of square RGB images and one output of at least 32 numbers
            per face. Unspecified sides are taken as 112 pixels.
        name: name in tables; None uses the file's name.
        order: channel order of the network's input.
        normalization: applied to channels from 0 to 255: "minus-one-to-one" is
            ``(x - 127.5) / 127.5``, "zero-to-one" ``x / 255``, "raw" ``x`` and "imagenet-mean"
            ``x - (123.68, 116.779, 103.939)`` for red, green and blue.
        crop: "loose" shows a face at 0.85 of its size in "arcface", with more of its surroundings.
        flip: whether to average with the mirror image.
    Raises:
        ValueError: the file does not exist or has other content, or an unknown option.
        MissingExtraError: onnxruntime, or ai-edge-litert for TensorFlow Lite, is not installed.
    """

    threshold: float | None = None

    def __init__(
        self,
        path: Path,
        *,
        name: str | None = None,
        order: Order = "rgb",
        normalization: Normalization = "minus-one-to-one",
        crop: CropKind = "arcface",
        flip: bool = True,
    ) -> None:
        check_choice("order", order, get_args(Order))
        check_choice("normalization", normalization, get_args(Normalization))
        check_choice("crop", crop, get_args(CropKind))
        self.path = Path(path)
        self.order, self.normalization, self.crop, self.flip = order, normalization, crop, flip
        self.name = name or self.path.name
        _ = self._network  # detect a bad file immediately
        options = f"{order} {normalization} {crop} {'flip' if flip else 'no-flip'}"
        self.fingerprint = f"FileRecognizer 1 {options} {files_checksum(self.path)}"

    def __call__(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "n 68 2"]
    ) -> Float[Tensor, "n d"]:
        """The descriptor of each face, in order; the faces of one image form a batch.

        Raises:
            ValueError: an image or landmarks of the wrong shape, or network output that is not
                finite.
        """
        network = self._network
        faces, present = aligned_faces(image, landmarks, network.size, scale=_SCALES[self.crop])
        rows = torch.full((len(landmarks), network.numbers), torch.nan)
        if len(faces):
            rows[present] = self._describe(faces)
        return rows

    def _describe(self, faces: Float[Tensor, "n 3 s s"]) -> Float[Tensor, "n d"]:
        pixels = _NORMALIZATIONS[self.normalization](faces)
        if self.order == "bgr":
            pixels = pixels.flip(1)
        images = torch.cat([pixels, pixels.flip(3)]) if self.flip else pixels
        found = self._network(images)
        rows = found.view(-1, len(faces), found.shape[1]).sum(0)
        return F.normalize(rows).masked_fill(~rows.any(1, keepdim=True), torch.nan)

    @cached_property
    def _network(self) -> FaceNetwork:
        return open_network(self.path)

    def __getstate__(self) -> dict[str, Any]:
        """Without the network, which cannot be sent to other processes."""
        return {key: value for key, value in vars(self).items() if key != "_network"}


def parse_recognizer(text: str) -> FileRecognizer:
    """Parse a recognizer given as ``NAME=FILE[,OPTION...]`` on a command line.

    Options are ``bgr``, a normalization such as ``zero-to-one``, ``loose`` and ``no-flip``, see
    `FileRecognizer`. File names may contain commas.

    Raises:
        ValueError: wrong syntax, an unknown option, conflicting options, or errors of
            `FileRecognizer`.
    """
    name, equals, rest = text.partition("=")
    if not (name and equals and rest):
        raise ValueError(f"expected a recognizer as NAME=FILE[,OPTION...], got {text!r}")
    options: dict[str, Any] = {}
    while (parts := rest.rpartition(","))[2] in _WORDS and parts[0]:
        option, value = _WORDS[parts[2]]
        if options.setdefault(option, value) != value:
            raise ValueError(f"expected one {option} of {name}, got {options[option]} and {value}")
        rest = parts[0]
    if "," in rest and not Path(rest).exists():
        words = ", ".join(_WORDS)
        raise ValueError(f"expected a file and options among {words}, got {rest!r} for {name}")
    return FileRecognizer(Path(rest), name=name, **options)
