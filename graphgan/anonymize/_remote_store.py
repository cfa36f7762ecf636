"""A folder of any file system that fsspec knows: an object store, another machine, memory."""

import posixpath
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from graphgan.anonymize._store import MANIFEST, Found, Store, found

OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci", "memory"})
"""Where a put is atomic, and renaming is another copy."""

UNFINISHED = f"{MANIFEST}/unfinished"
"""Elsewhere files are put here, and renamed when they are whole."""


class RemoteStore(Store):
    """See `Store`; files are copied to this machine and back.

    Args:
        fs: of fsspec.
        root: the folder there; need not exist.
    """

    def __init__(self, fs: Any, root: str) -> None:
        self.fs = fs
        self.root = root.rstrip("/")
        protocols = [fs.protocol] if isinstance(fs.protocol, str) else list(fs.protocol)
        self.protocol = protocols[0]
        self.puts_are_atomic = not OBJECT_STORES.isdisjoint(protocols)

    def exists(self) -> bool:
        return bool(self.fs.isdir(self.root))

    @property
    def place(self) -> str:
        return f"{self.protocol}://{self.root.strip('/')}"

    def holds_others(self) -> bool:
        try:
            paths = self.fs.ls(self.root, detail=False, refresh=True)
        except FileNotFoundError:
            return False
        return any(self._relative(path) not in ("", MANIFEST) for path in paths)

    def walk(self) -> Iterator[Found]:
        self.fs.invalidate_cache()
        for folder, folders, files in self.fs.walk(self.root, detail=True, on_error="raise"):
            for name in [name for name in folders if name.startswith(".")]:
                del folders[name]
            below = self._relative(folder)
            for name in files:
                if name:  # object stores may hold an object of the folder's own name
                    yield found(posixpath.join(below, name))
            # It would keep every listing until the end.
            self.fs.invalidate_cache(folder)

    def names(self, folder: str) -> list[str]:
        try:
            entries = self.fs.ls(self._path(folder), detail=True, refresh=True)
        except FileNotFoundError:
            return []
        return sorted(posixpath.basename(e["name"]) for e in entries if e["type"] == "file")

    def fetch(self, name: str, scratch: Path) -> Path:
        copy = scratch / f"source{posixpath.splitext(name)[1]}"
        self.fs.get_file(self._path(name), str(copy))
        return copy

    def read(self, name: str) -> bytes | None:
        try:
            return bytes(self.fs.cat_file(self._path(name)))
        except FileNotFoundError:
            return None

    def publish(self, path: Path, name: str) -> None:
        if self.puts_are_atomic:
            self.fs.put_file(str(path), self._path(name))
            return
        unfinished = self._path(f"{UNFINISHED}/{uuid.uuid4().hex}")
        self.fs.makedirs(self._path(UNFINISHED), exist_ok=True)
        self.fs.put_file(str(path), unfinished)
        self.fs.makedirs(posixpath.dirname(self._path(name)), exist_ok=True)
        self.fs.mv(unfinished, self._path(name))

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self.fs.rm_file(self._path(name))

    def may_be_gone(self, name: str) -> bool:
        return False  # a question for every file of millions is not for nothing

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="graphgan-") as folder:
            yield Path(folder)

    @contextmanager
    def locked(self) -> Iterator[None]:
        yield  # two runs would do the same work twice, with the same results

    def holds(self, other: Store) -> bool:
        if not isinstance(other, RemoteStore) or other.protocol != self.protocol:
            return False
        return f"{other.root}/".startswith(f"{self.root}/")

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _relative(self, path: str) -> str:
        return path.removeprefix(self.root).strip("/")
