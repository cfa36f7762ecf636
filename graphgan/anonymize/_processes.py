"""Anonymize files in processes of their own: if one crashes, only its file fails."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

import torch

from graphgan.anonymize._inputs import Job
from graphgan.anonymize._kinds import FileKind, file_kind
from graphgan.anonymize._options import AnonymizeOptions, make_anonymizer, make_file_anonymizer
from graphgan.anonymize._report import FileReport
from graphgan.files import temporary_path

_PATIENCE = 5.0  # seconds for a process to remove unfinished files
_LOOK = 0.2  # seconds between two looks at whether to stop


class ProcessDiedError(Exception):
    """A process died while it worked on a file; another one continues."""


class FileProcesses:
    """A `FileAnonymizer` for several threads: each has a process with its own model and core."""

    def __init__(self, options: AnonymizeOptions) -> None:
        self._options = options
        self._own = threading.local()
        self._all: list[_FileProcess] = []

    def start(self) -> "_FileProcess":
        """The process of this thread, as soon as its model is loaded.

        Raises:
            ChildProcessError: it died.
            Exception: loading the model failed.
        """
        if not hasattr(self._own, "process"):
            process = _FileProcess(self._options)
            self._all.append(process)
            process.wait()
            self._own.process = process
        own: _FileProcess = self._own.process
        return own

    def __call__(self, job: Job, *, check: Callable[[], None] = lambda: None) -> FileReport:
        """Anonymize one file; if the process dies, the file has failed."""
        own = self.start()
        try:
            report: FileReport = own.ask(job, check)
        except ProcessDiedError as error:
            return FileReport(job.name, "failed", job.kind, error=f"{job.name}: {error}")
        return report

    def kind(self, path: Path) -> FileKind | None:
        """`file_kind` in the process, since decoders may crash.

        Raises:
            ProcessDiedError: the process died.
        """
        kind: FileKind | None = self.start().ask(path, lambda: None)
        return kind

    def close(self) -> None:
        """End all processes at once; no unfinished file remains."""
        for process in self._all:
            process.end()
        for process in self._all:
            process.join()


class _FileProcess:
    def __init__(self, options: AnonymizeOptions) -> None:
        self._options = options
        self._ended = False
        self._target: Path | None = None  # of what it is at
        self._begin()

    def _begin(self) -> None:
        context = get_context("spawn")  # a forked copy of torch's threads may hang
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._options), daemon=True)
        self._process.start()
        theirs.close()  # so that its end is seen here

    def wait(self) -> None:
        """Wait until its model is loaded."""
        try:
            problem = self._connection.recv()
        except EOFError:
            raise ChildProcessError(
                "a worker died while loading its model: too little memory?"
            ) from None
        if problem is not None:
            raise problem

    def ask(self, question: Job | Path, check: Callable[[], None]) -> Any:
        """The report of a job, or the kind of a file."""
        self._target = question.target if isinstance(question, Job) else None
        try:
            self._connection.send(question)
            while not self._connection.poll(_LOOK):
                check()
            return self._connection.recv()
        except (EOFError, OSError):  # it is dead
            self.join()
            if self._ended:
                raise
        self._connection.close()
        self._begin()
        self.wait()
        raise ProcessDiedError("the process died on this file, perhaps for lack of memory")

    def end(self) -> None:
        self._ended = True
        self._process.terminate()

    def join(self) -> None:
        self._process.join(_PATIENCE)
        self._process.kill()
        self._process.join()
        if self._target is not None:
            temporary_path(self._target).unlink(missing_ok=True)


def _serve(parent: Connection, options: AnonymizeOptions) -> None:
    """The main function of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        torch.set_num_threads(1)
        anonymize = make_file_anonymizer(options, make_anonymizer(options))
        parent.send(None)
        while True:
            question = parent.recv()
            parent.send(anonymize(question) if isinstance(question, Job) else file_kind(question))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # nobody listens any more
    except Exception as error:
        parent.send(error)


def _leave_with_parent() -> None:
    """End with the parent: an orphan would write beside the next run."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_PATIENCE)
        os._exit(1)


def _leave(number: int, frame: object) -> NoReturn:
    """Leave by an exception, which removes unfinished files."""
    sys.exit(1)
