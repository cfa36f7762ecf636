import pytest
import torch
from torch import nn

from graphgan._states import check_tensors, fill


@pytest.fixture
def module():
    with torch.device("meta"):
        return nn.Linear(2, 3)


def test_a_network_on_the_meta_device_gets_copies_in_its_own_precision(module):
    state = {"weight": torch.rand(3, 2).double(), "bias": torch.zeros(3)}
    fill(module, state)
    assert module.weight.dtype == torch.float32
    torch.testing.assert_close(module.weight.detach(), state["weight"].float())
    state["bias"].fill_(1)
    assert not module.bias.any()
    assert module.weight.requires_grad


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bias": None}, "bias missing$"),
        ({"bias": None, "weight": None}, "weight, bias missing$"),
        ({"bias": torch.ones(4)}, r"bias \(4,\) for \(3,\) of another shape$"),
        ({"bias": torch.ones(3).long()}, "bias torch.int64 for torch.float32 of another type$"),
        ({"bias": torch.ones(3).cfloat()}, "bias torch.complex64 for torch.float32 of another"),
        (
            {"bias": None, **{f"w{i}": torch.ones(1) for i in range(5)}},
            "bias missing; w0, w1, w2 and 2 more left over$",
        ),
        ({"bias": torch.full((3,), torch.inf)}, "finite weights, got others in bias$"),
        (
            {"bias": torch.full((3,), 1e300, dtype=torch.float64)},
            "finite weights, got others in bias$",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(module, changes, message):
    state = {"weight": torch.ones(3, 2), "bias": torch.ones(3)} | changes
    with pytest.raises(ValueError, match=message):
        fill(module, {key: value for key, value in state.items() if value is not None})
    assert module.weight.is_meta


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (3, torch.ones(1), "tensors by name, got Tensor by 3"),
        ("a", 1.5, "tensors by name, got float by 'a'"),
        ("a", torch.ones(1, device="meta"), "in a, got meta"),
        ("a", torch.eye(2).to_sparse(), "in a, got torch.sparse_coo"),
        ("a", torch.ones(2).to(torch.float8_e5m2), "in a, got .*float8_e5m2"),
    ],
)
def test_tensors_that_are_none_of_numbers_are_named(key, value, message):
    with pytest.raises(ValueError, match=message):
        check_tensors({"fine": torch.ones(1), key: value})
