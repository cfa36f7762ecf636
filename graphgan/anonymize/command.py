"""``graphgan-anonymize``: photos, folders and videos with their faces replaced."""

import contextlib
import sys
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphgan._threads import calls_in_order, num_threads
from graphgan.anonymize._processes import FileProcesses
from graphgan.anonymize.files import FileAnonymizer
from graphgan.anonymize.inputs import STREAM, Job, Plan, plan_jobs
from graphgan.anonymize.options import (
    AnonymizeOptions,
    as_given_box,
    make_anonymizer,
    make_file_anonymizer,
    what_holds_for_all,
)
from graphgan.anonymize.report import FileReport, count_statuses, write_reports
from graphgan.anonymize.summary import as_printed, tell_problems, tell_summary
from graphgan.anonymize.video.streams import live_source
from graphgan.commands import exit_with, parse_options
from graphgan.data.progress_record import ProgressRecord, start_record
from graphgan.extras import needs_extra
from graphgan.files import locked
from graphgan.training.devices import memory_errors_explained
from graphgan.training.interrupts import StopRequest, stop_on_signal

NO_FACE = 3
"""Exit status where a file was not copied, since no face was found in it, or none in a box of
``--only``, so that the others stay visible."""

RECORD = ".graphgan-anonymize.jsonl"
"""In the output folder: what is done, so that a run can be gone on with."""

LOCK = ".graphgan-anonymize.lock"
"""In the output folder: held by the run that is at work there."""


@dataclass(frozen=True, kw_only=True)
class Options(AnonymizeOptions):
    """Replace every face in photos, folders of photos, and videos."""

    inputs: tuple[str, ...]
    """Photos, videos, and folders of them; - for a video on standard input, or a camera."""
    out: Path | None = None
    """Folder for the results (needed); they keep their names, and the tree of a folder."""
    report: Path | None = None
    """What became of every face, as .json and .csv; report.json in --out by default."""
    overwrite: bool = False
    """Replace results that are there."""
    resume: bool = False
    """Go on where a run with the same options was stopped, and try again what failed."""
    workers: int | None = None
    """Processes, each with a model and a core of its own, that work on as many files at once; one
    that dies costs the file that it was at. By default the cores share one model."""
    serve: bool = False
    """Show a page in the browsers of this machine instead, where photos are dropped."""
    host: str = "127.0.0.1"
    """Of the page: any other address opens it to others."""
    port: int = 8000
    """Of the page; 0 takes a free one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.serve and (self.inputs or self.out):
            raise ValueError("expected --serve without inputs and --out: it shows a page")
        if self.serve and (self.only or any(map(as_given_box, self.keep))):
            raise ValueError("expected --serve with people to keep, got boxes: of which photo?")
        if not self.serve and not self.inputs:
            raise ValueError("expected photos, videos or folders (see --help)")
        if not self.serve and self.out is None:
            raise ValueError("expected --out DIR (see --help)")
        if self.overwrite and self.resume:
            raise ValueError("expected --overwrite or --resume, got both")
        if self.resume and self.is_live:
            raise ValueError("expected - without --resume: a stream begins anew")
        if self.workers is not None and (self.workers < 1 or self.serve or self.is_live):
            raise ValueError(f"expected --workers of 1 and more, for files, got {self.workers}")
        if self.report is not None and self.report.suffix != ".json":
            raise ValueError(f"expected --report FILE.json, got {self.report}")

    @property
    def is_live(self) -> bool:
        """Whether a stream is read."""
        return STREAM in self.inputs

    @property
    def report_path(self) -> Path:
        """Of the report."""
        return self.report or self.folder / "report.json"

    @property
    def folder(self) -> Path:
        """Of the results."""
        assert self.out is not None
        return self.out


def main() -> None:
    """Entry point of ``graphgan-anonymize``."""
    exit_with(_main)


def _main() -> int:
    options = parse_options(Options, positional=True)
    if not options.serve:
        return anonymize(options)
    from graphgan.anonymize.serve import serve

    serve(make_anonymizer(options), host=options.host, port=options.port)
    return 0


def anonymize(options: Options) -> int:
    """Do what the options say; returns the exit status."""
    record = options.folder / RECORD
    options.allow_pixels()  # of the headers that are read now
    goes_on = options.resume and record.exists()  # what is there is of the run that was stopped
    plan = plan_jobs(options.inputs, options.folder, overwrite=options.overwrite or goes_on)
    if options.is_live:
        live_source()  # or it ends here
    with memory_errors_explained("smaller photos need less"), ExitStack() as stack:
        anonymizer = make_anonymizer(options)
        about = what_holds_for_all(options, anonymizer)
        with _told_as_folder(options.folder):
            options.folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(options.folder / LOCK))
            if not goes_on:
                start_record(record, about)
        with _told_as_folder(options.report_path.parent):
            options.report_path.parent.mkdir(parents=True, exist_ok=True)
        return _run(options, plan, make_file_anonymizer(options, anonymizer), about)


@contextlib.contextmanager
def _told_as_folder(folder: Path) -> Iterator[None]:
    """What cannot be made in a folder is said of the folder, not of a file that nobody knows."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise OSError(error.errno, f"results cannot be written there: {why}", str(folder)) from None


