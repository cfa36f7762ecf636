"""Widths that give two modules the same number of parameters, for fair comparisons."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn


def count_parameters(build: Callable[[], nn.Module]) -> int:
    """Count the parameters of the module that ``build`` makes, without allocating memory or drawing
    random numbers."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build().parameters())


def matched_width(build: Callable[[int], nn.Module], parameters: int, *, step: int = 1) -> int:
    """Return the multiple of ``step`` whose parameter count is nearest to ``parameters``.

    Args:
        build: builds the module from a width; its parameter count must be linear in the width.
        parameters: target parameter count.
        step: the width is a multiple of this.
    """
    first, second = (count_parameters(partial(build, n * step)) for n in (1, 2))
    return step * max(1, 1 + round((parameters - first) / (second - first)))
