"""Torch's numbers and keys, a largest singular value of one, no iterations on meta."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import register_parametrization
from torch.utils._python_dispatch import TorchDispatchMode

from graphgan.layers._convolution import SpectralNorm, spectral_conv


def both(seed: int = 0) -> tuple[nn.Conv2d, nn.Conv2d]:
    """Ours and torch's, on the same weight with the same random numbers."""
    torch.manual_seed(seed)
    ours = nn.Conv2d(5, 7, 3)
    register_parametrization(ours, "weight", SpectralNorm(ours.weight))
    torch.manual_seed(seed)
    theirs = spectral_norm(nn.Conv2d(5, 7, 3))
    assert isinstance(theirs, nn.Conv2d)
    return ours, theirs


def test_keys_and_values_are_those_of_torch() -> None:
    ours, theirs = (conv.state_dict() for conv in both())

    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        torch.testing.assert_close(ours[key], value, rtol=0, atol=0)


def test_readings_and_gradients_are_those_of_torch() -> None:
    ours, theirs = both()
    x = torch.randn(2, 5, 8, 8)

    for _ in range(3):  # each reading in training mode is one step of the power method
        results = [conv(x) for conv in (ours, theirs)]
        torch.testing.assert_close(*results, rtol=0, atol=0)
    gradients = [
        torch.autograd.grad(conv(x).square().sum(), list(conv.parameters()))
        for conv in (ours, theirs)
    ]
    torch.testing.assert_close(*gradients, rtol=0, atol=0)


def test_largest_singular_value_is_one() -> None:
    conv = spectral_conv(8, 16)
    for _ in range(100):
        weight = conv.weight

    assert isinstance(weight, Tensor)
    singular = torch.linalg.svdvals(weight.detach().flatten(1))
    torch.testing.assert_close(singular[0], torch.tensor(1.0), rtol=1e-4, atol=0)


def test_two_readings_before_backward_work() -> None:
    conv = spectral_conv(3, 4)
    a, b = torch.randn(2, 1, 3, 8, 8)
    (conv(a) - conv(b)).sum().backward()

    assert all(parameter.grad is not None for parameter in conv.parameters())


def test_meta_device_iterates_only_to_register() -> None:
    class Products(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            self.count += func is torch.ops.aten.mv.default
            return func(*args, **(kwargs or {}))

    with torch.device("meta"), Products() as products:
        conv = spectral_conv(8, 8)
    with Products() as real:
        spectral_conv(8, 8)

    assert products.count == 3  # torch reads a parametrized weight once, to see its shape
    assert real.count == 33
    assert all(tensor.is_meta for tensor in conv.state_dict().values())
