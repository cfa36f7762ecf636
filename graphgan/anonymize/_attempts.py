"""What became of the files of a shard: written by one worker after the other, read together.

Every attempt at a shard writes JSON lines of its own, ``part-<attempt>-<worker>-<n>.jsonl``: a
report for each file that is done, and before it a line that the file was begun. So a worker that
is killed leaves the name of the file that it was at, and a file that kills every worker is given
up. A line that was torn does not count.
"""

import json
import math
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from graphgan.anonymize._local_store import LocalStore
from graphgan.anonymize._store import Store
from graphgan.anonymize.report import FileReport

_LINES, _SECONDS = 64, 30.0
_PART = "part-"


class History:
    """What earlier attempts at a shard say.

    Attributes:
        reports: the last one of every file, as JSON, by name.
        given_up: files that failed in this run already.
        deaths: how many workers ended without a word at a file, since its last report.
        attempts: how many there were.
        unfinished: whether any of them ended without a word.
    """

    def __init__(self, run: str = "") -> None:
        self.reports: dict[str, dict[str, Any]] = {}
        self.given_up: set[str] = set()
        self.deaths: Counter[str] = Counter()
        self.attempts = 0
        self.unfinished = False
        self._run = run

    def add(self, lines: Iterable[dict[str, Any]]) -> None:
        """One more attempt."""
        run, begun, ended = "", "", False
        for line in lines:
            if "run" in line:
                run = line["run"]
            elif "began" in line:
                begun = line["began"]
            elif "status" in line:
                begun = ""
                self._report(line, run)
            elif "ended" in line:
                begun, ended = "", True
        self.attempts += 1
        self.unfinished |= not ended
        if begun:
            self.deaths[begun] += 1

    def _report(self, line: dict[str, Any], run: str) -> None:
        name = line["name"]
        self.reports[name] = line
        del self.deaths[name]
        if line["status"] == "failed" and run == self._run:
            self.given_up.add(name)


def read_history(store: Store, folder: str, run: str = "") -> History:
    """All attempts at the shard of a folder.

    Args:
        store: the folder of results.
        folder: of the shard, below it.
        run: the name of this run.
    """
    parts: dict[str, list[str]] = defaultdict(list)
    for name in store.names(folder):
        if name.startswith(_PART):
            parts[name.rpartition("-")[0]].append(name)
    history = History(run)
    for attempt in sorted(parts):
        history.add(_lines(store, [f"{folder}/{name}" for name in parts[attempt]]))
    return history


def _lines(store: Store, names: Iterable[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        for line in (store.read(name) or b"").split(b"\n")[:-1]:
            try:
                content = json.loads(line)
            except ValueError:
                continue
            if isinstance(content, dict):
                yield content


class Attempt:
    """One worker's lines about a shard.

    A local file is appended to line by line. Elsewhere nothing can be appended: lines are put
    together, 64 of them or those of 30 seconds; one by one once a worker has died at this shard,
    to know at which file the next one does.

    Args:
        store: the folder of results.
        folder: of the shard, below it.
        run: the name of this run.
        history: of the attempts before.
    """

    def __init__(self, store: Store, folder: str, run: str, history: History) -> None:
        self._store = store
        self._stem = f"{folder}/{_PART}{history.attempts + 1:06}-{uuid.uuid4().hex[:8]}"
        self._careful = history.unfinished
        self._held: list[str] = []
        self._count = 0
        self._last = -math.inf
        self._file: IO[str] | None = None
        if isinstance(store, LocalStore):
            self._file = self._local(store.folder).open("a", encoding="ascii")
        self._begun = False
        self._write({"run": run})

    def begin(self, name: str) -> None:
        """A file is worked on."""
        self._begun = True
        self._write({"began": name})

    def end(self, report: FileReport) -> None:
        """A file is done, its result is published."""
        self._begun = False
        self._write(report.as_json())

    def __enter__(self) -> "Attempt":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._last = -math.inf
        self._write({"ended": not self._begun})
        if self._file:
            self._file.close()

    def _local(self, root: Path) -> Path:
        path = root / f"{self._stem}-00000.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _write(self, line: dict[str, Any]) -> None:
        text = json.dumps(line) + "\n"
        if self._file:
            self._file.write(text)
            self._file.flush()  # from here on it outlives the process
            return
        self._held.append(text)
        late = time.monotonic() - self._last >= _SECONDS
        if self._careful or late or len(self._held) >= _LINES:
            self._put()

    def _put(self) -> None:
        with self._store.scratch() as scratch:
            (scratch / "part").write_text("".join(self._held), "ascii")
            self._store.publish(scratch / "part", f"{self._stem}-{self._count:05}.jsonl")
        self._held.clear()
        self._count += 1
        self._last = time.monotonic()
