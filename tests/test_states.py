import pytest
import torch
from torch import nn

from graphgan._states import load_exactly


@pytest.fixture
def module():
    return nn.Linear(2, 3)


def test_a_fitting_state_is_loaded(module):
    state = {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}
    load_exactly(module, state)
    assert torch.equal(module.weight, state["weight"])


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"weight": torch.ones(3, 2)}, "of Linear: bias missing$"),
        ({}, "of Linear: weight, bias missing$"),
        (
            {"weight": torch.ones(3, 2), "bias": torch.ones(4)},
            r"of Linear: bias \(4,\) for \(3,\) of another shape$",
        ),
        (
            {"weight": torch.ones(3, 2)} | {f"w{i}": torch.ones(1) for i in range(5)},
            "of Linear: bias missing; w0, w1, w2 and 2 more left over$",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(module, state, message):
    before = module.weight.clone()
    with pytest.raises(ValueError, match=message):
        load_exactly(module, state)
    assert torch.equal(module.weight, before)
