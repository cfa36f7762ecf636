"""Anonymize any file, and report the outcome whatever happens."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from graphgan.anonymize._anonymizer import Anonymizer
from graphgan.anonymize._inputs import Job
from graphgan.anonymize._report import FileReport
from graphgan.anonymize.photos._anonymize import anonymize_photo
from graphgan.anonymize.video._anonymize import anonymize_stream, anonymize_video
from graphgan.anonymize.video._streams import live_source
from graphgan.data._images import TooManyPixelsError
from graphgan.extras import MissingExtraError

Audio = Literal["keep", "drop"]


@dataclass(frozen=True)
class FileAnonymizer:
    """Anonymizes whole files with one anonymizer.

    Args:
        anonymizer: replaces the faces.
        copy_unmatched: whether to write files without a face.
        audio: whether videos keep their sound.
        allow_damaged: whether to process the readable part of damaged videos.
    """

    anonymizer: Anonymizer
    copy_unmatched: bool = False
    audio: Audio = "keep"
    allow_damaged: bool = False

    def __call__(
        self,
        job: Job,
        *,
        on_frame: Callable[[str], None] = lambda step: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> FileReport:
        """Anonymize one file. If anything fails, nothing is written and the report says why.

        ``on_frame`` and ``stopped`` are those of `anonymize_stream`.
        """
        start = time.perf_counter()
        try:
            report = self._work(job, on_frame, stopped)
        except Exception as error:  # a file must not stop the others, whatever is in it
            report = FileReport(job.name, "failed", job.kind, error=_told(error, job))
        return replace(report, seconds=time.perf_counter() - start)

    def _work(
        self, job: Job, on_frame: Callable[[str], None], stopped: Callable[[], bool]
    ) -> FileReport:
        job.target.parent.mkdir(parents=True, exist_ok=True)
        more: dict[str, Any] = {"name": job.name, "copy_unmatched": self.copy_unmatched}
        if job.kind == "photo":
            return anonymize_photo(self.anonymizer, job.source, job.target, **more)
        more |= {"audio": self.audio, "on_frame": on_frame}
        if job.kind == "stream":
            more["stopped"] = stopped
            return anonymize_stream(self.anonymizer, live_source(), job.target, **more)
        more["allow_damaged"] = self.allow_damaged
        return anonymize_video(self.anonymizer, job.source, job.target, **more)


def _told(error: Exception, job: Job) -> str:
    """The error in one line, with the name of the file instead of its path."""
    if isinstance(error, OSError):
        reason = error.strerror or str(error) or type(error).__name__
        if error.filename is not None:
            reads = str(error.filename) == str(job.source)
            reason = f"{'cannot be read' if reads else 'the result cannot be written'}: {reason}"
        return f"{job.name}: {reason}"
    text = str(error)
    for path in (job.source, job.target):
        text = text.replace(str(path), job.name)
    if isinstance(error, TooManyPixelsError):
        text = f"{text}; --max-pixels allows more"
    if not isinstance(error, ValueError | MissingExtraError):
        text = f"{type(error).__name__}: {text}"
    why = " ".join(text.removeprefix(f"{job.name}: ").split())  # the name may hold a line break
    return f"{job.name}: {why}"
