import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.metrics import landmark_error

seeds = st.integers(0, 9999)


def faces(seed, count=3, k=68, spread=10.0):
    """What was found, and what should have been."""
    generator = torch.Generator().manual_seed(seed)
    reference = 128 * torch.rand(count, k, 2, generator=generator, dtype=torch.float64)
    noise = torch.randn(count, k, 2, generator=generator, dtype=torch.float64)
    return reference + spread * noise, reference


@given(seed=seeds, k=st.integers(2, 80), published=st.booleans())
def test_agrees_with_a_loop(seed, k, published):
    found, reference = faces(seed, k=k)
    expected = []
    for one, other in zip(found.tolist(), reference.tolist(), strict=True):
        (x, y), (u, v) = other[0], other[k - 1]
        size = (abs(x - u) + abs(y - v)) / 2 if published else math.hypot(x - u, y - v)
        both = zip(one, other, strict=True)
        away = [abs(p[0] - q[0]) + abs(p[1] - q[1]) for p, q in both]
        expected.append(sum(away) / (2 * k) / size)
    normalization = "eye_coordinates" if published else "eye_distance"
    error = landmark_error(found, reference, corners=(0, k - 1), normalization=normalization)
    np.testing.assert_allclose(error, expected)


def test_one_lost_point_is_a_face_that_was_not_detected():
    found, reference = faces(1)
    found[1, 7, 0] = torch.nan
    assert landmark_error(found, reference).isnan().tolist() == [False, True, False]


def test_without_a_reference_or_its_corners_there_is_no_answer():
    found, reference = faces(2)
    reference[0], reference[1, 45] = torch.nan, torch.nan
    assert landmark_error(found, reference).isnan().tolist() == [True, True, False]


def test_a_point_that_the_reference_lacks_does_not_count():
    found, reference = faces(3)
    reference[:, 5] = torch.nan
    kept = [i for i in range(68) if i != 5]
    expected = landmark_error(found[:, kept], reference[:, kept], corners=(35, 44))
    found[0, 5] = torch.nan
    torch.testing.assert_close(landmark_error(found, reference), expected)


@pytest.mark.parametrize("normalization", ["eye_distance", "eye_coordinates"])
def test_corners_in_one_place_give_no_infinity(normalization):
    found, reference = faces(4, count=2)
    reference[0, 36] = reference[0, 45]
    for one in (found, reference):
        error = landmark_error(one, reference, normalization=normalization)
        assert error.isnan().tolist() == [True, False]