def _run(options: Options, plan: Plan, work: FileAnonymizer, about: dict[str, Any]) -> int:
    files = {name: FileReport(name, "left out", error=why) for name, why in plan.left_out.items()}
    files |= {name: FileReport(name, "failed", error=why) for name, why in plan.failed.items()}
    with ProgressRecord(options.folder / RECORD, about) as record, stop_on_signal() as stop:
        before = {entry["name"]: FileReport.from_json(entry) for entry in record.entries}
        try:
            for report in _reports(options, plan.jobs, work, before, stop):
                files[report.name] = report
                if before.get(report.name) != report:
                    record.add(report.as_json())
        finally:  # an interrupt, too, leaves a report of what is done
            names = dict.fromkeys([*plan.left_out, *plan.failed, *(job.name for job in plan.jobs)])
            told = [files[name] for name in names if name in files]
            write_reports(options.report_path, told, about)
            tell_end(told, options.report_path)
    return exit_status(count_statuses(list(files.values())))


def _reports(
    options: Options,
    jobs: list[Job],
    work: FileAnonymizer,
    before: dict[str, FileReport],
    stop: StopRequest,
) -> Iterator[FileReport]:
    """Of all jobs; by processes in the order in which they are done."""
    with needs_extra("recipes"):
        from tqdm import tqdm
    done = {
        job.name: report
        for job in jobs
        if (report := before.get(job.name)) is not None and _is_done(report, job)
    }
    with tqdm(total=len(jobs), unit="file", disable=None) as bar:
        waiting = [job for job in jobs if job.name not in done]
        bar.update(len(done))
        yield from done.values()
        reports = (
            _by_threads(waiting, work, bar, stop)
            if options.workers is None
            else _by_processes(waiting, options, options.workers, stop)
        )
        failed = 0
        with contextlib.closing(reports):
            for report in reports:
                failed += report.status == "failed"
                bar.set_postfix_str(f"{failed} failed" if failed else "")
                yield report
                bar.update()


def _by_threads(
    jobs: list[Job], work: FileAnonymizer, bar: Any, stop: StopRequest
) -> Generator[FileReport, None, None]:
    def report_of(job: Job) -> FileReport:
        _check(stop)  # what was begun before is finished, and reported
        return (_recording if job.kind == "stream" else _file)(work, job, bar, stop)

    photos = sum(job.kind == "photo" for job in jobs)
    threads = min(num_threads(), max(photos, 1))
    calls = calls_in_order(
        jobs, report_of, threads=threads, concurrent=lambda job: job.kind == "photo"
    )
    with contextlib.closing(calls):
        for job, call in zip(jobs, calls, strict=True):
            bar.set_description(as_printed(job.name[-30:]))
            yield call()


def _by_processes(
    jobs: list[Job], options: Options, workers: int, stop: StopRequest
) -> Generator[FileReport, None, None]:
    processes = FileProcesses(options)

    def report_of(job: Job) -> FileReport:
        _check(stop)
        return processes(job, check=lambda: _check(stop))

    # The processes end before the threads that wait for them.
    with ThreadPoolExecutor(workers) as threads, contextlib.closing(processes):
        calls = [threads.submit(report_of, job) for job in jobs]
        try:
            for call in as_completed(calls):
                yield call.result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _file(work: FileAnonymizer, job: Job, bar: Any, stop: StopRequest) -> FileReport:
    return work(job, on_frame=_Frames(bar, stop))


def _recording(work: FileAnonymizer, job: Job, bar: Any, stop: StopRequest) -> FileReport:
    """Of a stream: to stop is to end it."""
    print("reading a stream: Ctrl-C ends it and keeps what came", flush=True)
    report = work(job, on_frame=_Frames(bar, StopRequest()), stopped=stop.__bool__)
    stop.requested = False
    return report


class _Frames:
    """Shows which frame of a video is worked on, and what for."""

    def __init__(self, bar: Any, stop: StopRequest) -> None:
        self.bar, self.stop = bar, stop
        self.counts: dict[str, int] = {}

    def __call__(self, step: str) -> None:
        self.counts[step] = self.counts.get(step, 0) + 1
        self.bar.set_postfix_str(f"{step} frame {self.counts[step]}")
        _check(self.stop)


def _check(stop: StopRequest) -> None:
    """Between two photos or frames: inside them, libraries might swallow an interrupt."""
    if stop:
        raise KeyboardInterrupt


def _is_done(report: FileReport, job: Job) -> bool:
    """Of a run before: there is nothing to do again."""
    if report.status in ("anonymized", "copied"):
        return job.target.is_file()
    return report.status == "no face"


def tell_end(files: list[FileReport], report: Path | str) -> None:
    """Print what a person must know, and where the report is."""
    for line in tell_problems(files):
        print(line, file=sys.stderr)
    for line in tell_summary(files, report):
        print(line)
    sys.stdout.flush()


def exit_status(counts: Mapping[str, int]) -> int:
    """Of a command, by what `count_statuses` gives."""
    if counts["failed"]:
        return 1
    return NO_FACE if counts["no face"] or counts["boxes without a face"] else 0


if __name__ == "__main__":
    main()
