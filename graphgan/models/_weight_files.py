"""Files of weights that others trained and saved as plain state dicts."""

from pathlib import Path

from graphgan._tensor_files import read_tensors
from graphgan.models._published_wrappings import State, unwrapped


def read_state(path: Path) -> State:
    """The tensors of a file by name, without a ``state_dict`` or ``module.`` around them.

    Raises:
        ValueError: no such file, or something else in it; its name is given.
        OSError: it may not be read.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected weights")
    try:
        return unwrapped(read_tensors(path), "", ())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
