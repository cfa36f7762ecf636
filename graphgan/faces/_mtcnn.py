"""MTCNN: detects faces with three networks, each refining the candidates of the one before.

Source: Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional
Networks", IEEE Signal Processing Letters 2016, https://arxiv.org/abs/1604.02878.
Keys, shapes and numbers are those of facenet-pytorch's files and code, with two differences: boxes
count pixels from 0, and those that lie outside the image are dropped. As there, a box that reaches
over the edge is cut and stretched, where the authors fill it with zeros.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from graphgan._checks import check_positive
from graphgan._states import fill
from graphgan._tensor_files import files_checksum
from graphgan.faces import _mtcnn_boxes as geometry
from graphgan.faces._contracts import Faces
from graphgan.models._weight_files import State, read_packed_state, read_state

NUM_POINTS = 5  # eyes, tip of the nose, corners of the mouth; left in the image first
_NETWORKS = ("pnet", "rnet", "onet")
_AT_ONCE = 512  # crops that go through a network together

Detector = TypeVar("Detector", bound="MTCNN")  # the tests' type checker does not support Self


class PNet(nn.Module):
    """The proposal network: is there a face in each 12 x 12 window, at every second pixel?

    Shapes:
        ``images: b 3 h w`` in [-1, 1] (at least 12 pixels a side) -> probabilities ``b h2 w2``,
        offsets of the four edges ``b 4 h2 w2`` as shares of the window
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1 = nn.Conv2d(32, 2, 1)
        self.conv4_2 = nn.Conv2d(32, 4, 1)

    def forward(
        self, images: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b h2 w2"], Float[Tensor, "b 4 h2 w2"]]:
        x = _pool(self.prelu1(self.conv1(images)), 2)
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return self.conv4_1(x).softmax(1)[:, 1], self.conv4_2(x)


class RNet(nn.Module):
    """The refinement network: is it a face, and where are its edges?

    Shapes:
        ``crops: n 3 24 24`` in [-1, 1] -> probabilities ``n``, offsets ``n 4``
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1 = nn.Linear(128, 2)
        self.dense5_2 = nn.Linear(128, 4)

    def forward(
        self, crops: Float[Tensor, "n 3 24 24"]
    ) -> tuple[Float[Tensor, "n"], Float[Tensor, "n 4"]]:
        x = _pool(self.prelu1(self.conv1(crops)), 3)
        x = _pool(self.prelu2(self.conv2(x)), 3)
        x = _columns_first(self.prelu3(self.conv3(x)))
        x = self.prelu4(self.dense4(x))
        return self.dense5_1(x).softmax(1)[:, 1], self.dense5_2(x)


class ONet(nn.Module):
    """The output network: like `RNet`, at a higher resolution and with five points.

    Shapes:
        ``crops: n 3 48 48`` in [-1, 1] -> probabilities ``n``, offsets ``n 4``, points ``n 5 2`` as
        (x, y), shares of the crop
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1 = nn.Linear(256, 2)
        self.dense6_2 = nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 2 * NUM_POINTS)

    def forward(
        self, crops: Float[Tensor, "n 3 48 48"]
    ) -> tuple[Float[Tensor, "n"], Float[Tensor, "n 4"], Float[Tensor, "n 5 2"]]:
        x = _pool(self.prelu1(self.conv1(crops)), 3)
        x = _pool(self.prelu2(self.conv2(x)), 3)
        x = _pool(self.prelu3(self.conv3(x)), 2)
        x = _columns_first(self.prelu4(self.conv4(x)))
        x = self.prelu5(self.dense5(x))
        points = self.dense6_3(x).unflatten(1, (2, NUM_POINTS)).transpose(1, 2)
        return self.dense6_1(x).softmax(1)[:, 1], self.dense6_2(x), points


