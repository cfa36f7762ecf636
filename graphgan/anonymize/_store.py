"""What a data set needs of the place where its files are, on whatever file system that is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from graphgan.anonymize.inputs import NEITHER
from graphgan.anonymize.kinds import kind_by_name

MANIFEST = ".graphgan-manifest"
"""In a folder of results: the folder of what a run knows of them."""


class Found(NamedTuple):
    """A file below a folder.

    Args:
        name: its path below the folder, with slashes.
        left_out: why it is not worked on; empty for photos and videos.
    """

    name: str
    left_out: str = ""


class Store(ABC):
    """A folder of files with names relative to it.

    What is published is there whole or not at all, and replaces what was there.
    """

    @abstractmethod
    def exists(self) -> bool:
        """Whether there is such a folder."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is, the same however it was named."""

    @abstractmethod
    def holds_others(self) -> bool:
        """Whether anything but a manifest is in it."""

    @abstractmethod
    def walk(self) -> Iterator[Found]:
        """All files below it, in any order, without a list of them all; hidden folders left out.

        Raises:
            OSError: a folder cannot be read: what is in it would be lost in silence.
        """

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """The files right in a folder, sorted; none if it is not there."""

    @abstractmethod
    def fetch(self, name: str, scratch: Path) -> Path:
        """Where the bytes of a file can be read on this machine; ``scratch`` is for copies."""

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """All of a file; None if it is not there."""

    @abstractmethod
    def publish(self, path: Path, name: str) -> None:
        """Move a file from a scratch folder of this store to its name."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    @abstractmethod
    def may_be_gone(self, name: str) -> bool:
        """Whether a file that was published is seen to be missing, if that costs nothing."""

    @abstractmethod
    def scratch(self) -> AbstractContextManager[Path]:
        """A new folder on this machine for what is not finished; it goes with the block."""

    @abstractmethod
    def locked(self) -> AbstractContextManager[None]:
        """Keep other runs on this machine out of this folder, where the file system can.

        Raises:
            ValueError: another run is there.
        """

    @abstractmethod
    def holds(self, other: "Store") -> bool:
        """Whether the other folder is this one or inside it."""


def found(name: str) -> Found:
    """A file that can be read, left out if it is neither photo nor video."""
    if name.rpartition("/")[2].startswith("."):
        return Found(name, "hidden")
    return Found(name, "" if kind_by_name(name) else NEITHER)
