"""State dicts that do not fit, said in a line."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def mismatch(
    expected: Mapping[str, Tensor], state: Mapping[str, Tensor], *, at_most: int = 3
) -> str:
    """Which keys are missing, left over, of another shape or kind; empty where all is well.

    Args:
        expected: tensors of the right shapes, whatever their values.
        at_most: how many keys of each sort are named.
    """
    both = [(key, expected[key], state[key]) for key in expected if key in state]
    problems = {
        "missing": [key for key in expected if key not in state],
        "left over": [key for key in state if key not in expected],
        "of another shape": [
            f"{key} {tuple(given.shape)} for {tuple(own.shape)}"
            for key, own, given in both
            if own.shape != given.shape
        ],
        "of another type": [
            f"{key} {given.dtype} for {own.dtype}"
            for key, own, given in both
            if own.is_floating_point() != given.is_floating_point() or given.is_complex()
        ],
    }
    return "; ".join(f"{some(keys, at_most)} {kind}" for kind, keys in problems.items() if keys)


def check_tensors(state: Mapping[Any, Any]) -> None:
    """Raise ``ValueError`` unless all are plain tensors by name, of numbers that torch adds up.

    Files may hold sparse, quantized and empty ("meta") tensors, and 8-bit floats as well.
    """
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise ValueError(f"expected tensors by name, got {type(value).__name__} by {key!r}")
        plain = value.layout is torch.strided and not (value.is_meta or value.is_quantized)
        if not plain or (value.is_floating_point() and value.element_size() < 2):
            kind = "meta" if value.is_meta else f"{value.layout}, {value.dtype}"
            raise ValueError(f"expected a plain tensor of numbers in {key}, got {kind}")


def fill(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give a network that may lie on the meta device its weights, as copies on the CPU.

    Raises:
        ValueError: keys that are missing, left over, of another shape or kind; numbers that are
            not finite in the network's precision.
    """
    own = module.state_dict()
    if problems := mismatch(own, state):
        raise ValueError(f"expected the weights of {type(module).__name__}: {problems}")
    copies = {
        key: value.detach().to("cpu", own[key].dtype, copy=True).contiguous()
        for key, value in state.items()
    }
    if bad := [key for key, value in copies.items() if not value.isfinite().all()]:
        raise ValueError(f"expected finite weights, got others in {some(bad, 5)}")
    module.load_state_dict(copies, assign=True)


def some(names: Iterable[str], at_most: int) -> str:
    """``a, b, c and 4 more``."""
    listed = list(names)
    more = f" and {len(listed) - at_most} more" if len(listed) > at_most else ""
    return f"{', '.join(listed[:at_most])}{more}"
