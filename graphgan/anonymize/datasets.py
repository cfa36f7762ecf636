"""Anonymize folders on any file system on many machines, with Ray Data.

On one machine use `graphgan.anonymize.command` with ``--workers``.
"""

import hashlib
import json
import logging
import os
import pickle
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from graphgan.anonymize._folders import RECORD, Folder, FolderRecord
from graphgan.anonymize._inputs import NEITHER, UNKNOWN, Job, folded, looks_like_one
from graphgan.anonymize._kinds import RESULT_SUFFIXES
from graphgan.anonymize._options import COMPOSED, AnonymizeOptions, describe_run, make_anonymizer
from graphgan.anonymize._processes import FileProcesses, ProcessDiedError
from graphgan.anonymize._report import FileReport, count_statuses, write_reports
from graphgan.anonymize._summary import exit_status, tell_end
from graphgan.commands import exit_with, parse_options
from graphgan.extras import needs_extra
from graphgan.training import memory_errors_explained

# Names and reports are small: Ray's own minimum would do.
_OBJECT_STORE_BYTES = 100 * 2**20
_MAX_TASKS = 10_000  # of a run; a killed task is repeated

Row = dict[str, Any]
"""The name of a file, and the suffixes that would make its result replace another one."""

_REPORT = "report.json"
"""In the folder of results; the same as a table beside it."""


