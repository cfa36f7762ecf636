"""What a worker does: one shard of a data set after the other, whichever engine it runs in."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch

from graphgan.anonymize._attempts import Attempt, History, read_history
from graphgan.anonymize._manifest import Manifest
from graphgan.anonymize._stores import open_store
from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.inputs import Job, folded
from graphgan.anonymize.kinds import kind_by_name
from graphgan.anonymize.options import AnonymizeOptions, make_anonymizer, make_file_anonymizer
from graphgan.anonymize.report import FileReport

MAX_DEATHS = 3
"""Workers that a file may kill before it is given up, in this run."""

_WRITTEN = ("anonymised", "copied")


@dataclass(frozen=True)
class DatasetTask:
    """All that a worker needs to begin; it can be sent to another machine.

    Args:
        source, target: URLs of the two folders.
        options: of the anonymiser.
        num_shards: of the manifest.
        run: a name that no other run has.
    """

    source: str
    target: str
    options: AnonymizeOptions
    num_shards: int
    run: str


class ShardWorker:
    """A worker; it holds the model.

    Args:
        task: what it works on.
        anonymizer: one that is made already; by default it makes its own.
    """

    def __init__(self, task: DatasetTask, anonymizer: Anonymizer | None = None) -> None:
        self.source = open_store(task.source)
        self.target = open_store(task.target)
        self.manifest = Manifest(self.target, task.num_shards)
        self.run = task.run
        options = task.options
        self.anonymize = make_file_anonymizer(options, anonymizer or make_anonymizer(options))

    def __call__(self, shard: int) -> Iterator[str]:
        """Do what is left of a shard; gives the names of its files as they are done.

        Raises:
            OSError: the manifest cannot be read or written, or is not there.
        """
        folder = self.manifest.folder(shard)
        if not (files := self.manifest.files(shard)):
            raise FileNotFoundError(f"{folder} is not in DST: do all workers see the same one?")
        names = [file.name for file in files if not file.left_out]
        history = read_history(self.target, folder, self.run)
        waiting = [name for name in names if not self._is_done(name, history)]
        yield from sorted({*names} - {*waiting})
        if not waiting:
            return
        twins = _twins([*_written(history), *names])
        with (
            one_thread(),
            self.target.scratch() as scratch,
            Attempt(self.target, folder, self.run, history) as attempt,
        ):
            for name in waiting:
                if (problem := _problem(name, twins, history)) is not None:
                    attempt.end(FileReport(name, "failed", _kind(name), error=problem))
                else:
                    attempt.begin(name)
                    attempt.end(self._work(name, scratch))
                yield name

    def _is_done(self, name: str, history: History) -> bool:
        if name in history.given_up:
            return True
        status = history.reports.get(name, {}).get("status")
        if status in _WRITTEN:
            return not self.target.may_be_gone(name)
        return status == "no face"

    def _work(self, name: str, scratch: Path) -> FileReport:
        """One file, from its store to the other; only whole results are published."""
        kind = kind_by_name(name)
        assert kind is not None
        result = scratch / f"result{PurePosixPath(name).suffix}"
        result.unlink(missing_ok=True)
        try:
            source = self.source.fetch(name, scratch)
            report = self.anonymize(Job(name, source, result, kind))
            if report.status in _WRITTEN:
                self.target.publish(result, name)
        except Exception as error:  # of any file system; the others go on
            logging.getLogger(__name__).info("%s", name, exc_info=True)
            return FileReport(name, "failed", kind, error=_told(name, error))
        return report


@contextmanager
def one_thread() -> Iterator[None]:
    """Results do not depend on how many threads there are."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _kind(name: str) -> str:
    return kind_by_name(name) or ""


def _written(history: History) -> list[str]:
    reports = history.reports.items()
    return sorted(name for name, line in reports if line["status"] in _WRITTEN)


def _twins(names: list[str]) -> dict[str, str]:
    """Names that some disks do not tell from an earlier one, and that one."""
    first: dict[str, str] = {}
    pairs = {name: first.setdefault(folded(name), name) for name in names}
    return {name: other for name, other in pairs.items() if other != name}


def _problem(name: str, twins: dict[str, str], history: History) -> str | None:
    if name in twins:
        return f"{name}: its result and that of {twins[name]} would be one file on some disks"
    if (deaths := history.deaths[name]) >= MAX_DEATHS:
        return f"{name}: {deaths} workers died at it, perhaps for want of memory"
    return None


def _told(name: str, error: Exception) -> str:
    """Without paths, which the words of file systems are full of."""
    reason = error.strerror if isinstance(error, OSError) else None
    return f"{name}: cannot be fetched or stored: {reason or type(error).__name__}"
