import pytest
import torch
from torch import nn

from graphgan.layers._aggregation import count_parameters, matched_width


def linear(width: int) -> nn.Linear:
    return nn.Linear(10, width)  # 11 parameters a channel


def test_parameters_are_counted_without_drawing_random_numbers():
    torch.manual_seed(0)
    assert count_parameters(lambda: linear(3)) == 33
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.rand(1))


@pytest.mark.parametrize(
    ("parameters", "width"), [(33, 3), (38, 3), (39, 4), (1, 1), (0, 1), (1100, 100)]
)
def test_the_width_is_the_nearest_and_at_least_one(parameters, width):
    assert matched_width(linear, parameters) == width


def test_what_does_not_depend_on_the_width_is_taken_into_account():
    def build(width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(5, 4), linear(width))

    assert matched_width(build, 24 + 77) == 7
