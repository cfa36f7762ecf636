"""Faces of one color a person, and tools that see them exactly: every number can be worked out.

A face is a colored rectangle on gray; the 68 landmarks have fixed places in it. The detector finds
what is not gray, the recognizer takes the color at the landmarks.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from graphgan.data import ListedPhoto, PreparedPictures, prepare_pictures, write_image
from graphgan.faces import Faces, Landmarks
from graphgan.landmarks import IBUG_68, LandmarkScheme, convex_hull, from_ibug_68

GRAY = 128
SIZE = 128


def shape_of_a_face() -> Tensor:
    """68 landmarks in the unit square, jaw and brows on its edges, eyes a half apart."""
    points = 0.3 + 0.4 * torch.rand(68, 2, generator=torch.Generator().manual_seed(0))
    angle = torch.linspace(0, torch.pi, 17)
    points[:17] = torch.stack([0.5 - 0.5 * angle.cos(), 0.3 + 0.7 * angle.sin()], dim=1)
    points[17:27, 0] = torch.linspace(0.1, 0.9, 10)
    points[17:27, 1] = 0.0
    points[36], points[45] = torch.tensor([0.25, 0.3]), torch.tensor([0.75, 0.3])
    return points


def draw_face(color: Tensor, box: tuple[int, int, int, int]) -> tuple[Tensor, Tensor]:
    left, top, right, bottom = box
    image = torch.full((3, SIZE, SIZE), GRAY, dtype=torch.uint8)
    image[:, top : bottom + 1, left : right + 1] = color[:, None, None]
    extent = torch.tensor([right - left, bottom - top])
    return image, shape_of_a_face() * extent + torch.tensor([left, top])


def color_of(person: int) -> Tensor:
    """Far from gray and from everybody else's."""
    numbers = np.random.default_rng((person, 1)).permutation([20, 60, 100, 160, 200, 240])
    return torch.tensor(numbers[:3].tolist(), dtype=torch.uint8)


def colored_folder(
    root: Path,
    *,
    people: int = 6,
    videos: int = 2,
    frames: int = 3,
    test_people: int = 4,
    scheme: LandmarkScheme = IBUG_68,
) -> Path:
    """A prepared folder: photos ``p0/v0/0.png`` and so on."""
    rng = np.random.default_rng(0)
    photos, landmarks = [], {}
    for person, video, frame in np.ndindex(people, videos, frames):
        left, top = rng.integers(20, 40, size=2).tolist()
        side = int(rng.integers(50, 70))
        image, points = draw_face(color_of(person), (left, top, left + side, top + side))
        source = f"p{person}/v{video}/{frame}.png"
        path = root / "photos" / source
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, image)
        landmarks[source] = from_ibug_68(points[None], scheme)[0]
        photos.append(ListedPhoto(path, source, f"p{person}"))
    prepare_pictures(
        photos,
        landmarks,
        root / "prepared",
        size=(SIZE, SIZE),
        scheme=scheme,
        crop="whole",
        test_people=test_people,
        options={},
    )
    return root / "prepared"


class ColorDetector:
    """A `FaceDetector`: the box of all that is not gray."""

    name = "colors"
    fingerprint = "1"

    def __call__(self, image: Tensor) -> Faces:
        rows, columns = torch.nonzero((image != GRAY).any(0), as_tuple=True)
        if not len(rows):
            return Faces.of_boxes(torch.zeros(0, 4))
        edges = (columns.min(), rows.min(), columns.max(), rows.max())
        return Faces.of_boxes(torch.tensor([[float(edge) for edge in edges]]))


class ColorLandmarker:
    """A `Landmarker`: the places in the box at which a face has its landmarks."""

    name = "places"
    fingerprint = "1"

    def __call__(self, image: Tensor, faces: Faces) -> Landmarks:
        low, high = faces.boxes[:, None, :2], faces.boxes[:, None, 2:]
        return Landmarks(shape_of_a_face() * (high - low) + low, torch.ones(len(faces.boxes)))


class ColorRecognizer:
    """A `Recognizer`: the mean color in the middle of the landmarks, 0 to 1."""

    name = "color"
    fingerprint = "1"
    threshold: float | None = 0.05

    def __call__(self, image: Tensor, landmarks: Tensor) -> Tensor:
        rows = torch.full((len(landmarks), 3), torch.nan)
        for i in landmarks.isfinite().flatten(1).all(1).nonzero().flatten().tolist():
            x, y = landmarks[i].mean(0).round().long().tolist()
            rows[i] = image[:, y - 3 : y + 4, x - 3 : x + 4].float().mean((1, 2)) / 255
        return rows


class Gray:
    """Nothing is left."""

    name = "gray"
    uses_conditions = False
    fingerprint = "1"

    def __call__(self, request):
        return torch.full_like(request.source, GRAY / 127.5 - 1)


class Shifted:
    """The source, a few pixels to the right."""

    name = "shifted"
    uses_conditions = False

    def __init__(self, pixels: int) -> None:
        self.pixels = pixels
        self.fingerprint = str(pixels)

    def __call__(self, request):
        return request.source.roll(self.pixels, -1)


class Recolored:
    """The source's face in the color of the condition's: pose kept, person exchanged."""

    name = "recolored"
    uses_conditions = True
    fingerprint = "1"

    def __call__(self, request):
        gray = torch.full_like(request.source, GRAY / 127.5 - 1)
        face = (request.source - gray).abs().amax(1, keepdim=True) > 1e-3
        theirs = request.condition_landmarks.mean(1).round().long()
        color = torch.stack(
            [
                image[:, y, x]
                for image, (x, y) in zip(request.condition, theirs.tolist(), strict=True)
            ]
        )
        return torch.where(face, color[:, :, None, None], gray)


def open_folder(root: Path) -> PreparedPictures:
    return PreparedPictures(root, scheme=IBUG_68)


def inner_hull(landmarks: torch.Tensor) -> torch.Tensor:
    """Where a new face does not fade into what is around it."""
    hull = convex_hull(landmarks)
    return hull.lerp(hull.mean(0), 0.35)
