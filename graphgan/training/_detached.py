"""Detach a generator's output from its graph, whatever its structure."""

import copy
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

_PLAIN = (type(None), bool, int, float, complex, str, bytes, Enum, torch.dtype, torch.device)


def detached(output: Any, name: str = "output") -> Any:
    """The same nesting of tuples, lists, dicts and dataclasses, with detached tensors.

    Raises:
        ValueError: anything else inside; the message gives its position and type.
    """

    def part(path: tuple[Any, ...], leaf: Any) -> Any:
        here = name + pytree.keystr(path)
        if isinstance(leaf, Tensor):
            return leaf.detach()
        if is_dataclass(leaf) and not isinstance(leaf, type):
            return _dataclass_detached(leaf, here)
        if isinstance(leaf, _PLAIN):
            return leaf
        kind = type(leaf)
        raise ValueError(
            "expected Objective.generate to return tensors, nested in tuples, lists, dicts or "
            f"dataclasses, got {kind.__module__}.{kind.__qualname__} in {here}"
        )

    return pytree.tree_map_with_path(part, output)


def _dataclass_detached(whole: Any, name: str) -> Any:
    """A copy, frozen or not, made without calling the constructor."""
    result = copy.copy(whole)
    names = {field.name for field in fields(whole)}
    names.update(getattr(whole, "__dict__", ()))  # cached properties are not fields
    for part in names:
        value = detached(getattr(whole, part), f"{name}.{part}")
        object.__setattr__(result, part, value)
    return result
