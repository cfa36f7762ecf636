import math

import pytest
import torch

from graphgan.anonymize.compositor import align_region, cut_faces
from graphgan.anonymize.compositor._constants import AROUND_BOX
from graphgan.landmarks import Detection, crop_aligned, face_regions
from graphgan.landmarks._alignment import align_face

SIZE = (64, 64)


def found(points: torch.Tensor) -> Detection:
    return Detection(torch.cat([points.amin(0), points.amax(0)]), points)


def test_crops_come_with_landmarks_and_regions(drawn_faces):
    image, points = drawn_faces[0]
    alignment = align_face(points)
    faces = cut_faces(image, [found(points)], [alignment], (32, 32), forehead=0.7)
    expected = alignment.to_crop(points, (32, 32))
    assert torch.equal(faces.landmarks[0], expected)
    assert torch.equal(faces.masks, face_regions(expected[None], (32, 32), forehead=0.7))
    direct = (crop_aligned(image, alignment, (32, 32)) / 127.5 - 1).clamp(-1, 1)
    torch.testing.assert_close(faces.images[0], direct)


def test_where_landmarks_are_not_trusted_the_grown_box_is_the_region(drawn_faces):
    image, points = drawn_faces[0]
    nowhere = torch.full((68, 2), math.nan)
    box = torch.tensor([20.0, 16.0, 44.0, 40.0])
    face = Detection(box, nowhere)
    alignment, problem = align_region(face, 30.0)
    assert problem is not None and "missing" in problem
    assert alignment.crop.width == pytest.approx(24 * (1 + 4 * AROUND_BOX))
    known, _ = align_region(found(points), 30.0)
    faces = cut_faces(image, [face, found(points)], [alignment, known], SIZE, trusted=[False, True])
    assert faces.landmarks[0].isnan().all() and faces.landmarks[1].isfinite().all()
    share = faces.masks[0].mean()
    assert share == pytest.approx(((1 + 2 * AROUND_BOX) / (1 + 4 * AROUND_BOX)) ** 2, abs=0.03)


def test_landmarks_of_another_place_are_not_trusted(drawn_faces):
    points = drawn_faces[0].landmarks
    far = Detection(torch.tensor([200.0, 200.0, 240.0, 240.0]), points)
    _, problem = align_region(far, 30.0)
    assert problem == "expected landmarks inside the box, got others"


def test_landmarks_of_another_size_than_the_box_are_not_trusted(drawn_faces):
    points = drawn_faces[0].landmarks
    box = torch.cat([points.amin(0), points.amax(0)])
    small = Detection(box, points.mean(0) + 0.1 * (points - points.mean(0)))
    alignment, problem = align_region(small, 30.0)
    assert problem == "expected landmarks about as large as the box, got others"
    assert alignment.crop.width > (box[2:] - box[:2]).max()
    assert align_region(Detection(box, points), 30.0)[1] is None
