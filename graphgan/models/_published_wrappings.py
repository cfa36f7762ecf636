"""Remove prefixes and wrappers from the tensors of a published checkpoint."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from graphgan._states import check_tensors, some

State = dict[str, Tensor]

_DEEPEST = 4  # nested dictionaries


def unwrapped(content: Mapping[str, Any], prefix: str, siblings: tuple[str, ...]) -> State:
    """The tensors of one network, without wrappers or prefixes.

    Args:
        content: a state dict, or a dict that contains one.
        prefix: prefix of the network's keys if it is wrapped or stored with others; may be empty.
        siblings: prefixes of the other networks.
    Raises:
        ValueError: no named tensors, tensors that are not plain, or duplicate names.
    """
    state: State = dict(_state_dict_in(content))
    check_tensors(state)
    before = None
    while before != (before := list(state)):
        if all(key.startswith("module.") for key in state):
            state = {key.removeprefix("module."): value for key, value in state.items()}
        if prefix and any(key.startswith(prefix) for key in state):
            state = _own(state, prefix, siblings)
    return state


def _state_dict_in(content: Any) -> Mapping[str, Tensor]:
    for _ in range(_DEEPEST):
        if not isinstance(content, Mapping):
            break
        if any(isinstance(value, Tensor) for value in content.values()):
            return content
        inner = [value for value in content.values() if isinstance(value, Mapping)]
        if not isinstance(content.get("state_dict"), Mapping) and len(inner) != 1:
            break
        content = content["state_dict"] if "state_dict" in content else inner[0]
    held = content if isinstance(content, Mapping) else [type(content).__name__]
    raise ValueError(f"expected tensors by name, got {some(map(str, held), 5) or 'none'}")


def _own(state: State, prefix: str, siblings: tuple[str, ...]) -> State:
    own = {key: value for key, value in state.items() if not key.startswith(siblings)}
    bare = {key.removeprefix(prefix): value for key, value in own.items()}
    if len(bare) < len(own):
        twice = [key for key in own if f"{prefix}{key}" in own]
        raise ValueError(f"expected one network, got {some(twice, 5)} with and without {prefix}")
    return bare
