"""Faces that lie, lean, look aside or are small: those that dlib's frontal detector misses.

The photo is searched at every size and in four directions by `MMOD`, dlib's convolutional
detector, which also knows faces in profile; dlib's predictor finds the landmarks, in a copy of the
face that is turned upright. ``scripts/compare_detectors.py`` compares it with dlib's frontal
detector, which is not asked; docs/anonymise.md has the numbers.
"""

import cmath
import math
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from graphgan._checks import check_positive
from graphgan.faces._windows import Windows, faces_of, look_again, search_windows
from graphgan.landmarks.align import Crop
from graphgan.landmarks.alignment import Alignment, align_face, cut, tilt
from graphgan.landmarks.detection import (
    PREDICTOR,
    Detection,
    landmark_predictor,
    packaged_weights,
)
from graphgan.models.mmod import MMOD

_TURNS = (0, 90, 180, 270)
# So far below the threshold a window is looked at again, more closely.
_DOUBTFUL = 0.5
# Of a window's side, to the right and down, as measured on upright faces. The predictor was trained
# on the boxes of dlib's frontal detector.
_PREDICTOR_SIDE, _PREDICTOR_OFFSET = 1.04, (0.035, 0.07)
# A box holds the window, which begins on the forehead, and the chin, where landmarks end.
_BOX_SIDE, _BOX_OFFSET = 1.15, (0.04, 0.11)
# The upright copy of a face: so many windows wide, so many pixels.
_COPY_SIDE, _COPY_SIZE = 3.0, 240
# Landmarks turn with a leaning face by less than it leans: they are predicted again, turned back.
_TURNED_ENOUGH, _MOST_TURNS = 6.0, 4
# Landmarks of another size (the longer side of their box, in windows), farther from the window's
# centre or more turned than faces are from what the network saw are those of something else.
_EXTENT, _MOST_AWAY, _MOST_TURNED = (0.65, 1.5), 0.5, 45.0


