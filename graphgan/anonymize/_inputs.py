"""From the paths that a user gives to a list of files, each with the path of its result."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from graphgan.anonymize._kinds import PHOTO_SUFFIXES, VIDEO_SUFFIXES, FileKind, Kind, file_kind

# Suffixes of photos and videos: if such a file cannot be opened, that is an error.
_OTHER_PHOTOS = (
    "heic heif hif avif jxl jp2 j2k jpe mpo psd tga dng cr2 cr3 crw nef nrw arw srf sr2 orf rw2 "
    "raf raw rwl pef 3fr erf kdc dcr mrw mos iiq x3f gpr ppm pgm pbm pnm pfm pcx dib qoi sgi "
    "dds exr hdr psb"
)
_OTHER_VIDEOS = (
    "3gp 3g2 qt mk3d vob divx mxf dv m2v mod tod f4v rm rmvb wtv insv lrv braw r3d h264 264 h265 "
    "265 hevc mjpeg mjpg y4m nut ivf dav ogm m1v"
)
_NAMES = PHOTO_SUFFIXES | VIDEO_SUFFIXES
_NAMES |= {f".{suffix}" for suffix in f"{_OTHER_PHOTOS} {_OTHER_VIDEOS}".split()}

NEITHER = "not a photo or a video"
"""Why a file is left out."""

UNKNOWN = "a kind of photo or video that cannot be opened"
"""Why a file fails that is named like a photo or a video."""

_MOST_TOLD = 3

STREAM = "-"
"""The name of standard input or a camera."""

_RECORDING = "stream.mkv"


@dataclass(frozen=True)
class Job:
    """One file to anonymize.

    Args:
        name: its path below the input in which it was found, which names it in reports.
        source: its path, or the name of a stream.
        target: the path of its result.
        kind: see `file_kind`; "stream" for a stream, which is not known before it is read.
    """

    name: str
    source: Path
    target: Path
    kind: Kind


@dataclass(frozen=True)
class Plan:
    """All files of a run.

    Args:
        jobs: in the order of the inputs; those of a folder are sorted.
        left_out: names of files and links that are not photos or videos, and why.
        failed: names of folders that cannot be read, of photos and videos that cannot be opened,
            and of files whose results would be the same file; and why.
    """

    jobs: list[Job]
    left_out: dict[str, str]
    failed: dict[str, str]


@dataclass(frozen=True)
class _Entry:
    """A photo or a video below an input, or why an entry is neither."""

    name: str
    source: Path
    kind: FileKind | None = None
    left_out: str = ""
    failed: str = ""


def plan_jobs(
    inputs: Sequence[str | Path],
    out: str | Path,
    *,
    overwrite: bool = False,
) -> Plan:
    """List the files of all inputs; nothing is written.

    Files keep their names and the folders below an input. If two inputs hold files of one name,
    both keep the folders that tell them apart. A result in another format, such as Matroska for AVI
    or JPEG for HEIC, gets the suffix of that format, added to its own if another file has that
    name. Hidden files and folders are left out; links to folders are not followed.

    Raises:
        ValueError: an input is missing or not a photo or video; there are no files; a stream has
            other inputs beside it; the output folder is an input or inside one; a result would
            replace a source or, without ``overwrite``, any file.
    """
    out = Path(out)
    if STREAM in inputs:
        plan = Plan([_stream_job(len(inputs), out)], {}, {})
    else:
        paths = [Path(given) for given in inputs]
        for given in paths:
            _check_input(given, out)
        plan = _plan([(given, list(_entries(given))) for given in paths], out)
    if not plan.jobs:
        named = ", ".join(map(str, inputs))
        why = "".join(f"; {reason}" for reason in list(plan.failed.values())[:_MOST_TOLD])
        raise ValueError(f"expected photos or videos, found none in {named}{why}")
    _check_targets(plan.jobs, out, overwrite)
    return plan


def _plan(inputs: "Sequence[tuple[Path, list[_Entry]]]", out: Path) -> Plan:
    entries: dict[str, _Entry] = {}  # of a file that was given twice one
    left_out: dict[str, str] = {}
    prefixes = _prefixes(inputs)
    for number, (given, found) in enumerate(inputs, 1):
        for entry in found:
            if entry.left_out:
                name = entry.name if entry.name not in left_out else f"{given.name}/{entry.name}"
                left_out[name] = entry.left_out
            else:
                name = prefixes[number - 1] + entry.name
                if name in entries and _real(entries[name].source) != _real(entry.source):
                    name = f"{number}/{name}"
                entries.setdefault(name, replace(entry, name=name))
    failed = {name: f"{name}: {entry.failed}" for name, entry in entries.items() if entry.failed}
    files = [entry for entry in entries.values() if entry.kind is not None]
    return Plan(_jobs(files, out, failed), left_out, failed)


def _prefixes(inputs: "Sequence[tuple[Path, list[_Entry]]]") -> list[str]:
    """Folders that tell inputs apart which hold different files of one name."""
    owners: dict[str, dict[int, Path]] = {}
    for number, (_, found) in enumerate(inputs):
        for entry in found:
            if not entry.left_out:
                owners.setdefault(folded(entry.name), {})[number] = entry.source
    several = [same for same in owners.values() if len(same) > 1]
    clashing = sorted(
        {n for same in several if len(set(map(_real, same.values()))) > 1 for n in same}
    )
    tops = [os.path.normpath(_top(inputs[number][0]).absolute()) for number in clashing]
    prefixes = [""] * len(inputs)
    try:
        common = os.path.commonpath(tops) if tops else ""
        for number, top in zip(clashing, tops, strict=True):
            if top != common:
                prefixes[number] = Path(os.path.relpath(top, common)).as_posix() + "/"
    except ValueError:  # on two drives of Windows
        pass
    return prefixes


def _top(given: Path) -> Path:
    return given if given.is_dir() else given.parent


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _jobs(files: "Sequence[_Entry]", out: Path, failed: dict[str, str]) -> list[Job]:
    """Give each file its own result; add to ``failed`` those that cannot have one."""
    named = [(entry, kind) for entry in files if (kind := entry.kind) is not None]
    wanted = Counter(folded(kind.result_name(entry.name)) for entry, kind in named)
    taken: dict[str, str] = {}
    results: dict[str, str] = {}
    # Names that stay as they are come first.
    for entry, kind in sorted(
        named, key=lambda one: one[1].result_name(one[0].name) != one[0].name
    ):
        result = kind.result_name(entry.name)
        if result != entry.name and wanted[folded(result)] > 1:
            result = kind.result_name(f"{entry.name}{kind.suffix}")
        other = taken.setdefault(folded(result), entry.name)
        if other == entry.name:
            results[entry.name] = result
        else:
            failed[entry.name] = (
                f"{entry.name}: on some disks its result would replace that of {other}"
            )
    return [
        Job(entry.name, entry.source, out / results[entry.name], kind.kind)
        for entry, kind in named
        if entry.name in results
    ]


def folded(name: str) -> str:
    """Equal for names that some disks do not tell apart: by case or by the bytes of accents."""
    return unicodedata.normalize("NFC", name).casefold()


def _stream_job(inputs: int, out: Path) -> Job:
    if inputs > 1:
        raise ValueError(
            f"expected - as the only input, since a stream may never end, got {inputs} inputs"
        )
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
        raise ValueError(
            f"expected --out outside the inputs, got {out}, which is {given} or inside"
        )
    if real.is_file() and file_kind(given) is None:
        known = " ".join(sorted(PHOTO_SUFFIXES | VIDEO_SUFFIXES))
        raise ValueError(f"{given}: expected a photo or a video ({known})")
    if not real.is_file() and not real.is_dir():
        raise ValueError(f"{given}: expected a file or a folder")


def _entries(given: Path) -> Iterator[_Entry]:
    """Everything below an input; the files of a folder come before its subfolders."""
    if given.is_file():
        yield _file(given, given.name)
        return
    waiting = [given]
    while waiting:
        parent = waiting.pop()
        try:
            with os.scandir(parent) as listed:
                paths = sorted(Path(parent, entry.name) for entry in listed)
        except OSError as error:
            name = _relative(parent, given) if parent != given else given.name or str(given)
            why = f"the folder cannot be read, so it was skipped: {error.strerror or error}"
            yield _Entry(name, parent, failed=why)
            continue
        folders = []
        for path in paths:
            name = _relative(path, given)
            try:
                if path.is_dir() and not path.is_symlink() and not path.name.startswith("."):
                    folders.append(path)
                else:
                    yield _of_folder(path, name)
            except OSError as error:
                yield _Entry(name, path, failed=f"cannot be read: {error.strerror or error}")
        waiting += reversed(folders)


def _of_folder(path: Path, name: str) -> _Entry:
    if path.name.startswith("."):
        return _Entry(name, path, left_out="a hidden folder" if path.is_dir() else "hidden")
    if path.is_dir():
        return _Entry(name, path, left_out="a link to a folder, not followed")
    if path.is_file():
        return _file(path, name)
    nothing = "not a file, or a broken link"
    if looks_like_one(path):
        return _Entry(name, path, failed=nothing)
    return _Entry(name, path, left_out=nothing)


def _file(path: Path, name: str) -> _Entry:
    if (kind := file_kind(path)) is not None:
        return _Entry(name, path, kind)
    if looks_like_one(path):
        return _Entry(name, path, failed=UNKNOWN)
    return _Entry(name, path, left_out=NEITHER)


def looks_like_one(path: Path) -> bool:
    """Whether a file is named like a photo or a video, readable or not."""
    return path.suffix.lower() in _NAMES


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _check_targets(jobs: Sequence[Job], out: Path, overwrite: bool) -> None:
    sources = {job.source.resolve() for job in jobs}
    for job in jobs:
        if job.target.resolve() in sources:
            raise ValueError(f"{job.target}: the result would replace a source")
        if job.target.is_dir():
            raise ValueError(f"{job.target}: expected a file, found a folder")
    there = [job.target for job in jobs if job.target.exists()]
    if there and not overwrite:
        more = f", and {len(there) - 1} more" if len(there) > 1 else ""
        raise ValueError(
            f"{there[0]} already exists{more}; --overwrite replaces what is there, "
            "--resume continues a stopped run"
        )
    for parent in {parent for job in jobs for parent in job.target.parents}:
        if parent.exists() and not parent.is_dir():
            raise ValueError(f"{parent}: expected a folder, found a file")
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: expected a folder, found a file")
