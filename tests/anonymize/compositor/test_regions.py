import math

import pytest
import torch

from graphgan.anonymize.compositor import align_region, cut_faces
from graphgan.anonymize.compositor.constants import AROUND_BOX
from graphgan.landmarks.alignment import align_face, cut
from graphgan.landmarks.detection import Detection
from graphgan.landmarks.hull import convex_hull
from graphgan.landmarks.masks import face_mask, face_regions, polygon_mask

SIZE = (64, 64)


def found(points: torch.Tensor) -> Detection:
    return Detection(torch.cat([points.amin(0), points.amax(0)]), points)


def test_a_region_is_the_mask_and_the_hull_of_each_face(drawn_faces):
    points = torch.stack([face.landmarks for face in drawn_faces])
    for forehead in (0.0, 0.7):
        regions = face_regions(points, SIZE, forehead=forehead)
        for face, region in zip(points, regions, strict=True):
            hull = polygon_mask(convex_hull(face)[None].float(), SIZE)[0]
            mask = face_mask(face[None], SIZE, forehead=forehead)[0]
            assert torch.equal(region, torch.maximum(mask, hull))


def test_a_nose_beyond_the_line_of_the_jaw_is_in_the_region(drawn_faces):
    points = drawn_faces[0].landmarks.clone()
    points[30] = torch.tensor([points[:17, 0].max() + 6, points[30, 1]])
    x, y = points[30].round().int().tolist()
    assert face_mask(points[None], SIZE)[0, 0, y, x - 2] == 0
    assert face_regions(points[None], SIZE)[0, 0, y, x - 2] == 1


def test_a_face_without_an_outline_is_refused(drawn_faces):
    points = torch.stack([face.landmarks for face in drawn_faces[:3]])
    points[1, 3] = math.nan
    points[2] += 500
    with pytest.raises(ValueError, match=r"mask for every face, got .* items \[1, 2\]"):
        face_regions(points, SIZE)


def test_a_landmark_that_is_missing_inside_changes_nothing(drawn_faces):
    points = drawn_faces[0].landmarks[None].clone()
    region = face_regions(points, SIZE)
    points[0, 62] = math.nan  # of the mouth
    assert torch.equal(face_regions(points, SIZE), region)


def test_crops_come_with_landmarks_and_regions(drawn_faces):
    image, points = drawn_faces[0]
    alignment = align_face(points)
    faces = cut_faces(image, [found(points)], [alignment], (32, 32), forehead=0.7)
    expected = alignment.to_crop(points, (32, 32))
    assert torch.equal(faces.landmarks[0], expected)
    assert torch.equal(faces.masks, face_regions(expected[None], (32, 32), forehead=0.7))
    direct = (cut(image, alignment, (32, 32)) / 127.5 - 1).clamp(-1, 1)
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
    assert problem == "expected landmarks in the box, got others"


def test_landmarks_of_another_size_than_the_box_are_not_trusted(drawn_faces):
    points = drawn_faces[0].landmarks
    box = torch.cat([points.amin(0), points.amax(0)])
    small = Detection(box, points.mean(0) + 0.1 * (points - points.mean(0)))
    alignment, problem = align_region(small, 30.0)
    assert problem == "expected landmarks of the size of the box, got others"
    assert alignment.crop.width > (box[2:] - box[:2]).max()
    assert align_region(Detection(box, points), 30.0)[1] is None


def test_a_face_without_a_mask_but_with_a_hull_is_covered_all_the_same(drawn_faces):
    points = drawn_faces[0].landmarks.clone()
    points[:17, 0], points[[0, 16], 0] = 12.0, 12.0  # the jaw on a vertical line: no area
    points[19], points[24] = points[0] - 1, points[16] - 1
    region = face_regions(points[None], SIZE)
    assert region.sum() > 100
