"""Detectors and embedders at work on many pictures: by several processes, once for each picture."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.data.batches import to_float_image, to_uint8_image
from graphgan.data.worker_pool import WorkerPool
from graphgan.evaluation.cache import ResultCache
from graphgan.faces.detectors import FaceDetector, FacePipeline
from graphgan.faces.embedders import Classifier, Embedder

LEAST_SIDE = 128  # smaller pictures are enlarged: dlib looks for faces of 40 pixels and more


@dataclass(frozen=True)
class Tools:
    """What looks at pictures.

    Args:
        pipeline: finds faces and landmarks.
        detectors: others that look for faces.
        embedders: describe them; the first one speaks in plots.
    Raises:
        ValueError: no embedder, two embedders or two detectors of one name.
    """

    pipeline: FacePipeline
    embedders: Sequence[Embedder]
    detectors: Sequence[FaceDetector] = ()

    def __post_init__(self) -> None:
        names = [embedder.name for embedder in self.embedders]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"expected embedders of different names, got {names}")
        names = [detector.name for detector in (self.pipeline, *self.detectors)]
        if len(set(names)) < len(names):
            raise ValueError(f"expected detectors of different names, got {names}")


class Found(NamedTuple):
    """What a detector says of n pictures, in their own pixels.

    Args:
        boxes: of each picture, the surest first.
    """

    boxes: list[Float[Tensor, "_ 4"]]

    @property
    def any(self) -> list[bool]:
        """Of each picture, whether a face was found."""
        return [len(boxes) > 0 for boxes in self.boxes]


class Examiner:
    """Asks tools about pictures; what it was told once it remembers.

    Args:
        tools: sent to each process.
        workers: processes.
        cache: where answers are kept.
        progress: wraps answers as they come; the second argument says how many there will be, the
            third what is done.
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

    def __enter__(self) -> "Examiner":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.pool.__exit__(kind, error, trace)

    def find(self, images: UInt8[Tensor, "n 3 h w"], detector: FaceDetector) -> Found:
        """Boxes of faces."""
        number = [self.tools.pipeline, *self.tools.detectors].index(detector)

        def compute() -> dict[str, Tensor]:
            found = self._ask(_boxes, [(image, number) for image in _plain(images)], detector.name)
            counts = torch.tensor([len(boxes) for boxes in found], dtype=torch.long)
            return {"counts": counts, "boxes": _stacked(found, (0, 4))}

        kept = self.cache.fetch("boxes", (_identity(detector), images), compute)
        return Found(list(torch.split(kept["boxes"], kept["counts"].tolist())))

    def locate(
        self, images: UInt8[Tensor, "n 3 h w"], boxes: Float[Tensor, "n 4"]
    ) -> Float[Tensor, "n k 2"]:
        """Landmarks by the pipeline of what fills each picture's box; NaN where the box is."""
        pipeline = self.tools.pipeline

        def compute() -> dict[str, Tensor]:
            there = torch.nonzero(boxes.isfinite().all(1)).flatten().tolist()
            items = [(_plain(images[i : i + 1])[0], boxes[i].numpy()) for i in there]
            found = self._ask(_landmarks, items, "landmarks")
            points = torch.full((len(images), pipeline.num_landmarks, 2), torch.nan)
            if there:
                points[there] = _stacked(found, (pipeline.num_landmarks, 2)).view(len(there), -1, 2)
            return {"landmarks": points}

        inputs = (_identity(pipeline), images, boxes)
        return self.cache.fetch("landmarks", inputs, compute)["landmarks"]

    def describe(
        self,
        images: UInt8[Tensor, "n 3 h w"],
        landmarks: Float[Tensor, "n k 2"],
        embedder: Embedder,
    ) -> Float[Tensor, "n d"]:
        """Descriptors; NaN where landmarks are missing."""
        return self._described(images, landmarks, embedder, _descriptor, "descriptors")

    def classify(
        self,
        images: UInt8[Tensor, "n 3 h w"],
        landmarks: Float[Tensor, "n k 2"],
        embedder: Classifier,
    ) -> Float[Tensor, "n c"]:
        """Logits; NaN where landmarks are missing."""
        return self._described(images, landmarks, embedder, _logits, "logits")

    def _described(
        self,
        images: Tensor,
        landmarks: Tensor,
        embedder: Embedder,
        work: Callable[[Any, Tools], Any],
        what: str,
    ) -> Tensor:
        number = list(self.tools.embedders).index(embedder)

        def compute() -> dict[str, Tensor]:
            there = torch.nonzero(landmarks.isfinite().flatten(1).all(1)).flatten().tolist()
            items = [
                (_plain(images[i : i + 1])[0], landmarks[i].float().numpy(), number) for i in there
            ]
            found = self._ask(work, items, f"{embedder.name} {what}")
            width = len(found[0]) if found else 1
            rows = torch.full((len(images), width), torch.nan)
            if there:
                rows[there] = _stacked(found, (width,)).view(len(there), width)
            return {what: rows}

        inputs = (_identity(embedder), images, landmarks.float())
        return self.cache.fetch(what, inputs, compute)[what]

    def _ask(self, work: Callable[[Any, Tools], Any], items: list[Any], what: str) -> list[Any]:
        return list(self.progress(self.pool.map(work, items), len(items), what))


