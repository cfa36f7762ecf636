"""MediaPipe's face mesh: 468 points of a face, and iBUG's 68 landmarks derived from them.

Source: Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs",
CVPR workshop 2019, https://arxiv.org/abs/1907.06724; the weights are MediaPipe's (Apache-2.0).

The landmarks are mesh vertices plus a linear correction, which ``scripts/fit_face_mesh.py`` learns
from annotated faces, because the two sets mark different places, especially along the jaw.
"""

from functools import cache, cached_property, partial
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from graphgan._checks import check_indices, check_positive
from graphgan._states import check_tensors
from graphgan._tensor_files import files_checksum
from graphgan._threads import results_in_order
from graphgan.faces._contracts import Faces, Landmarks
from graphgan.faces._crops import cut_squares, in_image
from graphgan.models import ConvGraph
from graphgan.weights import weights_file

WEIGHTS, CORRECTION = "face-mesh", "face-mesh-ibug68"

NUM_VERTICES = 468
_SIZE = 192
_AROUND = 1.5  # side of the network's crop, relative to the face's box
_AT_ONCE = 8  # faces in a batch
_LARGE = 40.0  # minimum side of boxes that get further passes, in pixels
# A mesh that moved by more in its last pass, in longer sides of it, is looked at again, so often.
_SETTLED, _MORE_PASSES = 0.04, 4
# Vertices of the mesh: outer corners of the eyes.
_RIGHT_EYE, _LEFT_EYE = 33, 263


class Mesh(NamedTuple):
    """Meshes of several faces in one image.

    Args:
        vertices: x and y in pixels, z toward the camera (negative is nearer) at the same scale.
        confidences: confidence that this is a face, in [0, 1].
    """

    vertices: Float[Tensor, "n 468 3"]
    confidences: Float[Tensor, "n"]


class FaceMesh:
    """A `Landmarker`: 68 landmarks from a mesh of 468 points.

    A face is rotated upright by the eyes that the detector found. Unless it is small, several
    passes are made, each starting from the previous mesh, whose crop fits better. More of them are
    made where the mesh still moves, as it does if these were no eyes.

    Args:
        passes: number of passes, unless the mesh still moves. With 1 there are never more.
        device: device to run the network on.
        weights, correction: files of the network and of the correction that derives 68 landmarks.
    Raises:
        ValueError: no passes, or missing or damaged weights.

    Example:
        >>> image = torch.zeros(3, 64, 64, dtype=torch.uint8)
        >>> FaceMesh()(image, Faces.of_boxes(torch.tensor([[8.0, 8, 56, 56]]))).points.shape
        torch.Size([1, 68, 2])
    """

    name = "face-mesh"

    def __init__(
        self,
        *,
        passes: int = 2,
        device: str | torch.device = "cpu",
        weights: Path | None = None,
        correction: Path | None = None,
    ) -> None:
        check_positive(passes=passes)
        self.passes, self.device = passes, str(device)
        self.weights = weights_file(WEIGHTS) if weights is None else weights
        self.correction = weights_file(CORRECTION) if correction is None else correction
        self.fingerprint = f"{WEIGHTS} 2, {passes} passes"
        # Detect bad files before any work.
        if weights is not None:
            ConvGraph.from_pretrained(weights)
            self.fingerprint += f", {files_checksum(weights)}"
        if correction is not None:
            _read_correction(correction)
            self.fingerprint += f", {files_checksum(correction)}"

    def __call__(self, image: UInt8[Tensor, "3 h w"], faces: Faces) -> Landmarks:
        """Landmarks of each face, in the same order, whatever its box contains."""
        mesh = self.mesh(image, faces)
        return Landmarks(self._correction(mesh.vertices), mesh.confidences)

    @torch.inference_mode()
    def mesh(self, image: UInt8[Tensor, "3 h w"], faces: Faces) -> Mesh:
        """All points that the network returns."""
        if not len(faces.boxes):
            return _nothing()
        parts = [faces.at(some) for some in torch.split(torch.arange(len(faces.boxes)), _AT_ONCE)]
        meshes = results_in_order(parts, partial(self._looks, image))
        vertices, confidences = (torch.cat(values) for values in zip(*meshes, strict=True))
        return Mesh(vertices.clone(), confidences.clone())

    @torch.inference_mode()
    def _looks(self, image: UInt8[Tensor, "3 h w"], faces: Faces) -> Mesh:
        found = self._look(image, *_squares_of_boxes(faces))
        large = ((faces.boxes[:, 2:] - faces.boxes[:, :2]).amax(1) >= _LARGE).nonzero().flatten()
        for passed in range(1, self.passes + _MORE_PASSES):
            if not len(large) or self.passes == 1:
                break
            again = self._look(image, *_squares_of_meshes(found.vertices[large]))
            moved = _moved(found.vertices[large], again.vertices)
            for values, new in zip(found, again, strict=True):
                values[large] = new
            if passed + 1 >= self.passes:
                large = large[moved > _SETTLED]
        return found

    def _look(
        self,
        image: UInt8[Tensor, "3 h w"],
        centers: Float[Tensor, "n 2"],
        sides: Float[Tensor, "n"],
        angles: Float[Tensor, "n"],
    ) -> Mesh:
        crops = cut_squares(image.to(self.device), centers, sides, angles, _SIZE)
        numbers, logits = _network(self.weights, self.device)(crops / 255)
        vertices = numbers.cpu().view(-1, NUM_VERTICES, 3)
        placed = in_image(vertices[..., :2], centers, sides, angles, _SIZE)
        depths = vertices[..., 2:] * (sides / _SIZE)[:, None, None]
        return Mesh(torch.cat([placed, depths], -1), logits.cpu().flatten().sigmoid())

    @cached_property
    def _correction(self) -> "_Correction":
        return _read_correction(self.correction)


