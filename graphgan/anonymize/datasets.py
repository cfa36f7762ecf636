"""Data sets of any size anonymised, by one machine or many, so that any part may be killed.

The files of a folder are divided into shards by their names. Workers do one shard after the other
and write down what they did; whatever is not written down is done again. Results depend on the
options and a file's name alone, and are put in place whole: doing a file twice changes nothing.
"""

import hashlib
import json
import sys
import uuid
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from graphgan.anonymize._attempts import read_history
from graphgan.anonymize._local_engine import run_here, run_processes
from graphgan.anonymize._manifest import Manifest, check_free, open_manifest
from graphgan.anonymize._ray_engine import require_ray, run_ray
from graphgan.anonymize._shard_work import DatasetTask
from graphgan.anonymize._stores import open_source, open_store
from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.command import exit_status
from graphgan.anonymize.inputs import NEITHER, UNKNOWN, looks_like_one
from graphgan.anonymize.options import (
    COMPOSED,
    AnonymizeOptions,
    make_anonymizer,
    what_holds_for_all,
)
from graphgan.anonymize.report import (
    FileReport,
    Instead,
    count_instead,
    count_statuses,
    tell_counts,
    tell_instead,
)
from graphgan.commands import exit_with, parse_options
from graphgan.extras import needs_extra
from graphgan.training.devices import memory_errors_explained
from graphgan.weights import find_weights

REPORT = "report.jsonl"
"""In the folder of results: a line a file, in the order of shards and names."""

_TOLD = 20  # failed files that are named at the end; the report has them all


