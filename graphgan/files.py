"""Files that are either whole or not there."""

import hashlib
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_LONGEST_NAME = 255  # bytes, on most disks


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary name beside ``path`` to write to, and rename it when the block succeeds.

    The temporary name is always the same (``.name.part``, or a digest of the name where that is
    too long for a disk), so that what a killed process left behind is overwritten by the next one.
    When the block fails, the temporary file goes and whatever ``path`` held before stays.
    """
    path = Path(path)
    temporary = temporary_path(path)
    try:
        with naming(path):
            yield temporary
            temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename, error.filename2 = str(path), None  # a name that nobody knows
        raise


def temporary_path(path: Path) -> Path:
    """What `replacing` writes to; a process that was killed may leave it behind."""
    name = f".{path.name}.part"
    if len(encoded := os.fsencode(name)) > _LONGEST_NAME:
        name = f".{hashlib.sha256(encoded).hexdigest()[:32]}.part"
    return path.with_name(name)


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Hold a file for this process, which the system lets go at its end, however it ends.

    Args:
        path: of the file; it is made where it is missing, and stays.
    Raises:
        ValueError: another process holds it.
    """
    with Path(path).open("w") as file:
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            raise ValueError(f"{Path(path).parent}: another run is at work there") from None
        except OSError:
            pass  # a file system without locks
        yield


def _lock(file: IO[str]) -> None:
    try:
        fcntl = importlib.import_module("fcntl")
    except ImportError:  # Windows
        msvcrt = importlib.import_module("msvcrt")
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


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