class MTCNN(nn.Module):
    """Detect faces: boxes, confidences and five points.

    `PNet` searches the image at scales ``12 / min_face * factor^i``; its candidates are cropped as
    squares for `RNet`, and the remaining ones for `ONet`. Each network moves the edges and drops
    candidates below its threshold. Among overlapping boxes (by more than 0.5 of their union within
    a scale, by 0.7 later, by 0.7 of the smaller one at the end), the most confident is kept.

    Args:
        min_face: side of the smallest faces to detect, in pixels.
        thresholds: minimum probability after each network.
        factor: ratio between successive scales, below 1.
    Shapes:
        ``image: 3 h w``, 8-bit RGB; one of less than ``min_face`` pixels a side has no faces
    Raises:
        ValueError: a wrong image, or options out of range.

    Example:
        >>> boxes, scores, points = MTCNN()(torch.zeros(3, 16, 16, dtype=torch.uint8))
        >>> boxes.shape, scores.shape, points.shape
        (torch.Size([0, 4]), torch.Size([0]), torch.Size([0, 5, 2]))
    """

    def __init__(
        self,
        *,
        min_face: int = 20,
        thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7),
        factor: float = 0.709,
    ) -> None:
        super().__init__()
        check_positive(min_face=min_face)
        if len(thresholds) != 3 or not all(0 <= threshold <= 1 for threshold in thresholds):
            raise ValueError(f"expected three thresholds from 0 to 1, got {thresholds}")
        if not 0 < factor < 1:
            raise ValueError(f"expected a factor between 0 and 1, got {factor}")
        self.min_face, self.thresholds, self.factor = min_face, thresholds, factor
        self.pnet, self.rnet, self.onet = PNet(), RNet(), ONet()

    @classmethod
    def from_weights(cls: type[Detector], path: str | Path, **options: Any) -> Detector:
        """Load weights in facenet-pytorch's layout; returns the detector in eval mode, on the CPU.

        Args:
            path: a folder or a wheel (``.whl``) with ``pnet.pt``, ``rnet.pt`` and ``onet.pt``, such
                as facenet-pytorch's from PyPI, or one file whose keys begin with ``pnet.``,
                ``rnet.`` and ``onet.``.
            options: those of the class.
        Raises:
            ValueError: no such file, something else in it, keys that are missing, left over or of
                another shape, weights that are not finite; the message names the file.
            OSError: a file may not be read.
        """
        detector, path = cls(**options), Path(path)
        if not path.is_dir() and path.suffix != ".whl":
            _fill_from(detector, path, read_state(path))
            return detector.eval().requires_grad_(False)
        for name in _NETWORKS:
            network, file = detector.get_submodule(name), path / f"{name}.pt"
            state = read_state(file) if path.is_dir() else read_packed_state(path, file.name)
            _fill_from(network, file, state)
        return detector.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, image: UInt8[Tensor, "3 h w"]) -> Faces:
        if image.dtype != torch.uint8 or image.ndim != 3 or len(image) != 3:
            raise ValueError(
                f"expected 8-bit RGB of shape (3, h, w), got {image.dtype} of {tuple(image.shape)}"
            )
        pixels = (image.to(self.pnet.conv1.weight) - 127.5) / 128
        return self._decide(pixels, self._refine(pixels, self._propose(pixels)))

    def _propose(self, pixels: Float[Tensor, "3 h w"]) -> Float[Tensor, "n 4"]:
        """What the first network finds at all scales."""
        height, width = pixels.shape[1:]
        scales = geometry.pyramid_scales(height, width, min_face=self.min_face, factor=self.factor)
        if not scales:
            return torch.zeros(0, 4)
        found = [self._search(pixels, scale) for scale in scales]
        boxes, scores, offsets = (torch.cat(parts) for parts in zip(*found, strict=True))
        kept = geometry.suppress(boxes, scores, 0.7)
        boxes, offsets = boxes[kept], offsets[kept]
        return geometry.squares(geometry.shift_edges(boxes, offsets, geometry.spans(boxes)))

    def _search(
        self, pixels: Float[Tensor, "3 h w"], scale: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Windows that are likely faces at one scale: boxes, probabilities, offsets."""
        size = [int(side * scale + 1) for side in pixels.shape[1:]]
        scores, offsets = _on_cpu(self.pnet(F.interpolate(pixels[None], size, mode="area")))
        cells = (scores[0] >= self.thresholds[0]).nonzero()
        rows, columns = cells.unbind(1)
        boxes, scores = geometry.windows(cells, scale), scores[0, rows, columns]
        kept = geometry.suppress(boxes, scores, 0.5)
        return boxes[kept], scores[kept], offsets[0, :, rows, columns].T[kept]

    def _refine(
        self, pixels: Float[Tensor, "3 h w"], boxes: Float[Tensor, "n 4"]
    ) -> Float[Tensor, "k 4"]:
        """Those that the second network thinks are faces, with its edges."""
        boxes, (scores, offsets) = _look(self.rnet, pixels, boxes, 24)
        sure = scores >= self.thresholds[1]
        boxes, scores, offsets = boxes[sure], scores[sure], offsets[sure]
        kept = geometry.suppress(boxes, scores, 0.7)
        boxes, offsets = boxes[kept], offsets[kept]
        return geometry.squares(geometry.shift_edges(boxes, offsets, geometry.sides(boxes)))

    def _decide(self, pixels: Float[Tensor, "3 h w"], boxes: Float[Tensor, "n 4"]) -> Faces:
        """Those that the third network thinks are faces, with its edges and points."""
        boxes, (scores, offsets, points) = _look(self.onet, pixels, boxes, 48)
        sure = scores >= self.thresholds[2]
        boxes, scores, offsets, points = boxes[sure], scores[sure], offsets[sure], points[sure]
        sides = geometry.sides(boxes)
        points = boxes[:, None, :2] + points * sides[:, None]
        boxes = geometry.shift_edges(boxes, offsets, sides)
        kept = geometry.suppress(boxes, scores, 0.7, share_of="smaller")
        return Faces(boxes[kept], scores[kept], points[kept])


class MTCNNDetector:
    """A `FaceDetector`: MTCNN with weights from a file, see `MTCNN.from_weights`.

    Args:
        weights: weights of the three networks.
    Raises:
        ValueError: other weights.
    """

    name = "MTCNN"

    def __init__(self, weights: Path) -> None:
        MTCNN.from_weights(weights)  # detect a bad file before any work
        self.weights = weights
        self.fingerprint = f"MTCNN {files_checksum(weights)}"

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> Faces:
        """Detect all faces, most confident first."""
        faces: Faces = self._network(image)
        return faces

    @cached_property
    def _network(self) -> MTCNN:
        return MTCNN.from_weights(self.weights)


def _fill_from(module: nn.Module, path: Path, state: State) -> None:
    try:
        fill(module, state)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _look(
    network: Callable[[Tensor], tuple[Tensor, ...]],
    pixels: Float[Tensor, "3 h w"],
    boxes: Float[Tensor, "n 4"],
    size: int,
) -> tuple[Float[Tensor, "k 4"], list[Tensor]]:
    """The boxes that touch the image, and what a network says of each one's crop."""
    boxes = boxes[geometry.touching(boxes, *pixels.shape[1:])]
    crops = geometry.cut_out(pixels, boxes, size)
    found = [
        _on_cpu(network(crops[i : i + _AT_ONCE])) for i in range(0, max(len(crops), 1), _AT_ONCE)
    ]
    return boxes, [torch.cat(parts) for parts in zip(*found, strict=True)]


def _on_cpu(results: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(result.float().cpu() for result in results)


def _pool(x: Float[Tensor, "b c h w"], size: int) -> Float[Tensor, "b c h2 w2"]:
    """The largest of each window, every 2 pixels; the last window may reach over the edge."""
    return F.max_pool2d(x, size, stride=2, ceil_mode=True)


def _columns_first(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
    """Flattened with the channel running fastest and the column slowest, as in Matlab."""
    return x.permute(0, 3, 2, 1).flatten(1)
