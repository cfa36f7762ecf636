"""Tools that return nonsense: what may be a face is covered, and nothing breaks or piles up."""

import math

import pytest
import torch
from colored_faces import ColorLandmarker, ColorRecognizer

from graphgan.anonymize import Anonymizer
from graphgan.faces import FaceFinder, FaceMesh, Faces, Landmarks

H, W = 60, 90
INSIDE = [20.0, 10.0, 60.0, 50.0]
NAN, INF = math.nan, math.inf


class Gives:
    """A detector that finds these boxes in whatever it is shown."""

    name = "gives"
    fingerprint = "1"

    def __init__(self, *boxes):
        self.boxes = torch.tensor(boxes).view(-1, 4)

    def __call__(self, image):
        return Faces.of_boxes(self.boxes)


class Lands:
    """A landmarker whose landmarks are moved or resized, and that is as sure of them as told."""

    name = "lands"
    fingerprint = "1"

    def __init__(self, by: float, confidence: float, size: float = 1.0):
        self.by, self.confidence, self.size = by, confidence, size

    def __call__(self, image, faces):
        points = ColorLandmarker()(image, faces).points
        middle = points.mean(1, keepdim=True)
        points = middle + self.size * (points - middle) + self.by
        return Landmarks(points, torch.full((len(points),), self.confidence))


def noise(*size: int) -> torch.Tensor:
    return torch.randint(1, 256, (3, *size)).byte()


def black(detector, image, landmarker):
    """The photo with black faces."""
    found = FaceFinder(detector, landmarker)
    recognizer = ColorRecognizer()
    return Anonymizer("solid", found, fallback="solid", recognizer=recognizer)(image)


def assert_covered(image: torch.Tensor, box) -> None:
    left, top, right, bottom = (round(edge) for edge in box)
    assert (image[:, max(top, 0) : bottom + 1, max(left, 0) : right + 1] == 0).all()


@pytest.mark.parametrize(
    "box",
    [
        [NAN, 10.0, 60.0, 50.0],
        [20.0, 10.0, 60.0, INF],
        [-INF, -INF, INF, INF],
        [60.0, 50.0, 20.0, 10.0],
        [20.0, 10.0, 20.0, 10.0],
        [W + 10.0, 10.0, W + 50.0, 50.0],
        [-50.0, -50.0, -1.0, -1.0],
        [1e30, 1e30, 2e30, 2e30],
    ],
)
def test_boxes_that_are_none_are_left_out_and_others_are_covered(box):
    image = noise(H, W)
    result = black(Gives(box), image, ColorLandmarker())
    assert result.faces == [] and torch.equal(result.image, image)
    result = black(Gives(box, INSIDE, box), image, Lands(NAN, 1.0))
    assert [face.box for face in result.faces] == [tuple(INSIDE)]
    assert_covered(result.image, INSIDE)


@pytest.mark.parametrize(
    "box",
    [
        [0.0, 0.0, W / 2, H - 1.0],
        [-0.5, -0.5, W - 0.5, H - 0.5],
        [-30.0, -30.0, 20.0, 20.0],
        [-1e30, -1e30, 1e30, 1e30],
        [50.0, 30.0, W + 400.0, H + 400.0],
        [30.0, 30.0, 33.0, 33.0],
        [0.0, 30.0, W - 1.0, 31.0],
    ],
)
@pytest.mark.parametrize("landmarker", [Lands(NAN, 1.0), Lands(0.0, 0.0)])
def test_a_box_of_any_size_is_covered_where_it_is_in_the_photo(box, landmarker):
    result = black(Gives(box), noise(H, W), landmarker)
    left, top, right, bottom = box
    assert len(result.faces) == 1
    assert_covered(result.image, (left, top, min(right, W - 1), min(bottom, H - 1)))


@pytest.mark.parametrize(
    "landmarks",
    [
        (NAN, 1.0),
        (INF, 1.0),
        (300.0, 1.0),
        (1e30, 1.0),
        (0.0, NAN),
        (0.0, 0.2),
        (0.0, 1.0, 0.3),
        (0.0, 1.0, 3.0),
    ],
)
def test_where_landmarks_are_none_of_a_face_the_box_is_covered(landmarks):
    result = black(Gives(INSIDE), noise(H, W), Lands(*landmarks))
    (face,) = result.faces
    assert "cannot be aligned" in face.remarks[0]
    assert_covered(result.image, INSIDE)


def test_two_of_one_box_are_both_covered():
    result = black(Gives(INSIDE, INSIDE), noise(H, W), Lands(NAN, 1.0))
    assert [face.method for face in result.faces] == ["solid"] * 2
    assert_covered(result.image, INSIDE)


def test_with_thousands_of_boxes_no_photo_is_let_go():
    corners = torch.rand(5000, 2) * 40
    boxes = torch.cat([corners, corners + 10], 1)
    with pytest.raises(ValueError, match="expected at most 4096 faces in an image, got 5000"):
        black(Gives(*boxes.tolist()), noise(H, W), Lands(NAN, 1.0))
    result = black(Gives(*boxes[:300].tolist()), noise(H, W), Lands(NAN, 1.0))
    assert len(result.faces) == 300
    for box in boxes[:300].tolist():
        assert_covered(result.image, box)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 3)])
def test_a_photo_of_a_few_pixels_comes_back_or_is_covered(size):
    image = noise(*size)
    result = Anonymizer("pixelate")(image)
    assert result.faces == [] and torch.equal(result.image, image)
    whole = [-0.5, -0.5, size[1] - 0.5, size[0] - 0.5]
    result = black(Gives(whole), image, Lands(NAN, 1.0))
    assert len(result.faces) == 1 and (result.image == 0).all()
    for landmarker in (ColorLandmarker(), FaceMesh()):  # a face that does not fill any pixel
        result = Anonymizer("solid", FaceFinder(Gives(whole), landmarker))(image)
        assert len(result.faces) == 1 and (result.image < image).any()
