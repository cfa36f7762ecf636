"""MediaPipe's iris model: gaze and eye opening.

Source: Ablavatski et al., "Real-time Pupil Tracking from Monocular Video for Digital Puppetry",
CVPR workshop 2020, https://arxiv.org/abs/2006.11341; the weights are MediaPipe's (Apache-2.0).
"""

from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan._tensor_files import files_checksum
from graphgan.faces._crops import cut_squares, in_image
from graphgan.landmarks._eyes import NUM_CONTOUR_POINTS, Eyes
from graphgan.models import ConvGraph
from graphgan.weights import weights_file

WEIGHTS = "iris"

_SIZE = 64
_AROUND = 2.3  # sides of the square that the network looks at, of the eye's width
_CONTOUR_POINTS = 71  # lids, brow and what lies between; the lids are the first of them
_AT_ONCE = 16  # faces in a batch
# Outer and inner corner of the person's right and left eye: of the mesh, and of iBUG-68.
_CORNERS = {468: ((33, 133), (263, 362)), 68: ((36, 39), (45, 42))}
# By how much of the eye's width the mesh's corners, which the network was made for, lie further
# apart than those of iBUG-68, each, and further up.
_APART, _UP = 0.065, 0.04


class Iris:
    """Find irises and eyelids, given an image and the corners of the eyes.

    The network always returns an iris, even behind closed lids; use `Eyes.contours` to measure how
    far an eye is open. It was made for eyes about 28 pixels wide.

    Args:
        device: device to run the network on.
        weights: weights file.
    Raises:
        ValueError: missing or damaged weights.

    Example:
        >>> image = torch.zeros(3, 64, 64, dtype=torch.uint8)
        >>> Iris()(image, torch.rand(1, 68, 2) * 64).irises.shape
        torch.Size([1, 2, 2])
    """

    name = "iris"

    def __init__(self, *, device: str | torch.device = "cpu", weights: Path | None = None) -> None:
        self.device = str(device)
        self.weights = weights_file(WEIGHTS) if weights is None else weights
        self.fingerprint = f"{WEIGHTS} 2"
        if weights is not None:
            ConvGraph.from_pretrained(weights)  # detect a bad file immediately
            self.fingerprint += f", {files_checksum(weights)}"

    @torch.inference_mode()
    def __call__(self, image: UInt8[Tensor, "3 h w"], points: Float[Tensor, "n k d"]) -> Eyes:
        """The eyes of each face, in the same order; NaN if any of its points is NaN.

        Args:
            image: 8-bit.
            points: 468 vertices of `FaceMesh.mesh` or 68 landmarks, in pixels.
        Raises:
            ValueError: another number of points.
        """
        return self._find([image.to(self.device)] * len(points), points)

    @torch.inference_mode()
    def of_crops(self, images: UInt8[Tensor, "n 3 h w"], points: Float[Tensor, "n k d"]) -> Eyes:
        """The eyes of one face per image, in one batch; see `__call__`."""
        return self._find(list(images.to(self.device)), points)

    def _find(self, images: list[Tensor], points: Float[Tensor, "n k d"]) -> Eyes:
        corners = eye_corners(points)
        if points.shape[1] == 68:
            corners = _as_of_the_mesh(corners)
        found = Eyes.missing(len(points))
        present = points.isfinite().flatten(1).all(1).nonzero().flatten()
        for some in torch.split(present, _AT_ONCE) if len(present) else ():
            looked = self._look([images[i] for i in some.tolist()], corners[some])
            for values, new in zip(found, looked, strict=True):
                values[some] = new
        return Eyes(*(values.clone() for values in found))

    def _look(self, images: list[Tensor], corners: Float[Tensor, "n 2 2 2"]) -> Eyes:
        count = len(corners)
        # Both eyes as squares; the left one is mirrored, since the network knows right ones only.
        outer, inner = corners.flatten(0, 1).unbind(1)
        across = torch.where(_is_left(count)[:, None], outer - inner, inner - outer)
        sides, angles = _AROUND * across.norm(dim=1), torch.atan2(across[:, 1], across[:, 0])
        centers = (outer + inner) / 2
        pairs = (torch.split(x, 2) for x in (centers, sides, angles))
        crops = torch.cat(
            [
                cut_squares(image, both, sizes, turns, _SIZE)
                for image, both, sizes, turns in zip(images, *pairs, strict=True)
            ]
        )
        left = _is_left(count).to(crops.device)[:, None, None, None]
        crops = torch.where(left, crops.flip(-1), crops)
        contours, irises = _network(self.weights, self.device)(crops / 255)
        points = torch.cat(
            [
                irises.cpu().view(-1, 5, 3)[:, :1, :2],
                contours.cpu().view(-1, _CONTOUR_POINTS, 3)[:, :NUM_CONTOUR_POINTS, :2],
            ],
            1,
        )
        mirrored = torch.stack([_SIZE - 1 - points[..., 0], points[..., 1]], -1)
        points = torch.where(_is_left(count)[:, None, None], mirrored, points)
        placed = in_image(points, centers, sides, angles, _SIZE).view(count, 2, -1, 2)
        return Eyes(placed[:, :, 0], placed[:, :, 1:])


def eye_corners(points: Float[Tensor, "n k d"]) -> Float[Tensor, "n 2 2 2"]:
    """Outer and inner corner of the right and the left eye.

    Args:
        points: 468 vertices of a face mesh, or 68 landmarks.
    Raises:
        ValueError: another number of points.
    """
    if points.ndim != 3 or points.shape[1] not in _CORNERS:
        raise ValueError(f"expected points of shape (n, 468 or 68, d), got {tuple(points.shape)}")
    return points[:, torch.tensor(_CORNERS[points.shape[1]]), :2].float()


def _as_of_the_mesh(corners: Float[Tensor, "n 2 2 2"]) -> Float[Tensor, "n 2 2 2"]:
    """About where the mesh would have the corners that iBUG-68 gives."""
    across = corners[:, :, 1:] - corners[:, :, :1]
    up = torch.stack([across[..., 1], -across[..., 0]], -1)
    up = torch.cat([up[:, :1], -up[:, 1:]], 1)  # the left eye's corners run the other way
    return corners + _UP * up + torch.cat([-_APART * across, _APART * across], 2)


def _is_left(count: int) -> Tensor:
    """Of right and left eyes in turn, whether each is a left one."""
    return torch.tensor([False, True]).repeat(count)


@cache  # shared in a process, never pickled
def _network(weights: Path, device: str) -> ConvGraph:
    return ConvGraph.from_pretrained(weights).for_inference().to(device)