@dataclass(frozen=True, kw_only=True)
class DatasetOptions(AnonymizeOptions):
    """Replace every face in a folder of any number of photos and videos.

    The same command goes on where a run was stopped, and tries again what failed.
    """

    src: str
    """Folder of photos and videos, or its URL (file, s3, gs, ...)."""
    dst: str
    """Folder or URL for the results, which keep the tree and their names."""
    engine: Literal["local", "ray"] = "local"
    """Processes of this machine, or Ray's actors."""
    workers: int = 1
    """Processes or actors, each with a model of its own."""
    shards: int = 256
    """Parts that the files are divided into: several for each worker, up to 10,000 files each."""
    address: str | None = None
    """Of a Ray cluster; by default RAY_ADDRESS, or Ray is started on this machine."""
    gpus: float = 0.0
    """GPUs for each of Ray's actors."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("workers", "shards"):
            if (number := getattr(self, name)) < 1:
                raise ValueError(f"expected --{name} of 1 and more, got {number}")
        if self.gpus < 0:
            raise ValueError(f"expected --gpus of 0 and more, got {self.gpus}")
        if self.engine == "local" and self.address is not None:
            raise ValueError("expected --engine ray with --address, got local")


def main() -> None:
    """Entry point of ``anonymize_dataset.py``."""
    exit_with(_main)


def _main() -> int:
    return anonymize_dataset(parse_options(DatasetOptions, positional=True))


def anonymize_dataset(options: DatasetOptions) -> int:
    """Do what the options say; returns the exit status, that of `graphgan.anonymize.command`.

    Raises:
        ValueError: no photos or videos in SRC; DST in SRC or around it, or with something else
            in it; weights, conditions or people to keep that cannot be used.
        MissingExtraError: Ray or dlib is needed and not installed.
        OSError: SRC cannot be read, DST not be written, no such cluster, workers that only die.
    """
    if options.engine == "ray":
        require_ray()
    target = open_store(options.dst)
    source = open_source(options.src, target)
    check_free(target)  # before the model is made
    with memory_errors_explained("smaller photos need less"):
        anonymizer = make_anonymizer(options)
        about = _about_dataset(options, anonymizer)
        manifest = open_manifest(target, about, options.shards)
        with target.locked():
            counts = manifest.write_names(source.walk())
            with closing(_run(options, counts, anonymizer)) as done:
                _show(done, counts.total())
            statuses, instead = write_report(manifest)
    print(f"{tell_counts(statuses)}; report in {options.dst.rstrip('/')}/{REPORT}")
    if line := tell_instead(instead):
        print(line)
    sys.stdout.flush()
    return exit_status(statuses)


def _run(
    options: DatasetOptions, counts: Counter[int], anonymizer: Anonymizer
) -> Generator[int, None, None]:
    """By the engine of the options; gives how many more files are done."""
    shards = sorted(counts)
    options = _for_workers(options)
    task = DatasetTask(options.src, options.dst, options, options.shards, uuid.uuid4().hex)
    if options.engine == "ray":
        return run_ray(
            task, shards, workers=options.workers, address=options.address, gpus=options.gpus
        )
    if options.workers == 1:
        return run_here(task, shards, anonymizer)
    return run_processes(task, shards, options.workers)


def _for_workers(options: DatasetOptions) -> DatasetOptions:
    """With whole paths, for workers elsewhere."""
    return replace(
        options,
        src=_whole(options.src),
        dst=_whole(options.dst),
        checkpoint=Path(_whole(str(options.checkpoint))),
        condition=options.condition if options.condition in COMPOSED else _whole(options.condition),
        keep=tuple(map(_whole, options.keep)),
    )


def _whole(text: str) -> str:
    return str(Path(text).absolute()) if Path(text).exists() else text


def _show(done: Iterable[int], total: int) -> None:
    with needs_extra("recipes"):
        from tqdm import tqdm
    with tqdm(total=total, unit="file", disable=None) as bar:
        for number in done:
            bar.update(number)


def write_report(manifest: Manifest) -> tuple[Counter[str], Counter[Instead]]:
    """Write what became of every file, `FileReport.as_json` a line, each file once.

    Args:
        manifest: of the results; one shard of it is held at a time.
    Returns:
        How many files of each status, and how many faces were replaced and kept; how many were
        covered instead of what was asked for.
    """
    counts: Counter[str] = Counter()
    instead: Counter[Instead] = Counter()
    warnings: Counter[str] = Counter()
    with manifest.store.scratch() as scratch:
        with (scratch / REPORT).open("w", encoding="ascii") as file:
            for shard in range(manifest.num_shards):
                reports = shard_reports(manifest, shard)
                counts.update(count_statuses(reports))
                instead.update(count_instead(reports))
                warnings.update(text for report in reports for text in report.warnings)
                file.writelines(json.dumps(report.as_json()) + "\n" for report in reports)
                _tell(reports, counts["failed"])
        manifest.store.publish(scratch / REPORT, REPORT)
    for text, count in warnings.most_common(_TOLD):
        print(f"warning: {count:,} file{'s' * (count > 1)}: {text}", file=sys.stderr)
    return counts, instead


def shard_reports(manifest: Manifest, shard: int) -> list[FileReport]:
    """What became of every file of a shard, by name; of what was left out, why.

    Files that are gone from the source, but were worked on, are among them.
    """
    history = read_history(manifest.store, manifest.folder(shard))
    reports = {name: FileReport.from_json(content) for name, content in history.reports.items()}
    for file in manifest.files(shard):
        if file.left_out == NEITHER and looks_like_one(Path(file.name)):
            error = f"{file.name}: {UNKNOWN}"
            reports[file.name] = FileReport(file.name, "failed", error=error)
        elif file.left_out:
            reports[file.name] = FileReport(file.name, "left out", error=file.left_out)
        elif file.name not in reports:  # nothing gets lost in silence
            error = f"{file.name}: no worker told of it"
            reports[file.name] = FileReport(file.name, "failed", error=error)
    return [reports[name] for name in sorted(reports)]


def _tell(reports: list[FileReport], failed: int) -> None:
    errors = [report.error for report in reports if report.status == "failed"]
    before = failed - len(errors)
    for error in errors[: max(_TOLD - before, 0)]:
        print(f"error: {error}", file=sys.stderr)
    if before <= _TOLD < failed:
        print(f"error: more files failed, see {REPORT}", file=sys.stderr)


def _about_dataset(options: DatasetOptions, anonymizer: Anonymizer) -> dict[str, Any]:
    """What the results depend on, without any path."""
    about = what_holds_for_all(options, anonymizer)
    about["source"] = _digest(open_store(options.src).place.encode(errors="surrogateescape"))
    if options.mode == "people":
        about["weights"] = _digest(find_weights(options.checkpoint).read_bytes())
    return about


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
