"""A folder of this machine, or of a file system that is mounted here."""

import importlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from graphgan.anonymize._store import MANIFEST, Found, Store, found

SCRATCH = f"{MANIFEST}/scratch"
"""Below the folder: renaming is atomic within one file system alone."""

LOCK = f"{MANIFEST}/lock"


class LocalStore(Store):
    """See `Store`; files are renamed to their names, and sources read in place.

    Args:
        folder: need not be there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def exists(self) -> bool:
        return self.folder.is_dir()

    @property
    def place(self) -> str:
        return str(self.folder.resolve())

    def holds_others(self) -> bool:
        if self.folder.exists() and not self.folder.is_dir():
            return True
        return self.folder.exists() and any(p.name != MANIFEST for p in self.folder.iterdir())

    def walk(self) -> Iterator[Found]:
        waiting = [""]
        while waiting:
            below = waiting.pop()
            with os.scandir(self.folder / below) as entries:
                for entry in entries:
                    name = below + entry.name
                    if not entry.is_dir():
                        left_out = "not a file, or a link to nothing"
                        yield found(name) if entry.is_file() else Found(name, left_out)
                    elif entry.is_symlink():
                        yield Found(name, "a link to a folder, not followed")
                    elif not entry.name.startswith("."):
                        waiting.append(f"{name}/")

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(path.name for path in (self.folder / folder).iterdir() if path.is_file())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def fetch(self, name: str, scratch: Path) -> Path:
        return self.folder / name

    def read(self, name: str) -> bytes | None:
        try:
            return (self.folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def publish(self, path: Path, name: str) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def may_be_gone(self, name: str) -> bool:
        return not (self.folder / name).is_file()

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        folder = self.folder / SCRATCH / uuid.uuid4().hex
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        path = self.folder / LOCK
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            if not _lock(file):
                raise ValueError(f"{self.folder}: another run is at work there")
            try:
                self._clear()  # of what killed processes left
                yield
            finally:
                self._clear()

    def holds(self, other: Store) -> bool:
        if not isinstance(other, LocalStore):
            return False
        ours, theirs = self.folder.resolve(), other.folder.resolve()
        return ours == theirs or ours in theirs.parents

    def _clear(self) -> None:
        shutil.rmtree(self.folder / SCRATCH, ignore_errors=True)


def _lock(file: IO[str]) -> bool:
    """Take a file for this process, up to its end; whether nobody else has it."""
    try:
        fcntl = importlib.import_module("fcntl")
    except ImportError:  # Windows
        msvcrt = importlib.import_module("msvcrt")
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
