import math

import pytest
import torch

from graphgan.metrics import pckh


@pytest.fixture
def person():
    """One person whose head box has a diagonal of 5 pixels."""
    joints = 40 + 20 * torch.rand(1, 18, 2)
    joints[0, [0, 1, 14, 15, 16, 17]] = torch.tensor([10.0, 10.0])
    joints[0, 1] = torch.tensor([13.0, 14.0])
    return joints


@pytest.mark.parametrize(("distance", "right"), [(2.49, True), (2.51, False)])
def test_half_a_head_is_the_limit(person, distance, right):
    found = person.clone()
    found[0, 4, 0] += distance
    assert pckh(found, person).item() == pytest.approx(1 if right else 17 / 18)


def test_what_the_target_lacks_does_not_count_and_what_is_not_found_is_wrong(person):
    person[0, 7] = torch.nan
    found = person.clone()
    found[0, 7] = 5.0
    found[0, 3] = torch.nan
    assert pckh(found, person).item() == pytest.approx(16 / 17)


@pytest.mark.parametrize("lost", [[0, 1, 14, 15, 16, 17], [1], list(range(18))])
def test_without_a_head_there_is_no_answer(person, lost):
    target = person.clone()
    target[0, lost] = torch.nan
    assert math.isnan(pckh(person, target).item())