@dataclass(frozen=True, kw_only=True)
class DatasetOptions(AnonymizeOptions):
    """Replace every face in a folder of photos and videos, on many machines with Ray.

    On one machine, graphgan-anonymize --workers does the same without Ray.
    """

    src: str
    """Folder of photos and videos, or its URL (file, s3, gs, ...)."""
    dst: str
    """Folder or URL for the results, which keep their names and subfolders."""
    resume: bool = False
    """Continue a run that was stopped, with the same options, and retry what failed."""
    workers: int = 1
    """How many actors work at once, each with its own model."""
    address: str | None = None
    """Address of a Ray cluster; RAY_ADDRESS by default, or else Ray starts on this machine."""
    gpus: float = 0.0
    """GPUs for each actor; less than 1 lets actors share one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.workers < 1:
            raise ValueError(f"expected --workers of at least 1, got {self.workers}")
        if self.gpus < 0:
            raise ValueError(f"expected --gpus of at least 0, got {self.gpus}")


def main() -> None:
    """Entry point of ``anonymize_dataset.py``."""
    exit_with(_main)


def _main() -> int:
    options = parse_options(DatasetOptions, positional=True)
    require_ray()
    return anonymize_dataset(options)


class DatasetWorker:
    """An actor, which turns rows of files into rows of reports.

    It decodes photos in a separate process, since Ray would retry a photo that crashes it forever.
    Errors in the options are also rows, since Ray's own messages are hard to read.
    """

    def __init__(self, options: DatasetOptions) -> None:
        self.source, self.target = Folder(options.src), Folder(options.dst)
        self.processes = FileProcesses(options)

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
                reason = (isinstance(error, OSError) and error.strerror) or type(error).__name__
                told = f"{name}: cannot be fetched or stored: {reason}"
                return FileReport(name, "failed", error=told)
            return report


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


def run_ray(options: DatasetOptions, rows: Sequence[Row]) -> Generator[FileReport, None, None]:
    """Anonymize all files with actors that each hold a model; yields their reports.

    Ray restarts a killed actor and repeats its file.

    Raises:
        OSError: there is no cluster, or it does not work.
        Exception: an actor cannot use its options.
    """
    import ray

    if not rows:
        return
    with _connected(options), _one_line():
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False  # the caller has one of files
        data = ray.data.from_items(list(rows), override_num_blocks=min(len(rows), _MAX_TASKS))
        done = data.map_batches(
            DatasetWorker,
            fn_constructor_args=(options,),
            compute=ray.data.ActorPoolStrategy(size=min(options.workers, len(rows))),
            batch_size=1,
            num_cpus=1,
            num_gpus=options.gpus,
        )
        for row in done.iter_rows():
            if row["error"]:
                raise pickle.loads(row["error"])
            yield FileReport.from_json(json.loads(row["report"]))


@contextmanager
def _connected(options: DatasetOptions) -> Iterator[None]:
    import ray

    if ray.is_initialized():  # by the program that this is part of
        yield
        return
    address = options.address or os.environ.get("RAY_ADDRESS") or "local"
    size: dict[str, Any] = {}
    if address == "local":
        size = {"num_cpus": options.workers, "object_store_memory": _OBJECT_STORE_BYTES}
        size["include_dashboard"] = False
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


_Engine = Callable[[DatasetOptions, Sequence[Row]], Generator[FileReport, None, None]]
"""See `run_ray`."""


def anonymize_dataset(options: DatasetOptions, engine: _Engine = run_ray) -> int:
    """Do what the options say; returns the exit status, that of `graphgan.anonymize.command`.

    Raises:
        ValueError: no photos or videos in SRC; DST in SRC or around it, or with files in it and no
            ``resume``; weights, conditions or people to keep that cannot be used.
        MissingExtraError: an extra is needed and not installed.
        OSError: SRC cannot be read, DST not be written, no such cluster.
    """
    with needs_extra("recipes"):
        from tqdm import tqdm
    source, target = Folder(options.src), Folder(options.dst)
    there = _check_folders(source, target, resume=options.resume)
    files, rows = _plan(source)
    if not rows:
        raise ValueError(f"expected photos or videos, found none in {options.src}")
    with memory_errors_explained("smaller photos need less"):
        about = describe_run(options, make_anonymizer(options))
    place = source.place.encode(errors="surrogateescape")
    about["source"] = hashlib.sha256(place).hexdigest()[:16]
    record = FolderRecord(target, about)
    target.remove_unfinished()
    record.close()  # so that this run can be gone on with
    done = {n: report for n, report in record.reports.items() if _is_done(report, there)}
    files |= {row["name"]: done[row["name"]] for row in rows if row["name"] in done}
    waiting = [row for row in rows if row["name"] not in done]
    reports = engine(_for_workers(options, source.url, target.url), waiting)
    try:
        with closing(reports):
            for report in tqdm(reports, total=len(waiting), unit="file", disable=None):
                files[report.name] = report
                record.add(report)
    finally:
        record.close()
    ordered = [files[name] for name in sorted(files)]
    _write_reports(target, ordered, about)
    tell_end(ordered, f"{options.dst.rstrip('/')}/{_REPORT}")
    return exit_status(count_statuses(ordered))


def _check_folders(source: Folder, target: Folder, *, resume: bool) -> set[str]:
    """Names of the results that are there."""
    if source.holds(target) or target.holds(source):
        raise ValueError(f"expected DST outside SRC, got {target.place} and {source.place}")
    if not source.exists():
        raise ValueError(f"{source.place}: expected a folder, found none")
    there = {found.name for found in target.walk()} if target.exists() else set()
    there -= {RECORD}
    if (there or target.is_file()) and not resume:
        raise ValueError(
            "expected DST to be new or empty, got one with files; --resume continues a stopped run"
            "was stopped"
        )
    return there


def _plan(source: Folder) -> tuple[dict[str, FileReport], list[Row]]:
    """What is not worked on, and why; the files that are."""
    files: dict[str, FileReport] = {}
    names: dict[str, str] = {}
    for name, left_out, failed in sorted(source.walk()):
        if left_out or not (failed or looks_like_one(Path(name))):
            files[name] = FileReport(name, "left out", error=left_out or NEITHER)
            continue
        if not failed and (other := names.setdefault(folded(name), name)) != name:
            failed = f"on some disks its result would replace that of {other}"
        if failed:
            files[name] = FileReport(name, "failed", error=f"{name}: {failed}")
    rows = [
        {
            "name": name,
            "taken": " ".join(s for s in RESULT_SUFFIXES if folded(f"{name}{s}") in names),
        }
        for name in names.values()
    ]
    return files, rows


def _is_done(report: FileReport, there: set[str]) -> bool:
    if report.is_written:
        return any(f"{report.name}{suffix}" in there for suffix in ("", *RESULT_SUFFIXES))
    return report.status == "no face"


def _write_reports(target: Folder, files: Sequence[FileReport], about: dict[str, Any]) -> None:
    with TemporaryDirectory(prefix="graphgan-") as scratch:
        path = Path(scratch, _REPORT)
        write_reports(path, files, about)
        for written in (path, path.with_suffix(".csv")):
            target.publish(written, written.name)


def _for_workers(options: DatasetOptions, src: str, dst: str) -> DatasetOptions:
    """With whole paths, for workers elsewhere."""
    return replace(
        options,
        src=src,
        dst=dst,
        checkpoint=Path(_whole(str(options.checkpoint))),
        condition=options.condition if options.condition in COMPOSED else _whole(options.condition),
        keep=tuple(map(_whole, options.keep)),
    )


def _whole(text: str) -> str:
    return str(Path(text).absolute()) if Path(text).exists() else text
