"""What a metric cannot measure is refused in a line that says what it expected."""

import pytest
import torch

from graphgan.metrics import (
    face_sharpness,
    head_pose,
    landmark_error,
    masked_error,
    parrot_rank_one,
    pckh,
    seam_visibility,
)

IMAGE, MASK = torch.ones(2, 3, 16, 12), torch.ones(2, 1, 16, 12)


def zeros(*shapes):
    return [torch.zeros(shape) for shape in shapes]


def rank_one(*shapes):
    train, who, probes, whose = zeros(*shapes)
    parrot_rank_one(train, who.long(), probes, whose.long())


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("measure", "values", "message"),
    [
        (masked_error, (IMAGE, IMAGE[..., :9], MASK), r"one shape, got .* and \(2, 3, 16, 9\)"),
        (masked_error, (IMAGE, IMAGE, MASK[:1]), r"mask of shape \(2, 1, 16, 12\), got \(1, 1, "),
        (masked_error, (IMAGE, IMAGE, IMAGE), r"mask of shape \(2, 1, 16, 12\), got \(2, 3, "),
        (face_sharpness, (IMAGE, IMAGE[..., :9], MASK), "expected one shape, got"),
        (face_sharpness, (IMAGE, IMAGE, MASK[..., :9]), "expected a mask of shape"),
        (seam_visibility, (IMAGE, IMAGE, MASK[0]), "expected a mask of shape"),
        (head_pose, zeros((1, 68, 3)), r"\(n, 468, 3\), got \(1, 68, 3\)"),
        (head_pose, zeros((1, 478, 3)), r"\(n, 468, 3\), got \(1, 478, 3\)"),
        (landmark_error, zeros((1, 68, 2), (1, 29, 2)), r"one shape, got .* and \(1, 29, 2\)"),
        (landmark_error, zeros((1, 68, 2), (2, 68, 2)), r"one shape, got .* and \(2, 68, 2\)"),
        (landmark_error, zeros((68, 2), (68, 2)), r"found of shape \(b, k, 2\), got \(68, 2\)"),
        (landmark_error, zeros((0, 68, 2), (0, 68, 2)), "at least one set of found"),
        (landmark_error, zeros((1, 29, 2), (1, 29, 2)), r"corners from 0 to 28, got \(36, 45\)"),
        (pckh, zeros((1, 17, 2), (1, 18, 2)), "expected 18 joints, got 17"),
        (pckh, zeros((1, 18, 2), (1, 17, 2)), "expected 18 target, got 17"),
        (pckh, zeros((1, 18, 2), (2, 18, 2)), "one batch, got 1 and 2"),
        (lambda *x: pckh(*x, alpha=0.0), zeros((1, 18, 2), (1, 18, 2)), "alpha above 0, got 0"),
        (rank_one, ((6, 4), 5, (6, 4), 6), r"training descriptors n d .* got \(6, 4\) and \(5,\)"),
        (rank_one, ((6, 4), 6, (6,), 6), r"probe descriptors n d and .* got \(6,\) and \(6,\)"),
        (rank_one, ((6, 4), 6, (6, 5), 6), "of one width, got 4 and 5"),
    ],
)
def test_unlike_shapes_are_refused(measure, values, message):
    with pytest.raises(ValueError, match=message):
        measure(*values)
