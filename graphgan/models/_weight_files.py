"""Read the tensors of third-party weights, without wrappers or prefixes."""

import io
import zipfile
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from torch import Tensor

from graphgan._states import check_tensors, some
from graphgan._tensor_files import read_pickle, read_tensors

State = dict[str, Tensor]

_DEEPEST = 4  # nested dictionaries


def read_state(path: Path) -> State:
    """Read the named tensors of a file, without an enclosing ``state_dict`` or ``module.`` prefix.

    Raises:
        ValueError: the file does not exist or has other content; the message names it.
        OSError: the file cannot be read.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected weights")
    try:
        return unwrapped(read_tensors(path), "", ())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_packed_state(archive: Path, name: str) -> State:
    """Like `read_state`, for a file in a zip archive such as a wheel, without unpacking to disk.

    Args:
        archive: path of the zip file.
        name: file name in any folder of the archive; may be a pattern such as ``*.pth``.
    """
    if not archive.is_file():
        raise ValueError(f"{archive}: no such file; expected weights")
    try:
        with zipfile.ZipFile(archive) as members:
            found = [path for path in members.namelist() if fnmatch(Path(path).name, name)]
            if len(found) != 1:
                raise ValueError(f"expected one such file in it, got {len(found)}")
            content = io.BytesIO(members.read(found[0]))
        return unwrapped(read_pickle(content), "", ())
    except zipfile.BadZipFile as error:
        raise ValueError(f"{archive}: expected a zip archive with {name}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{archive}: {name}: {error}") from error


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