def _identity(tool: FaceDetector | Embedder) -> str:
    """Two tools may have one fingerprint, such as "1"."""
    return f"{type(tool).__qualname__} {tool.name} {tool.fingerprint}"


def _sent(tools: Tools) -> Tools:
    """What a process works with: what it was sent."""
    return tools


def _plain(images: UInt8[Tensor, "n 3 h w"]) -> list[np.ndarray]:
    """Arrays travel between processes without a file descriptor each."""
    return list(images.numpy())


def _stacked(found: Sequence[np.ndarray], shape: tuple[int, ...]) -> Tensor:
    parts = found or [np.zeros(shape, np.float32)]
    if shape and shape[0] == 0:
        return torch.from_numpy(np.concatenate(parts).astype(np.float32))
    return torch.from_numpy(np.stack(parts).astype(np.float32))


def _boxes(item: tuple[np.ndarray, int], tools: Tools) -> np.ndarray:
    image, scale = _enlarged(item[0])
    boxes: np.ndarray = [tools.pipeline, *tools.detectors][item[1]](image).numpy()
    return ((boxes + 0.5) / scale - 0.5).astype(np.float32)


def _landmarks(item: tuple[np.ndarray, np.ndarray], tools: Tools) -> np.ndarray:
    image, scale = _enlarged(item[0])
    box = torch.from_numpy((item[1] + 0.5) * scale - 0.5)
    points: np.ndarray = tools.pipeline.landmarks_in(image, box).numpy()
    return ((points + 0.5) / scale - 0.5).astype(np.float32)


def _descriptor(item: tuple[np.ndarray, np.ndarray, int], tools: Tools) -> np.ndarray:
    image, scale = _enlarged(item[0])
    points = torch.from_numpy((item[1] + 0.5) * scale - 0.5)
    with torch.no_grad():
        descriptor: np.ndarray = tools.embedders[item[2]](image, points).numpy()
    return descriptor


def _logits(item: tuple[np.ndarray, np.ndarray, int], tools: Tools) -> np.ndarray:
    image, scale = _enlarged(item[0])
    points = torch.from_numpy((item[1] + 0.5) * scale - 0.5)
    embedder = tools.embedders[item[2]]
    assert isinstance(embedder, Classifier)
    with torch.no_grad():
        logits: np.ndarray = embedder.logits(image, points).numpy()
    return logits


def _enlarged(pixels: np.ndarray) -> tuple[UInt8[Tensor, "3 h w"], float]:
    """A picture of 128 pixels and more, and how many of its pixels one of the given ones became."""
    image = torch.from_numpy(pixels)
    scale = LEAST_SIDE / min(image.shape[1:])
    if scale <= 1:
        return image, 1.0
    size = (round(image.shape[1] * scale), round(image.shape[2] * scale))
    large = F.interpolate(to_float_image(image)[None], size, mode="bicubic", align_corners=False)
    return to_uint8_image(large[0]), scale
