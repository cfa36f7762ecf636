"""Which file is meant by a path, by the folder of a run, or by the name of shipped weights."""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Literal

from graphgan.weights._catalog import SHIPPED, is_shipped, shipped_file

WEIGHTS: Final = "generator.safetensors"
"""The weights of each checkpoint of a run."""


def find_weights(source: Path | str, *, network: str | None = None) -> Path:
    """The file that is meant.

    Args:
        source: a file; the folder of a run, whose newest weights are meant, or of one of its
            checkpoints; or the name of shipped weights, such as "people-128". A string that is such
            a name always stands for them, a `Path` only where there is no file of that name.
        network: an error lists the shipped weights of this network alone.
    Raises:
        ValueError: none of these; the message lists the shipped weights, and the nearest name.

    Example:
        >>> find_weights("people-128").name
        'people-128.safetensors'
    """
    path = Path(source)
    if is_shipped(str(source)) and (isinstance(source, str) or not path.exists()):
        return shipped_file(str(source))
    if path.is_dir():
        return _of_folder(path)
    if not path.is_file():
        raise ValueError(_not_found(str(source), network))
    return path


def checkpoints_of(run: Path, kind: Literal["step", "best"] = "step") -> list[Path]:
    """The whole checkpoints in the folder of a run, or its best weights, the newest one last."""
    whole = re.compile(rf"{kind}-\d+")
    found = [p for p in (run / "checkpoints").glob(f"{kind}-*") if whole.fullmatch(p.name)]
    return sorted(found, key=lambda p: int(p.name.removeprefix(f"{kind}-")))


def _of_folder(folder: Path) -> Path:
    file = ([folder, *checkpoints_of(folder)])[-1] / WEIGHTS
    if not file.is_file():
        raise ValueError(
            f"expected a weights file, found none at {file}, and no checkpoint of a run in {folder}"
        )
    return file


def _not_found(source: str, network: str | None) -> str:
    names = [w.name for w in SHIPPED if network in (None, w.network)]
    message = f"expected a weights file, found none at {source}, and no folder of a run"
    if not names:
        return f"{message}; no weights of {network} are shipped"
    message += f"; shipped{f' for {network}' if network else ''}: {', '.join(names)}"
    nearest = get_close_matches(source, names, n=1, cutoff=0.5)
    return f"{message}; did you mean {nearest[0]}?" if nearest else message
