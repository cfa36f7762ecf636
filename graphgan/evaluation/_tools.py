"""Run detectors, landmarkers and recognizers on many images, once for each image."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.data import to_float_image, to_uint8_image
from graphgan.data._worker_pool import WorkerPool
from graphgan.evaluation._cache import ResultCache
from graphgan.evaluation._measures.comparing import COMPARED, compared
from graphgan.faces import (
    ExpressionReader,
    FaceDetector,
    Faces,
    Landmarker,
    NamingRecognizer,
    Recognizer,
)
from graphgan.metrics import Expression, measure_expression

LEAST_SIDE = 128  # smaller images are upscaled: dlib finds faces of at least 40 pixels

_Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Tools:
    """The tools that analyze images.

    Args:
        detector: face detector; recognition uses its most confident face.
        landmarker: landmark detector.
        recognizers: face recognizers; the first one is used in plots.
        detectors: additional face detectors.
        expressions: reads expressions of the faces found by the first detector; None skips
            expressions.
    Raises:
        ValueError: no recognizer, or recognizers or detectors with duplicate names.
    """

    detector: FaceDetector
    landmarker: Landmarker
    recognizers: Sequence[Recognizer]
    detectors: Sequence[FaceDetector] = ()
    expressions: ExpressionReader | None = None

    def __post_init__(self) -> None:
        names = [recognizer.name for recognizer in self.recognizers]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"expected recognizers with different names, got {names}")
        names = [detector.name for detector in self.all_detectors]
        if len(set(names)) < len(names):
            raise ValueError(f"expected detectors with different names, got {names}")

    @property
    def all_detectors(self) -> list[FaceDetector]:
        """The detector used for recognition, and the additional ones."""
        return [self.detector, *self.detectors]


class ToolRunner:
    """Runs tools on images in several processes, and caches the results.

    Args:
        tools: tools, sent to each process.
        workers: number of processes.
        cache: stores results between runs.
        progress: wraps results as they arrive; the second argument is their total number, the third
            a description of the work.
    """

    def __init__(
        self,
        tools: Tools,
        *,
        workers: int = 1,
        cache: ResultCache | None = None,
        progress: Callable[[Iterable[Any], int, str], Iterable[Any]] | None = None,
    ) -> None:
        self.tools = tools
        self.cache = cache or ResultCache(None)
        self.progress = progress or (lambda answers, total, what: answers)
        self.pool = WorkerPool(partial(_sent, tools), workers)
        self._rows: dict[
            tuple[str, str], dict[bytes, np.ndarray]
        ] = {}  # keyed by the face's content

    def __enter__(self) -> "ToolRunner":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.pool.__exit__(kind, error, trace)

    def find(self, images: UInt8[Tensor, "n 3 h w"], detector: FaceDetector) -> list[Faces]:
        """The faces in each image, in its own pixels."""
        number = self.tools.all_detectors.index(detector)

        def compute() -> dict[str, Tensor]:
            items = [(image, number) for image in _plain(images)]
            return _joined(self._ask(_find, items, detector.name))

        kept = self.cache.fetch("faces", (_identity(detector), images), compute)
        counts = kept["counts"].tolist()
        parts = (torch.split(kept[name], counts) for name in Faces._fields)
        return [Faces(*own) for own in zip(*parts, strict=True)]

    def locate(
        self, images: UInt8[Tensor, "n 3 h w"], faces: Sequence[Faces]
    ) -> Float[Tensor, "n 68 2"]:
        """Landmarks of the first face in each image, whatever it shows; NaN if there is none."""
        landmarker = self.tools.landmarker
        firsts = [own.at(torch.arange(min(len(own.boxes), 1))) for own in faces]

        def compute() -> dict[str, Tensor]:
            there = [i for i, own in enumerate(firsts) if len(own.boxes)]
            items = [
                (_plain(images[i : i + 1])[0], tuple(values.numpy() for values in firsts[i]))
                for i in there
            ]
            found = self._ask(_locate, items, "landmarks")
            return {"landmarks": _in_rows(found, there, (len(images), 68, 2))}

        inputs: list[str | Tensor] = [_identity(landmarker), images]
        inputs += [values for own in firsts for values in own]
        return self.cache.fetch("landmarks", tuple(inputs), compute)["landmarks"]

    def express(self, images: UInt8[Tensor, "n 3 h w"], faces: Sequence[Faces]) -> Expression:
        """The expression of the first face in each image; NaN if there is none."""
        reader = self.tools.expressions
        if reader is None:
            raise ValueError("expected tools with an expression reader, got none")
        firsts = [own.at(torch.arange(min(len(own.boxes), 1))) for own in faces]

        def compute() -> dict[str, Tensor]:
            items = [
                (image, tuple(values.numpy() for values in first))
                for image, first in zip(_plain(images), firsts, strict=True)
            ]
            found = self._ask(_express, items, "expressions")
            columns = zip(*found, strict=True)
            rows = [torch.from_numpy(np.stack(column)).float() for column in columns]
            return dict(zip(("mesh", "irises", "contours"), rows, strict=True))

        inputs: list[str | Tensor] = [reader.fingerprint, images]
        inputs += [values for own in firsts for values in own]
        found = self.cache.fetch("expressions", tuple(inputs), compute)
        return measure_expression(found["mesh"], found["irises"], found["contours"])

    def compare(
        self,
        results: UInt8[Tensor, "n 3 h w"],
        originals: UInt8[Tensor, "n 3 h w"],
        landmarks: Float[Tensor, "n 68 2"],
    ) -> dict[str, Float[Tensor, "n 2"]]:
        """The measures of `compared` for each result and for its original."""

        def compute() -> dict[str, Tensor]:
            columns = _plain(results), _plain(originals), list(landmarks.float().numpy())
            found = self._ask(_compare, list(zip(*columns, strict=True)), "appearance")
            rows = torch.from_numpy(np.stack(found))
            return {name: rows[:, i] for i, name in enumerate(COMPARED)}

        inputs = ("2", results, originals, landmarks.float())  # increment when the measures change
        return self.cache.fetch("appearance", inputs, compute)

    def describe(
        self,
        images: UInt8[Tensor, "n 3 h w"],
        landmarks: Float[Tensor, "n 68 2"],
        recognizer: Recognizer,
    ) -> Float[Tensor, "n d"]:
        """Descriptors; NaN if landmarks are missing."""
        return self._described(images, landmarks, recognizer, _describe, "descriptors")

    def classify(
        self,
        images: UInt8[Tensor, "n 3 h w"],
        landmarks: Float[Tensor, "n 68 2"],
        recognizer: NamingRecognizer,
    ) -> Float[Tensor, "n c"]:
        """Logits; NaN if landmarks are missing."""
        return self._described(images, landmarks, recognizer, _classify, "logits")

    def _described(
        self,
        images: Tensor,
        landmarks: Tensor,
        recognizer: Recognizer,
        work: Callable[[Any, Tools], Any],
        what: str,
    ) -> Tensor:
        number = list(self.tools.recognizers).index(recognizer)
        known = self._rows.setdefault((_identity(recognizer), what), {})

        def compute() -> dict[str, Tensor]:
            there = torch.nonzero(landmarks.isfinite().flatten(1).all(1)).flatten().tolist()
            items = {
                i: (_plain(images[i : i + 1])[0], landmarks[i].float().numpy(), number)
                for i in there
            }
            keys = {i: _digest(*items[i][:2]) for i in there}
            unseen = list({keys[i]: items[i] for i in there if keys[i] not in known}.items())
            found = self._ask(work, [item for _, item in unseen], f"{recognizer.name} {what}")
            known.update(zip([key for key, _ in unseen], found, strict=True))
            rows = [known[keys[i]] for i in there]
            width = len(next(iter(known.values()))) if known else 1
            return {what: _in_rows(rows, there, (len(images), width))}

        inputs = (_identity(recognizer), images, landmarks.float())
        return self.cache.fetch(what, inputs, compute)[what]

    def _ask(self, work: Callable[[Any, Tools], Any], items: list[Any], what: str) -> list[Any]:
        return list(self.progress(self.pool.map(work, items), len(items), what))


def _digest(*arrays: np.ndarray) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(array.tobytes())
    return digest.digest()


def _identity(tool: FaceDetector | Landmarker | Recognizer) -> str:
    """Two tools may have one fingerprint, such as "1"."""
    return f"{type(tool).__qualname__} {tool.name} {tool.fingerprint}"


def _sent(tools: Tools) -> Tools:
    """What a process works with: what it was sent."""
    return tools


def _plain(images: UInt8[Tensor, "n 3 h w"]) -> list[np.ndarray]:
    """Arrays travel between processes without a file descriptor each."""
    return list(images.numpy())


def _joined(found: Sequence[_Arrays]) -> dict[str, Tensor]:
    """The faces of all images in one tensor of each kind, and how many there are in each image."""
    none = Faces.of_boxes(torch.zeros(0, 4))
    counts = torch.tensor([len(boxes) for boxes, *_ in found], dtype=torch.long)
    some = [own for own in found if len(own[0])]
    columns = zip(*some, strict=True) if some else ([values.numpy()] for values in none)
    joined = [torch.from_numpy(np.concatenate(list(column))).float() for column in columns]
    return {"counts": counts, **dict(zip(Faces._fields, joined, strict=True))}


def _in_rows(
    found: Sequence[np.ndarray], rows: Sequence[int], shape: tuple[int, ...]
) -> Float[Tensor, "n *d"]:
    """What was found in its rows, NaN in the others."""
    values = torch.full(shape, torch.nan)
    if rows:
        values[rows] = torch.from_numpy(np.stack(found)).float()
    return values


def _find(item: tuple[np.ndarray, int], tools: Tools) -> _Arrays:
    image, scale = _enlarged(item[0])
    with torch.no_grad():
        boxes, scores, points = tools.all_detectors[item[1]](image)
    boxes = _shrunk(boxes.view(-1, 2, 2), scale).view(-1, 4)
    return _arrays(boxes, scores, _shrunk(points, scale))


def _locate(item: tuple[np.ndarray, _Arrays], tools: Tools) -> np.ndarray:
    image, faces, scale = _enlarged_faces(item)
    with torch.no_grad():
        found = tools.landmarker(image, faces)
    return _arrays(_shrunk(found.points[0], scale))[0]


def _express(item: tuple[np.ndarray, _Arrays], tools: Tools) -> _Arrays:
    image, faces, _ = _enlarged_faces(item)
    assert tools.expressions is not None
    with torch.no_grad():
        found = tools.expressions.look(image, faces)
    return _arrays(*(values[0] for values in found))


def _enlarged_faces(
    item: tuple[np.ndarray, _Arrays],
) -> tuple[UInt8[Tensor, "3 h w"], Faces, float]:
    image, scale = _enlarged(item[0])
    boxes, scores, points = (torch.from_numpy(values) for values in item[1])
    boxes = _grown(boxes.view(-1, 2, 2), scale).view(-1, 4)
    return image, Faces(boxes, scores, _grown(points, scale)), scale


def _compare(item: tuple[np.ndarray, np.ndarray, np.ndarray], tools: Tools) -> np.ndarray:
    result, original, landmarks = (torch.from_numpy(values)[None] for values in item)
    with torch.no_grad():
        return torch.cat(list(compared(result, original, landmarks).values())).float().numpy()


def _describe(item: tuple[np.ndarray, np.ndarray, int], tools: Tools) -> np.ndarray:
    image, scale = _enlarged(item[0])
    landmarks = _grown(torch.from_numpy(item[1]), scale)
    with torch.no_grad():
        return _arrays(tools.recognizers[item[2]](image, landmarks[None])[0])[0]


def _classify(item: tuple[np.ndarray, np.ndarray, int], tools: Tools) -> np.ndarray:
    image, scale = _enlarged(item[0])
    landmarks = _grown(torch.from_numpy(item[1]), scale)
    recognizer = tools.recognizers[item[2]]
    assert isinstance(recognizer, NamingRecognizer)
    with torch.no_grad():
        return _arrays(recognizer.logits(image, landmarks[None])[0])[0]


def _arrays(*tensors: Tensor) -> _Arrays:
    return tuple(tensor.float().cpu().numpy() for tensor in tensors)


def _grown(points: Float[Tensor, "*n 2"], scale: float) -> Float[Tensor, "*n 2"]:
    """In an image that is so many times as large."""
    return (points + 0.5) * scale - 0.5


def _shrunk(points: Float[Tensor, "*n 2"], scale: float) -> Float[Tensor, "*n 2"]:
    """Back in the image that was enlarged."""
    return (points + 0.5) / scale - 0.5


def _enlarged(pixels: np.ndarray) -> tuple[UInt8[Tensor, "3 h w"], float]:
    """An image of 128 pixels and more, and how many of its pixels one of the given ones became."""
    image = torch.from_numpy(pixels)
    scale = LEAST_SIDE / min(image.shape[1:])
    if scale <= 1:
        return image, 1.0
    size = (round(image.shape[1] * scale), round(image.shape[2] * scale))
    large = F.interpolate(to_float_image(image)[None], size, mode="bicubic", align_corners=False)
    return to_uint8_image(large[0]), scale
