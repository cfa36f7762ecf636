"""``graphgan-anonymize``: replace the faces in photos, videos and folders."""

import contextlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphgan._threads import calls_in_order, num_threads
from graphgan.anonymize._file_anonymizer import FileAnonymizer
from graphgan.anonymize._inputs import STREAM, Job, Plan, plan_jobs
from graphgan.anonymize._options import (
    AnonymizeOptions,
    describe_run,
    make_anonymizer,
    make_file_anonymizer,
    parse_box,
)
from graphgan.anonymize._processes import FileProcesses
from graphgan.anonymize._report import FileReport, count_statuses, write_reports
from graphgan.anonymize._summary import as_printed, exit_status, tell_end
from graphgan.anonymize.video._streams import live_source
from graphgan.commands import exit_with, parse_options
from graphgan.data._progress_record import ProgressRecord, start_record
from graphgan.extras import needs_extra
from graphgan.files import locked
from graphgan.training import memory_errors_explained
from graphgan.training._interrupts import StopRequest, stop_on_signal

_RECORD = ".graphgan-anonymize.jsonl"
"""In the output folder: what is done, so that a run can be continued."""

_LOCK = ".graphgan-anonymize.lock"
"""In the output folder: held by the run that writes there."""


@dataclass(frozen=True, kw_only=True)
class Options(AnonymizeOptions):
    """Replace every face in photos, folders of photos, and videos."""

    inputs: tuple[str, ...]
    """Photos, videos and folders; - reads a video from standard input, or a camera."""
    out: Path | None = None
    """Folder for the results (required). They keep their names and subfolders."""
    report: Path | None = None
    """Where to write the report (.json, and a .csv beside it) that lists the outcome for every file
    and face; report.json in --out by default."""
    overwrite: bool = False
    """Replace existing results."""
    resume: bool = False
    """Continue a run that was stopped, with the same options, and retry what failed."""
    workers: int | None = None
    """Number of files to process at once, each in a process with its own model; for large
    folders. If a process crashes, only its file fails. By default the cores share one model."""
    serve: bool = False
    """Instead, open a page on this machine onto which you can drop photos."""
    host: str = "127.0.0.1"
    """Address of the page. Any other than the default opens it to other machines."""
    port: int = 8000
    """Port of the page; 0 takes a free one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.serve and (self.inputs or self.out):
            raise ValueError(
                "expected --serve without inputs and --out: photos are sent to the page"
            )
        if self.serve and (self.only or any(map(parse_box, self.keep))):
            raise ValueError(
                "expected --serve without boxes; --keep also takes a photo of a person"
            )
        if not self.serve and not self.inputs:
            raise ValueError("expected photos, videos or folders (see --help)")
        if not self.serve and self.out is None:
            raise ValueError("expected --out DIR (see --help)")
        if self.overwrite and self.resume:
            raise ValueError("expected --overwrite or --resume, got both")
        if self.resume and self.is_live:
            raise ValueError("expected - without --resume, since a stream cannot be continued")
        if self.workers is not None and (self.workers < 1 or self.serve or self.is_live):
            raise ValueError(f"expected --workers of at least 1, for files, got {self.workers}")
        if self.report is not None and self.report.suffix != ".json":
            raise ValueError(f"expected --report FILE.json, got {self.report}")

    @property
    def is_live(self) -> bool:
        """Whether the input is a stream."""
        return STREAM in self.inputs

    @property
    def folder(self) -> Path:
        """Where results go."""
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
    """Run the command; returns the exit status."""
    report = options.report or options.folder / "report.json"
    record = options.folder / _RECORD
    options.allow_pixels()  # of the headers that are read now
    goes_on = options.resume and record.exists()  # what is there is of the run that was stopped
    plan = plan_jobs(options.inputs, options.folder, overwrite=options.overwrite or goes_on)
    if options.is_live:
        live_source()  # or it ends here
    with memory_errors_explained("smaller photos need less"), ExitStack() as stack:
        anonymizer = make_anonymizer(options)
        about = describe_run(options, anonymizer)
        with _told_as_folder(options.folder):
            options.folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(options.folder / _LOCK))
            if not goes_on:
                start_record(record, about)
        with _told_as_folder(report.parent):
            report.parent.mkdir(parents=True, exist_ok=True)
        return _run(options, plan, make_file_anonymizer(options, anonymizer), about)


@contextlib.contextmanager
def _told_as_folder(folder: Path) -> Iterator[None]:
    """Name the folder in errors, not a file in it that the user does not know."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise OSError(error.errno, f"results cannot be written there: {why}", str(folder)) from None


def _run(options: Options, plan: Plan, work: FileAnonymizer, about: dict[str, Any]) -> int:
    files = {name: FileReport(name, "left out", error=why) for name, why in plan.left_out.items()}
    files |= {name: FileReport(name, "failed", error=why) for name, why in plan.failed.items()}
    with ProgressRecord(options.folder / _RECORD, about) as record, stop_on_signal() as stop:
        before = {entry["name"]: FileReport.from_json(entry) for entry in record.entries}
        try:
            for done in _reports(options, plan.jobs, work, before, stop):
                files[done.name] = done
                if before.get(done.name) != done:
                    record.add(done.as_json())
        finally:  # an interrupt, too, leaves a report of what is done
            names = dict.fromkeys([*plan.left_out, *plan.failed, *(job.name for job in plan.jobs)])
            told = [files[name] for name in names if name in files]
            report = options.report or options.folder / "report.json"
            write_reports(report, told, about)
            tell_end(told, report)
    return exit_status(count_statuses(list(files.values())))


def _reports(
    options: Options,
    jobs: list[Job],
    work: FileAnonymizer,
    before: dict[str, FileReport],
    stop: StopRequest,
) -> Iterator[FileReport]:
    """The reports of all jobs. Processes give them in the order in which they finish."""
    with needs_extra("recipes"):
        from tqdm import tqdm
    done = {
        job.name: report
        for job in jobs
        if (report := before.get(job.name)) is not None
        and (report.status == "no face" or (report.is_written and job.target.is_file()))
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
        if job.kind != "stream":
            return work(job, on_frame=_Frames(bar, stop))
        print("reading a stream: Ctrl-C ends it and keeps the result", flush=True)
        report = work(job, on_frame=_Frames(bar, StopRequest()), stopped=stop.__bool__)
        stop.requested = False
        return report

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


class _Frames:
    """Shows which frame of a video is processed, and in which pass."""

    def __init__(self, bar: Any, stop: StopRequest) -> None:
        self.bar, self.stop = bar, stop
        self.counts: dict[str, int] = {}

    def __call__(self, step: str) -> None:
        self.counts[step] = self.counts.get(step, 0) + 1
        self.bar.set_postfix_str(f"{step} frame {self.counts[step]}")
        _check(self.stop)


def _check(stop: StopRequest) -> None:
    """Stop between two photos or frames: within one, a library might swallow an interrupt."""
    if stop:
        raise KeyboardInterrupt


if __name__ == "__main__":
    main()
