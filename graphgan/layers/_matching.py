"""Widths at which one module has as many parameters as another: fair comparisons need them."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn


def count_parameters(build: Callable[[], nn.Module]) -> int:
    """Of the module that ``build`` makes; nothing is allocated, no random number is drawn."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build().parameters())


def matched_width(build: Callable[[int], nn.Module], parameters: int, *, step: int = 1) -> int:
    """The multiple of ``step``, at least one, at which parameters are nearest to ``parameters``.

    Args:
        build: makes the module of a width; its number of parameters is linear in the width.
        parameters: wanted.
        step: widths are multiples of it.
    """
    first, second = (count_parameters(partial(build, n * step)) for n in (1, 2))
    return step * max(1, 1 + round((parameters - first) / (second - first)))
