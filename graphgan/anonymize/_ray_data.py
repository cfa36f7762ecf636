"""Anonymize files with actors of Ray Data, on this machine or on a cluster."""

import json
import logging
import os
import pickle
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from graphgan.anonymize._folders import Folder
from graphgan.anonymize._inputs import UNKNOWN, Job
from graphgan.anonymize._processes import FileProcesses, ProcessDiedError
from graphgan.anonymize.options import AnonymizeOptions
from graphgan.anonymize.report import FileReport
from graphgan.extras import needs_extra

# Names and reports are small: Ray's own minimum would do.
_OBJECT_STORE_BYTES = 100 * 2**20
_MAX_TASKS = 10_000  # of a run; a killed task is repeated

Row = dict[str, Any]
"""The name of a file, and the suffixes that would make its result replace another one."""


@dataclass(frozen=True)
class DatasetTask:
    """What an actor needs to start; it can be sent to another machine.

    Args:
        source, target: URLs of the two folders.
        options: of the anonymizer.
    """

    source: str
    target: str
    options: AnonymizeOptions


class DatasetWorker:
    """An actor, which turns rows of files into rows of reports.

    It decodes photos in a process of its own, since Ray would retry a photo that crashes it for
    ever. Errors in the options are also rows, since Ray's own messages are hard to read.
    """

    def __init__(self, task: DatasetTask) -> None:
        self.source, self.target = Folder(task.source), Folder(task.target)
        self.processes = FileProcesses(task.options)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Anonymize the files of a batch one after another."""
        try:
            self.processes.start()
        except Exception as error:
            return {"report": [""], "error": [pickle.dumps(error)]}
        reports = [
            self.anonymize(str(name), str(taken).split())
            for name, taken in zip(batch["name"], batch["taken"], strict=True)
        ]
        lines = [json.dumps(report.as_json()) for report in reports]
        return {"report": lines, "error": [b""] * len(lines)}

    def anonymize(self, name: str, taken: Sequence[str] = ()) -> FileReport:
        """Anonymize one file; only a complete result is published."""
        with TemporaryDirectory(prefix="graphgan-") as folder:
            scratch = Path(folder)
            try:
                source = self.source.fetch(name, scratch)
                if (kind := self.processes.kind(source)) is None:
                    return FileReport(name, "failed", error=f"{name}: {UNKNOWN}")
                if (suffix := kind.suffix or "") in taken:
                    error = f"{name}: its result would replace that of {name}{suffix}"
                    return FileReport(name, "failed", kind.kind, error=error)
                result = scratch / f"result{suffix or PurePosixPath(name).suffix}"
                report = self.processes(Job(name, source, result, kind.kind))
                if report.is_written:
                    self.target.publish(result, f"{name}{suffix}")
            except ProcessDiedError as error:
                return FileReport(name, "failed", error=f"{name}: {error}")
            except Exception as error:  # of any file system; the others go on
                logging.getLogger(__name__).info("%s", name, exc_info=True)
                return FileReport(name, "failed", error=_told(name, error))
            return report


def _told(name: str, error: Exception) -> str:
    """The error without paths."""
    reason = error.strerror if isinstance(error, OSError) else None
    return f"{name}: cannot be fetched or stored: {reason or type(error).__name__}"


def require_ray() -> None:
    """Import Ray with its usage reports turned off.

    Raises:
        MissingExtraError: it is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what it does about a dead actor
    with needs_extra("bulk"):
        import ray.data  # noqa: F401
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)


def run_ray(
    task: DatasetTask,
    rows: Sequence[Row],
    *,
    workers: int,
    address: str | None = None,
    gpus: float = 0,
) -> Generator[FileReport, None, None]:
    """Anonymize all files with actors that each hold a model; yields their reports.

    Ray restarts a killed actor and repeats its file.

    Args:
        task: what the actors need.
        rows: the files.
        workers: actors.
        address: of a cluster; by default that of ``RAY_ADDRESS``, or else this machine.
        gpus: of each actor.
    Raises:
        OSError: there is no cluster, or it does not work.
        Exception: an actor cannot use its options.
    """
    import ray

    if not rows:
        return
    with _connected(address, workers), _one_line():
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False  # the caller has one of files
        data = ray.data.from_items(list(rows), override_num_blocks=min(len(rows), _MAX_TASKS))
        done = data.map_batches(
            DatasetWorker,
            fn_constructor_args=(task,),
            compute=ray.data.ActorPoolStrategy(size=min(workers, len(rows))),
            batch_size=1,
            num_cpus=1,
            num_gpus=gpus,
        )
        for row in done.iter_rows():
            if row["error"]:
                raise pickle.loads(row["error"])
            yield FileReport.from_json(json.loads(row["report"]))


@contextmanager
def _connected(address: str | None, workers: int) -> Iterator[None]:
    import ray

    if ray.is_initialized():  # by the program that this is part of
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    size: dict[str, Any] = {}
    if address == "local":
        size = {
            "num_cpus": workers,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "include_dashboard": False,
        }
    ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **size)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _one_line() -> Iterator[None]:
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        raise OSError(f"Ray: {str(error).partition(chr(10))[0]}") from error
