"""Anonymize folders on any file system on many machines, with Ray Data.

On one machine use `graphgan.anonymize.command` with ``--workers``.
"""

import hashlib
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graphgan.anonymize._folders import RECORD, Folder, FolderRecord
from graphgan.anonymize._inputs import NEITHER, folded, looks_like_one
from graphgan.anonymize._kinds import RESULT_SUFFIXES
from graphgan.anonymize._ray_data import DatasetTask, Row, require_ray, run_ray
from graphgan.anonymize._summary import exit_status, tell_end
from graphgan.anonymize.options import (
    COMPOSED,
    AnonymizeOptions,
    describe_run,
    make_anonymizer,
)
from graphgan.anonymize.report import FileReport, count_statuses, write_reports
from graphgan.commands import exit_with, parse_options
from graphgan.extras import needs_extra
from graphgan.training import memory_errors_explained

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


_Engine = Callable[..., Iterator[FileReport]]
"""See `run_ray`."""


def anonymize_dataset(options: DatasetOptions, engine: _Engine = run_ray) -> int:
    """Do what the options say; returns the exit status, that of `graphgan.anonymize.command`.

    Raises:
        ValueError: no photos or videos in SRC; DST in SRC or around it, or with files in it and no
            ``resume``; weights, conditions or people to keep that cannot be used.
        MissingExtraError: an extra is needed and not installed.
        OSError: SRC cannot be read, DST not be written, no such cluster.
    """
    source, target = Folder(options.src), Folder(options.dst)
    there = _check_folders(source, target, resume=options.resume)
    files, rows = _plan(source)
    if not rows:
        raise ValueError(f"expected photos or videos, found none in {options.src}")
    with memory_errors_explained("smaller photos need less"):
        about = describe_run(options, make_anonymizer(options))
    about["source"] = _digest(source.place)
    record = FolderRecord(target, about)
    target.remove_unfinished()
    record.close()  # so that this run can be gone on with
    done = {n: report for n, report in record.reports.items() if _is_done(report, there)}
    files |= {row["name"]: done[row["name"]] for row in rows if row["name"] in done}
    waiting = [row for row in rows if row["name"] not in done]
    task = DatasetTask(source.url, target.url, _for_workers(options))
    reports = engine(
        task, waiting, workers=options.workers, address=options.address, gpus=options.gpus
    )
    try:
        with closing(_shown(reports, len(waiting))) as shown:
            for report in shown:
                files[report.name] = report
                record.add(report)
    finally:
        record.close()
    ordered = [files[name] for name in sorted(files)]
    _write_reports(target, ordered, about)
    tell_end(ordered, f"{options.dst.rstrip('/')}/{_REPORT}")
    return exit_status(count_statuses(ordered))


def _digest(place: str) -> str:
    return hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()[:16]


def _check_folders(source: Folder, target: Folder, *, resume: bool) -> set[str]:
    """Names of the results that are there."""
    if source.holds(target) or target.holds(source):
        raise ValueError(f"expected DST beside SRC, got {target.place} and {source.place}")
    if not source.exists():
        raise ValueError(f"{source.place}: expected a folder, found none")
    there = {found.name for found in target.walk()} if target.exists() else set()
    there -= {RECORD}
    if (there or target.is_file()) and not resume:
        raise ValueError(
            "expected DST to be new or empty, got one with files; --resume goes on where a run "
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
            failed = f"its result and that of {other} would be one file on some disks"
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


def _shown(reports: Iterator[FileReport], total: int) -> Generator[FileReport, None, None]:
    with needs_extra("recipes"):
        from tqdm import tqdm
    yield from tqdm(reports, total=total, unit="file", disable=None)


def _write_reports(target: Folder, files: Sequence[FileReport], about: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory(prefix="graphgan-") as scratch:
        path = Path(scratch, _REPORT)
        write_reports(path, files, about)
        for written in (path, path.with_suffix(".csv")):
            target.publish(written, written.name)


def _for_workers(options: DatasetOptions) -> DatasetOptions:
    """With whole paths, for workers elsewhere."""
    return replace(
        options,
        checkpoint=Path(_whole(str(options.checkpoint))),
        condition=options.condition if options.condition in COMPOSED else _whole(options.condition),
        keep=tuple(map(_whole, options.keep)),
    )


def _whole(text: str) -> str:
    return str(Path(text).absolute()) if Path(text).exists() else text
