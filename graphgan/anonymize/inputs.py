"""From what a user names to a list of files, each with the place where its result goes."""

import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphgan.anonymize.kinds import Kind, file_kind

STREAM = "-"
"""What standard input or a camera is called."""

_RECORDING = "stream.mkv"


@dataclass(frozen=True)
class Job:
    """One file to anonymise.

    Args:
        name: its path below the input it was found in, and its result's below the output folder.
        source: where it is; of a stream its name.
        target: where the result goes.
        kind: by the content; a stream is not known before it is read.
    """

    name: str
    source: Path
    target: Path
    kind: Kind


@dataclass(frozen=True)
class Plan:
    """All that is to be done.

    Args:
        jobs: in the order of the inputs, those of a folder sorted.
        left_out: names of files and links that are no photos or videos, and why.
    """

    jobs: list[Job]
    left_out: dict[str, str]


def plan_jobs(
    inputs: Sequence[str | Path],
    out: str | Path,
    *,
    overwrite: bool = False,
    done: frozenset[str] = frozenset(),
) -> Plan:
    """The files of all inputs; nothing is written yet.

    A file keeps its name, a folder the tree below it; what is written in another format than its
    own, such as AVI as Matroska and HEIC as JPEG, gets that one's suffix. Hidden files and folders
    are left out, links to folders are not followed.

    Args:
        inputs: files and folders; or ``"-"`` alone for a stream, which becomes stream.mkv.
        out: the folder of results.
        overwrite: results may replace files.
        done: names whose results are there already and may stay.
    Raises:
        ValueError: an input that is not there or no photo or video, no file in any of them, two
            that map to one result, a stream beside other inputs, an output folder that is an input
            or inside one, a result that would replace a source or, unless ``overwrite``, any file.
    """
    out = Path(out)
    jobs: list[Job] = []
    left_out: dict[str, str] = {}
    if STREAM in inputs:
        jobs.append(_stream_job(len(inputs), out))
    for given in [Path(given) for given in inputs if given != STREAM]:
        _check_input(given, out)
        for source, name in _files(given, left_out):
            if (found := file_kind(source)) is None:
                left_out[name] = "not a photo or a video"
                continue
            jobs.append(Job(name, source, out / found.result_name(name), found.kind))
    if not jobs:
        named = ", ".join(map(str, inputs))
        raise ValueError(f"expected photos or videos, found none in {named}")
    _check_targets(jobs, out, overwrite, done)
    return Plan(jobs, left_out)


def _stream_job(inputs: int, out: Path) -> Job:
    if inputs > 1:
        raise ValueError(f"expected - alone, since a stream may have no end, got {inputs} inputs")
    return Job(STREAM, Path(STREAM), out / _RECORDING, "stream")


def _check_input(given: Path, out: Path) -> None:
    try:
        real, target = given.resolve(strict=True), out.resolve()
    except FileNotFoundError:
        raise ValueError(f"{given}: no such file or folder") from None
    except (OSError, RuntimeError) as error:  # a loop of links
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"{given}: {reason}") from None
    if real == target or real in target.parents:
        raise ValueError(f"expected --out beside the inputs, got {out}, which is {given} or inside")
    if real.is_file() and file_kind(given) is None:
        raise ValueError(f"{given}: expected a photo or a video")
    if not real.is_file() and not real.is_dir():
        raise ValueError(f"{given}: expected a file or a folder")


def _files(given: Path, left_out: dict[str, str]) -> Iterator[tuple[Path, str]]:
    if given.is_file():
        yield given, given.name
        return
    for parent, folders, names in os.walk(given):
        for name in folders:
            if (link := Path(parent, name)).is_symlink():
                left_out[_relative(link, given)] = "a link to a folder, not followed"
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if name.startswith("."):
                left_out[_relative(path, given)] = "hidden"
            elif not path.is_file():
                left_out[_relative(path, given)] = "not a file, or a link to nothing"
            else:
                yield path, _relative(path, given)


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _check_targets(jobs: Sequence[Job], out: Path, overwrite: bool, done: frozenset[str]) -> None:
    sources = {job.source.resolve() for job in jobs}
    taken: dict[str, Job] = {}
    for job in jobs:
        # Some disks do not tell upper from lower case, or one way to write an accent from another.
        place = job.target.relative_to(out).as_posix()
        other = taken.setdefault(unicodedata.normalize("NFC", place).casefold(), job)
        if other is not job:
            raise ValueError(f"{other.source} and {job.source} would both become {job.target}")
        if job.target.resolve() in sources:
            raise ValueError(f"{job.target}: expected a result beside the sources, it is one")
        if job.target.is_dir():
            raise ValueError(f"{job.target}: expected a place for a file, found a folder")
    there = [job.target for job in jobs if job.target.exists() and job.name not in done]
    if there and not overwrite:
        more = f", and {len(there) - 1} more" if len(there) > 1 else ""
        raise ValueError(
            f"{there[0]} is there already{more}; --overwrite replaces what is there, "
            "--resume goes on where a run was stopped"
        )
    for parent in {parent for job in jobs for parent in job.target.parents}:
        if parent.exists() and not parent.is_dir():
            raise ValueError(f"{parent}: expected a folder, found a file")
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: expected a folder, found a file")