def _nothing() -> Mesh:
    return Mesh(torch.zeros(0, NUM_VERTICES, 3), torch.zeros(0))


def _squares_of_boxes(faces: Faces) -> tuple[Tensor, Tensor, Tensor]:
    low, high = faces.boxes[:, :2].float(), faces.boxes[:, 2:].float()
    angles = torch.zeros(len(low))
    if faces.points.shape[1] >= 2:
        across = faces.points[:, 1] - faces.points[:, 0]
        angles = torch.atan2(across[:, 1], across[:, 0]).nan_to_num()
    return (low + high) / 2, _AROUND * (high - low).amax(1), angles


def _squares_of_meshes(vertices: Float[Tensor, "n 468 3"]) -> tuple[Tensor, Tensor, Tensor]:
    points = vertices[..., :2]
    across = points[:, _LEFT_EYE] - points[:, _RIGHT_EYE]
    angles = torch.atan2(across[:, 1], across[:, 0])
    cos, sin = angles.cos(), angles.sin()
    turned = points @ torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], 1)
    low, high = turned.amin(1), turned.amax(1)
    x, y = ((low + high) / 2).unbind(1)
    centers = torch.stack([cos * x - sin * y, sin * x + cos * y], 1)
    return centers, _AROUND * (high - low).amax(1), angles


def _moved(before: Float[Tensor, "n 468 3"], after: Float[Tensor, "n 468 3"]) -> Tensor:
    """Mean distance of the vertices, in longer sides of the mesh."""
    points = after[..., :2]
    sides = (points.amax(1) - points.amin(1)).amax(1).clamp(min=1e-6)
    distances: Tensor = (points - before[..., :2]).square().sum(2).sqrt().mean(1)
    return distances / sides


class _Correction(NamedTuple):
    """``landmarks = mesh at vertices + weights^T [basis (mesh - mean), 1]`` in the face's frame.

    The frame has its origin at the middle of the mesh, x along the eyes, and the root of the mean
    squared distance of the vertices as its unit.
    """

    vertices: Int64[Tensor, "68"]
    mean: Float[Tensor, "1404"]
    basis: Float[Tensor, "k 1404"]
    weights: Float[Tensor, "k2 136"]

    def __call__(self, vertices: Float[Tensor, "n 468 3"]) -> Float[Tensor, "n 68 2"]:
        frame = Frame.of(vertices)
        mesh = frame.inside(vertices)
        numbers = (mesh.flatten(1) - self.mean) @ self.basis.T
        numbers = torch.cat([numbers, numbers.new_ones(len(numbers), 1)], 1)
        points = mesh[:, self.vertices, :2] + (numbers @ self.weights).view(-1, 68, 2)
        return frame.outside(points)


class Frame(NamedTuple):
    """A coordinate system of each face: middle, direction and size of its mesh."""

    middles: Float[Tensor, "n 2"]
    axes: Float[Tensor, "n 2 2"]
    sizes: Float[Tensor, "n"]

    @classmethod
    def of(cls, vertices: Float[Tensor, "n 468 3"]) -> "Frame":
        """That of these meshes."""
        points = vertices[..., :2]
        middles = points.mean(1)
        across = points[:, _LEFT_EYE] - points[:, _RIGHT_EYE]
        angles = torch.atan2(across[:, 1], across[:, 0])
        cos, sin = angles.cos(), angles.sin()
        axes = torch.stack([torch.stack([cos, sin], -1), torch.stack([-sin, cos], -1)], 1)
        sizes = (points - middles[:, None]).pow(2).sum(-1).mean(1).sqrt().clamp(min=1e-6)
        return cls(middles, axes, sizes)

    def inside(self, points: Float[Tensor, "n k d"]) -> Float[Tensor, "n k d"]:
        """From pixels; a third coordinate is scaled alone."""
        moved = points[..., :2] - self.middles[:, None]
        turned = torch.einsum("nij,nkj->nki", self.axes, moved)
        return torch.cat([turned, points[..., 2:]], -1) / self.sizes[:, None, None]

    def outside(self, points: Float[Tensor, "n k 2"]) -> Float[Tensor, "n k 2"]:
        """To pixels."""
        turned = torch.einsum("nji,nkj->nki", self.axes, points * self.sizes[:, None, None])
        return turned + self.middles[:, None]


@cache  # shared by all landmark detectors in a process, never pickled
def _network(weights: Path, device: str) -> ConvGraph:
    return ConvGraph.from_pretrained(weights).for_inference().to(device)


@cache
def _read_correction(path: Path) -> _Correction:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
        check_tensors(tensors)
        correction = _Correction(**{name: tensors[name] for name in _Correction._fields})
    except (SafetensorError, OSError, KeyError) as error:
        raise ValueError(f"expected a correction of the face mesh in {path}: {error}") from None
    shapes, k = [tuple(values.shape) for values in correction], len(correction.basis)
    expected = [(68,), (3 * NUM_VERTICES,), (k, 3 * NUM_VERTICES), (k + 1, 136)]
    if shapes != expected:
        raise ValueError(f"expected a correction of shapes {expected} in {path}, got {shapes}")
    if not all(values.isfinite().all() for values in correction):
        raise ValueError(f"expected a correction of finite numbers in {path}")
    check_indices(f"vertices in {path}", correction.vertices, NUM_VERTICES)
    return correction
