"""Freeze networks while another one learns."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def frozen(modules: Iterable[nn.Module]) -> Iterator[None]:
    """No gradients for the parameters of ``modules``; gradients still pass through to the input."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
