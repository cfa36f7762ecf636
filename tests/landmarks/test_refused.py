"""Landmarks that are none, or of another number, are refused in a line."""

import math

import pytest
import torch

from graphgan.landmarks import (
    bend_to_landmarks,
    face_crop,
    face_mask,
    person_crop,
    pose_mask,
    to_openpose_18,
)


def ones(*shapes):
    return [torch.ones(shape) for shape in shapes]


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("function", "values", "message"),
    [
        (to_openpose_18, (*ones((1, 17, 2)), "openpose-25"), "expected 25 joints, got 17"),
        (to_openpose_18, (*ones((1, 18, 2)), "coco"), "'openpose-25', 'coco-17'; got 'coco'"),
        (person_crop, (torch.full((18, 2), math.nan), (128, 64)), "a person, .* are all missing"),
        (person_crop, (torch.full((18, 2), 7.0), (128, 64)), "a person, .* are all equal"),
        (face_crop, (torch.full((68, 2), math.nan),), "all missing"),
        (face_crop, (torch.full((68, 2), 7.0),), "all equal"),
        (face_crop, (torch.empty(0, 2),), "all missing"),
        (face_mask, (*ones((2, 18, 2)), (8, 8)), "a scheme with a face mask, .* got 18 landmarks"),
        (face_mask, (*ones((68, 2)), (8, 8)), r"\(b, k, 2\), got \(68, 2\)"),
        (face_mask, (*ones((0, 68, 2)), (8, 8)), "got an empty batch"),
        (pose_mask, (*ones((2, 17, 2)), (8, 8)), "expected 18 joints, got 17"),
        (pose_mask, (*ones((18, 2)), (8, 8)), r"joints of shape \(b, k, 2\), got \(18, 2\)"),
        (pose_mask, (*ones((0, 18, 2)), (8, 8)), "got an empty batch"),
        (pose_mask, (*ones((1, 18, 2)), (0, 8)), "height of at least 1, got 0"),
        (bend_to_landmarks, ones((1, 3, 8, 8), (1, 5, 2), (1, 4, 2)), "as many landmarks as targ"),
        (bend_to_landmarks, ones((2, 3, 8, 8), (1, 5, 2), (1, 5, 2)), "for each of 2 images"),
        (bend_to_landmarks, ones((3, 8, 8), (1, 5, 2), (1, 5, 2)), "expected images of shape"),
        (bend_to_landmarks, ones((1, 3, 8, 8), (5, 2), (5, 2)), "expected landmarks of shape"),
    ],
)
def test_what_are_no_landmarks_is_refused(function, values, message):
    with pytest.raises(ValueError, match=message):
        function(*values)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"thickness": -1.0}, "got -1.0 and 0.125"), ({"dilation": -1.0}, "got 0.5 and -1.0")],
)
def test_widths_of_a_pose_are_no_less_than_nothing(options, message):
    with pytest.raises(ValueError, match=f"of at least 0, {message}"):
        pose_mask(torch.ones(1, 18, 2), (8, 8), **options)
