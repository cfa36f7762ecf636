"""Files that are either whole or not there."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST_NAME = 255  # bytes, on most disks


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside ``path`` to write to, and rename it when the block succeeds.

    The temporary name is always the same (``.name.part``, or a digest of the name where that is
    too long for a disk), so that what a killed process left behind is overwritten by the next one.
    When the block fails, the temporary file goes and whatever ``path`` held before stays.
    """
    path = Path(path)
    temporary = path.with_name(_temporary_name(path.name))
    try:
        with naming(path):
            yield temporary
            temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename, error.filename2 = str(path), None  # a name that nobody knows
        raise


def _temporary_name(name: str) -> str:
    if len(encoded := os.fsencode(f".{name}.part")) <= _LONGEST_NAME:
        return f".{name}.part"
    return f".{hashlib.sha256(encoded).hexdigest()[:32]}.part"


def require_new_folder(path: str | Path, advice: str) -> None:
    """Raise ``ValueError``, ending with ``advice``, unless ``path`` is empty or not there."""
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"expected a new or empty folder, got {path}; {advice}")


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Let errors of writing say which file: that of a full disk does not."""
    try:
        yield
    except OSError as error:
        if error.errno and error.filename is None:
            error.filename = str(path)
        raise
