"""BlazeFace: a small network that finds faces of 8 to 80 pixels, however they lean.

Source: Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs",
CVPR workshop 2019, https://arxiv.org/abs/1907.05047; the weights are those of MediaPipe's
full-range model (Apache-2.0). It was trained on squares of 192 pixels. Here it runs over images of any size,
at several scales, so that a face of any size is 8 to 80 pixels large in one of them.
"""

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan._checks import check_positive
from graphgan.faces._boxes import suppress
from graphgan.faces._inference import inference_dtype
from graphgan.faces.contracts import Faces
from graphgan.models.conv_graph import ConvGraph
from graphgan.weights import weights_file

WEIGHTS = "blazeface-full-range"

_STRIDE = 4  # pixels between two results
_MULTIPLE = 32  # the network halves an image five times
_POINTS = 6  # eyes, nose, mouth, ears
# Pixels of the smallest face that it finds reliably, along the longer side of its landmarks.
_SMALLEST = 9.0
_STEP = 0.25  # from one scale to the next: the network knows faces of 9 to 80 pixels
_LEAST_SIDE = 48  # of an image at the coarsest scale: a face may fill all of it
# An image is worked on in tiles: large ones do not fit into a processor's caches.
_TILE, _OVERLAP = 512, 96
_MOST = 4096  # faces of an image, which bounds time and memory


class BlazeFace:
    """A `FaceDetector` that misses few faces: turned, leaning, lying, small or masked ones.

    Args:
        min_face: pixels of the smallest faces that are looked for, along the longer side of the box
            of their landmarks. Time grows with ``1 / min_face ** 2``.
        threshold: score in (0, 1) from which something is a face.
        device: where the network runs.
        weights: a file that ``scripts/convert_weights.py`` wrote.
    Raises:
        ValueError: options out of range; weights that are missing or damaged.

    Example:
        >>> BlazeFace()(torch.zeros(3, 64, 64, dtype=torch.uint8)).boxes.shape
        torch.Size([0, 4])
    """

    name = "blazeface"

    def __init__(
        self,
        min_face: int = 12,
        *,
        threshold: float = 0.3,
        device: str | torch.device = "cpu",
        weights: Path | None = None,
    ) -> None:
        check_positive(min_face=min_face)
        if not 0 < threshold < 1:
            raise ValueError(f"expected a threshold between 0 and 1, got {threshold}")
        self.min_face, self.threshold, self.device = min_face, threshold, str(device)
        self.weights = weights_file(WEIGHTS) if weights is None else weights
        self.fingerprint = f"{WEIGHTS} 1, {min_face} pixels, {threshold}"

    @torch.inference_mode()
    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> Faces:
        """All faces, the surest first."""
        found = [_nothing()]
        for level, scale in self._levels(image.to(self.device)):
            for tile, corner in _tiles(level):
                faces = self._faces_in(tile, corner)
                found.append(Faces(faces.boxes / scale, faces.scores, faces.points / scale))
        faces = Faces(*(torch.cat(values) for values in zip(*found, strict=True)))
        faces = faces.at(faces.scores.argsort(descending=True, stable=True)[:_MOST])
        # Edges of pixels to their centres.
        faces = Faces(faces.boxes - 0.5, faces.scores, faces.points - 0.5)
        return faces.at(suppress(faces.boxes, faces.scores))

    def _levels(
        self, image: UInt8[Tensor, "3 h w"]
    ) -> Iterator[tuple[Float[Tensor, "3 h2 w2"], float]]:
        """The image in [-1, 1] at every scale, the largest first, and how large it is there."""
        if not image.numel():
            return
        height, width = image.shape[1:]
        scale = _SMALLEST / self.min_face
        pixels = image[None]
        while True:
            size = (max(round(height * scale), 1), max(round(width * scale), 1))
            level = pixels
            if size != (height, width):
                level = F.interpolate(pixels, size, mode="bilinear", antialias=True)
            yield (level[0].float() / 127.5 - 1), scale
            scale *= _STEP
            if max(height, width) * scale < _LEAST_SIDE:
                return

    def _faces_in(self, tile: Float[Tensor, "3 h w"], corner: tuple[int, int]) -> Faces:
        """Faces of a part of an image whose left upper corner lies there, in edges of pixels."""
        network = _network(self.weights, self.device)
        dtype = next(network.parameters()).dtype
        batch = tile[None].to(dtype).contiguous(memory_format=torch.channels_last)
        regressed, logits = network(batch)
        logits = logits[:, 0].float()
        peaks = logits == F.max_pool2d(logits[None], 3, 1, 1)[0]
        least = math.log(self.threshold / (1 - self.threshold))
        _, rows, columns = (peaks & (logits > least)).nonzero(as_tuple=True)
        numbers = regressed[0, :, rows, columns].T.float()
        cells = (torch.stack([columns, rows], 1) + 0.5) * _STRIDE
        cells = cells + cells.new_tensor(corner)
        centres, half = cells + numbers[:, :2], numbers[:, 2:4].abs() / 2
        points = cells[:, None] + numbers[:, 4:].view(-1, _POINTS, 2)
        scores = logits[0, rows, columns].sigmoid()
        faces = Faces(torch.cat([centres - half, centres + half], 1), scores, points)
        return Faces(*(values.cpu() for values in faces))


def _nothing() -> Faces:
    return Faces(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, _POINTS, 2))


def _tiles(
    level: Float[Tensor, "3 h w"],
) -> Iterator[tuple[Float[Tensor, "3 h2 w2"], tuple[int, int]]]:
    """Overlapping parts of an image and the (x, y) of their corners."""
    height, width = level.shape[1:]
    for top in _starts(height):
        for left in _starts(width):
            tile = level[:, top : top + _TILE, left : left + _TILE]
            down, across = (-side % _MULTIPLE for side in tile.shape[1:])
            yield F.pad(tile, (0, across, 0, down), value=-1.0), (left, top)


def _starts(length: int) -> range:
    """Where tiles begin along an axis."""
    return range(0, max(length - _OVERLAP, 1), _TILE - _OVERLAP)


@cache  # of all detectors of a process, and never sent to another one
def _network(weights: Path, device: str) -> ConvGraph:
    network = ConvGraph.from_pretrained(weights).for_inference()
    return network.to(device, inference_dtype(device))
