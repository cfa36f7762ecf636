"""Folders on any file system that fsspec supports, and the record of what was done there."""

import json
import posixpath
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import fsspec  # type: ignore[import-untyped]  # comes with torch
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

from graphgan.anonymize._report import FileReport

RECORD = ".graphgan-anonymize"
"""The subfolder of the results with the record of a run."""

# Results are written here, and renamed when they are complete.
_UNFINISHED = f"{RECORD}/unfinished"
# Here writing is atomic, and renaming would copy again.
_OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci", "memory"}
_LINES, _SECONDS = 1000, 60.0  # of the record, that are written together


class FolderEntry(NamedTuple):
    """A file or a subfolder.

    Args:
        name: its relative path, with slashes.
        left_out: why it is ignored.
        failed: why it cannot be read.
    """

    name: str
    left_out: str = ""
    failed: str = ""


class Folder:
    """A folder whose files have names relative to it; opening it reads nothing.

    Args:
        url: a URL that fsspec supports, such as ``s3://bucket/photos``, or a path.
    Attributes:
        url: works on another machine too.
        place: is the same however the folder was named.
    Raises:
        ValueError: fsspec does not support such URLs, or lacks a package for them.
    """

    def __init__(self, url: str) -> None:
        try:
            self._fs, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise ValueError(f"{url}: {error}") from None
        self._is_local = isinstance(self._fs, LocalFileSystem)
        self._root = (Path(root).resolve().as_posix() if self._is_local else root).rstrip("/")
        self.place = str(self._fs.unstrip_protocol(self._root))
        self.url = self.place if self._is_local else url

    def exists(self) -> bool:
        return bool(self._fs.isdir(self._root))

    def is_file(self) -> bool:
        return bool(self._fs.isfile(self._root))

    def holds(self, other: "Folder") -> bool:
        """Whether the other folder is this one or inside it."""
        return f"{other.place}/".startswith(f"{self.place}/")

    def walk(self) -> Iterator[FolderEntry]:
        """All files below it except in hidden folders, and the folders that cannot be read."""
        waiting = [self._root or "/"]
        while waiting:
            folder = waiting.pop()
            try:  # `fs.walk` passes over a folder that cannot be read
                entries = self._fs.ls(folder, detail=True, refresh=True)
            except OSError as error:
                if folder == (self._root or "/"):
                    raise
                reason = error.strerror or type(error).__name__
                why = f"the folder cannot be read, so it was skipped: {reason}"
                yield FolderEntry(self._relative(folder), failed=why)
                continue
            self._fs.invalidate_cache(folder)  # it would keep every listing until the end
            for entry in entries:
                name, path = self._relative(entry["name"]), entry["name"].rstrip("/")
                if not name or path == folder:  # an object of the folder's own name
                    continue
                is_folder = entry["type"] == "directory"
                if name.rpartition("/")[2].startswith("."):
                    yield FolderEntry(name, "a hidden folder" if is_folder else "hidden")
                elif entry.get("islink") and self._fs.isdir(path):
                    yield FolderEntry(name, "a link to a folder, not followed")
                elif is_folder:
                    waiting.append(path)
                else:
                    yield FolderEntry(name)

    def names(self, folder: str) -> list[str]:
        """Sorted names of the files directly in a subfolder; none if it does not exist."""
        try:
            entries = self._fs.ls(self._path(folder), detail=True, refresh=True)
        except FileNotFoundError:
            return []
        return sorted(posixpath.basename(e["name"]) for e in entries if e["type"] == "file")

    def read(self, name: str) -> bytes:
        return bytes(self._fs.cat_file(self._path(name)))

    def fetch(self, name: str, scratch: Path) -> Path:
        """A local path of a file, which may be a copy in ``scratch``."""
        if self._is_local:
            return Path(self._path(name))
        copy = scratch / f"source{posixpath.splitext(name)[1]}"
        self._fs.get_file(self._path(name), str(copy))
        return copy

    def publish(self, path: Path, name: str) -> None:
        """Copy a local file to a name, where it appears complete or not at all."""
        target = self._path(name)
        if not _OBJECT_STORES.isdisjoint(_protocols(self._fs)):
            self._fs.put_file(str(path), target)
            return
        unfinished = self._path(f"{_UNFINISHED}/{uuid.uuid4().hex}")
        for new in (unfinished, target):
            self._fs.makedirs(posixpath.dirname(new), exist_ok=True)
        self._fs.put_file(str(path), unfinished)
        self._fs.mv(unfinished, target)

    def remove_unfinished(self) -> None:
        """Remove what killed processes have left."""
        if self._fs.exists(self._path(_UNFINISHED)):
            self._fs.rm(self._path(_UNFINISHED), recursive=True)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _relative(self, path: str) -> str:
        return path.removeprefix(self._root).strip("/")


def _protocols(fs: Any) -> set[str]:
    return {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)


class FolderRecord:
    """The record of a run, in files of up to a thousand lines beside its results.

    Object stores cannot append to a file, so a line may wait for a minute. A killed run repeats
    what was not yet recorded.

    Args:
        folder: of the results.
        about: what they depend on, as plain values.
    Attributes:
        reports: the last report of each file in earlier runs.
    Raises:
        ValueError: the record is damaged, or belongs to a run with other options.
    """

    def __init__(self, folder: Folder, about: dict[str, Any]) -> None:
        self._folder, self._about = folder, json.dumps(about)
        self.reports: dict[str, FileReport] = {}
        names = folder.names(RECORD)
        for name in names:
            self._read(name)
        self._number = len(names)
        self._held: list[str] = []
        self._last = time.monotonic()

    def add(self, report: FileReport) -> None:
        """Record a file whose result is published."""
        self._held.append(json.dumps(report.as_json()))
        if len(self._held) >= _LINES or time.monotonic() - self._last > _SECONDS:
            self.close()

    def close(self) -> None:
        """Write all added lines; more may follow."""
        if self._held or not self._number:
            with TemporaryDirectory(prefix="graphgan-") as scratch:
                path = Path(scratch, "part")
                path.write_text("\n".join([self._about, *self._held]), "ascii")
                self._folder.publish(path, f"{RECORD}/{self._number:08}-{uuid.uuid4().hex}.jsonl")
            self._number += 1
        self._held.clear()
        self._last = time.monotonic()

    def _read(self, name: str) -> None:
        try:
            about, *lines = map(json.loads, self._folder.read(f"{RECORD}/{name}").splitlines())
            reports = list(map(FileReport.from_json, lines))
        except ValueError:
            raise ValueError(f"{RECORD}/{name} in DST is not a record: give a new folder") from None
        if about != json.loads(self._about):
            raise ValueError(
                f"DST holds results of the options {about}, expected {self._about}; give a new "
                "folder"
            )
        self.reports |= {report.name: report for report in reports}
