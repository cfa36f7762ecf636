"""The manifest of a data set: what belongs to the run, and which files to which of its shards.

    DST/.graphgan-manifest/about.json            what the results depend on
                           0007/names.jsonl      the files of shard 7
                           0007/part-....jsonl   what became of them: see `_attempts`

A file's shard is a hash of its name, so it does not depend on what else there is, and no step
needs the names of more than one shard at a time.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from graphgan.anonymize._store import MANIFEST, Found, Store
from graphgan.anonymize.inputs import folded

_ABOUT = f"{MANIFEST}/about.json"
# Names that are held before they are written.
_HELD = 2**16


class Manifest:
    """The manifest in a folder of results.

    Args:
        store: the folder.
        num_shards: among how many the files are divided.
    """

    def __init__(self, store: Store, num_shards: int) -> None:
        self.store = store
        self.num_shards = num_shards

    def shard_of(self, name: str) -> int:
        """Names that some disks do not tell apart are in one shard, which can tell."""
        digest = hashlib.sha256(folded(name).encode(errors="surrogatepass")).digest()
        return int.from_bytes(digest[:6], "big") % self.num_shards

    def folder(self, shard: int) -> str:
        return f"{MANIFEST}/{shard:04}"

    def write_names(self, files: Iterable[Found]) -> Counter[int]:
        """Divide the files among the shards; returns how many photos and videos each has."""
        counts: Counter[int] = Counter()
        with self.store.scratch() as scratch:
            for shard, number in _spooled(files, self.shard_of, scratch):
                counts[shard] += number
            for shard in range(self.num_shards):
                if (path := scratch / str(shard)).exists():
                    self.store.publish(path, self._names(shard))
                else:  # perhaps of an earlier run, with other files
                    self.store.remove(self._names(shard))
        return +counts

    def files(self, shard: int) -> list[Found]:
        """The files of a shard, sorted."""
        data = self.store.read(self._names(shard)) or b""
        return sorted(Found(*json.loads(line)) for line in data.splitlines())

    def _names(self, shard: int) -> str:
        return f"{self.folder(shard)}/names.jsonl"


def check_free(store: Store) -> None:
    """Raise ``ValueError`` where a folder of results holds files and no manifest."""
    if store.read(_ABOUT) is None and store.holds_others():
        raise ValueError("expected DST to be new, empty or of such a run, got one with files")


def open_manifest(store: Store, about: dict[str, Any], num_shards: int) -> Manifest:
    """Begin a manifest in a new or empty folder, or go on with the one that is there.

    Args:
        store: the folder of results.
        about: what they depend on, as plain values.
        num_shards: among how many a new one divides the files.
    Raises:
        ValueError: the folder holds something else, or a run of other options.
    """
    about = {**about, "shards": num_shards}
    data = store.read(_ABOUT)
    if data is None:
        check_free(store)
        with store.scratch() as scratch:
            (scratch / "about").write_text(json.dumps(about) + "\n", "ascii")
            store.publish(scratch / "about", _ABOUT)
        return Manifest(store, num_shards)
    try:
        recorded = dict(json.loads(data))
    except (ValueError, TypeError):
        raise ValueError(f"{_ABOUT} in DST is not a manifest: give a new folder") from None
    if differences := _differences(recorded, json.loads(json.dumps(about))):
        raise ValueError(f"DST holds the results of another run: {differences}; give a new folder")
    return Manifest(store, num_shards)


def _differences(recorded: dict[str, Any], given: dict[str, Any]) -> str:
    keys = [key for key in {**recorded, **given} if recorded.get(key) != given.get(key)]
    return ", ".join(f"{key} was {recorded.get(key)}, is {given.get(key)}" for key in keys)


def _spooled(
    files: Iterable[Found], shard_of: Callable[[str], int], scratch: Path
) -> Iterator[tuple[int, int]]:
    """Append the files' names to one file a shard; gives (shard, photos and videos)."""
    held: dict[int, list[str]] = defaultdict(list)
    number = 0
    for number, file in enumerate(files, 1):
        shard = shard_of(file.name)
        held[shard].append(json.dumps(file) + "\n")
        yield shard, not file.left_out
        if number % _HELD == 0:
            _append(held, scratch)
    _append(held, scratch)


def _append(held: dict[int, list[str]], scratch: Path) -> None:
    for shard, lines in held.items():
        with (scratch / str(shard)).open("a", encoding="ascii") as file:
            file.writelines(lines)
    held.clear()