class FaceSearch:
    """A `LandmarkDetector` that misses few faces: turned, leaning or lying ones, from 40 pixels.

    Landmarks are predicted in an upright copy of each face. Where they are none of a face, they are
    NaN: the box is then all that is known of it. The same photo always gives the same answer on one
    machine.

    The weights come with the extra ``faces``; the landmark predictor's exclude **commercial use**,
    see `DlibDetector`.

    Args:
        min_face: pixels of the smallest faces, along the longer side of the box of their landmarks.
            Time grows with ``1 / min_face ** 2``.
        turns: directions of the photo that are searched, in degrees: 0, 90, 180, 270. Each finds
            faces that lean by up to 60 degrees from it; time grows with their number.
        threshold: score from which a window is a face; dlib's own is 0.
        max_pixels: at which a photo is searched upright, a quarter of it in the other directions.
            This bounds time and memory: faces of a photo of p pixels are found from
            ``67 sqrt(p / max_pixels)`` pixels, twice that where they lie. None: no bound.
    Raises:
        ValueError: options out of range.
        MissingExtraError: on use, where dlib or its weights are not installed.

    Example:
        >>> import torch
        >>> FaceSearch(turns=(0,))(torch.zeros(3, 64, 64, dtype=torch.uint8))
        []
    """

    num_landmarks = 68

    def __init__(
        self,
        min_face: int = 40,
        *,
        turns: tuple[int, ...] = _TURNS,
        threshold: float = 0.0,
        max_pixels: int | None = 12_000_000,
    ) -> None:
        check_positive(min_face=min_face, max_pixels=1 if max_pixels is None else max_pixels)
        if not turns or len(set(turns)) < len(turns) or set(turns) - set(_TURNS):
            raise ValueError(f"expected different turns of 0, 90, 180 or 270 degrees, got {turns}")
        if not math.isfinite(threshold):
            raise ValueError(f"expected a finite threshold, got {threshold}")
        self.min_face, self.turns, self.threshold = min_face, turns, threshold
        self.max_pixels = max_pixels

    @torch.no_grad()
    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> list[Detection]:
        """All faces of a photo, the surest first."""
        image = image.cpu()
        if not image.numel() or max(image.shape[1:]) < self.min_face / 2:
            return []
        networks = _networks(packaged_weights("mmod_human_face_detector.dat"))
        windows = search_windows(
            {turn: networks[turn] for turn in self.turns},
            image,
            min_face=self.min_face,
            max_pixels=math.inf if self.max_pixels is None else float(self.max_pixels),
            threshold=self.threshold - _DOUBTFUL,
        )
        faces = [look_again(networks[0], image, face) for face in faces_of(windows)]
        sure = [face for face in faces if float(face.scores[0]) > self.threshold]
        sure.sort(key=lambda face: -float(face.scores[0]))
        return [self._detection(image, face) for face in sure]

    def _detection(self, image: UInt8[Tensor, "3 h w"], face: Windows) -> Detection:
        (centre,), side = face.centres.tolist(), float(face.sides[0])
        landmarks = self._upright_landmarks(image, centre, side, float(face.angles[0]))
        angle = tilt(landmarks) if landmarks.isfinite().all() else float(face.angles[0])
        turn = cmath.exp(1j * math.radians(angle)) * complex(*_BOX_OFFSET) * side
        middle, half = face.centres[0] + torch.tensor([turn.real, turn.imag]), _BOX_SIDE * side / 2
        low, high = middle - half, middle + half
        if landmarks.isfinite().all():
            low, high = low.minimum(landmarks.amin(0)), high.maximum(landmarks.amax(0))
        return Detection(torch.cat([low, high]), landmarks)

    def _upright_landmarks(
        self, image: UInt8[Tensor, "3 h w"], centre: list[float], side: float, angle: float
    ) -> Float32[Tensor, "68 2"]:
        """Predicted again in a copy turned by what the last ones lean, until they stand upright."""
        leaning = angle
        for _ in range(_MOST_TURNS):
            landmarks = self._predict(image, centre, side, leaning)
            before, leaning = leaning, tilt(landmarks)
            if abs(_difference(leaning, before)) <= _TURNED_ENOUGH:
                break
        try:
            align_face(landmarks)
        except ValueError:
            return torch.full_like(landmarks, math.nan)
        extent = float((landmarks.amax(0) - landmarks.amin(0)).max()) / side
        away = float((landmarks.mean(0) - landmarks.new_tensor(centre)).norm()) / side
        turned = abs(_difference(leaning, angle))
        if _EXTENT[0] < extent < _EXTENT[1] and away < _MOST_AWAY and turned < _MOST_TURNED:
            return landmarks
        return torch.full_like(landmarks, math.nan)

    def _predict(
        self, image: UInt8[Tensor, "3 h w"], centre: list[float], side: float, angle: float
    ) -> Float32[Tensor, "68 2"]:
        """Landmarks in the copy of a face that is turned upright by an angle, in the photo."""
        predictor = landmark_predictor(packaged_weights(PREDICTOR))
        import dlib

        wide = _COPY_SIDE * side
        crop = Crop(centre[0] - wide / 2, centre[1] - wide / 2, wide, wide)
        alignment, size = Alignment(crop, angle), (_COPY_SIZE, _COPY_SIZE)
        copy = cut(image, alignment, size).clamp(0, 255).round().byte()
        window, middle = _COPY_SIZE / _COPY_SIDE, (_COPY_SIZE - 1) / 2
        half = _PREDICTOR_SIDE * window / 2
        x, y = (middle + offset * window for offset in _PREDICTOR_OFFSET)
        edges = (x - half, y - half, x + half, y + half)
        pixels = copy.permute(1, 2, 0).contiguous().numpy()
        shape = predictor(pixels, dlib.rectangle(*map(round, edges)))
        points = torch.tensor([(point.x, point.y) for point in shape.parts()], dtype=torch.float32)
        return alignment.to_image(points, size)


@cache  # of all detectors of a process, and never sent to another one
def _networks(weights: Path) -> dict[int, MMOD]:
    """For each direction the network that knows faces turned so."""
    upright = MMOD.from_weights(weights)
    return {turn: upright.turned(turn // 90) for turn in _TURNS}


def _difference(angle: float, other: float) -> float:
    """Between two directions, -180 to 180 degrees."""
    return (angle - other + 180) % 360 - 180
