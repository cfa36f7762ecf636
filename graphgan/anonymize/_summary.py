"""What a command prints at its end: all that a person must act on, with similar files grouped."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from graphgan.anonymize._faces import NOT_THERE, Reason
from graphgan.anonymize.report import FileReport, count_statuses

NO_FACE = 3
"""Exit status of a run in which a file was not copied because no face was found in it, or in which
a box of ``--only`` had no face, so that all other faces are still visible."""

_NAMED = 3
"""Up to so many files are named one by one."""

_KINDS = 24  # that fit on a line or two

_LINES = 20
"""At most so many different errors, and warnings; the report has them all."""


def tell_end(files: list[FileReport], report: Path | str) -> None:
    """Print what a person must know, and where the report is."""
    for line in tell_problems(files):
        print(line, file=sys.stderr)
    for line in tell_summary(files, report):
        print(line)
    sys.stdout.flush()


def exit_status(counts: Mapping[str, int]) -> int:
    """The exit status of a command, from the result of `count_statuses`."""
    if counts["failed"]:
        return 1
    return NO_FACE if counts["no face"] or counts["boxes without a face"] else 0


def tell_problems(files: Sequence[FileReport]) -> list[str]:
    """Lines for stderr about what went wrong.

    Example:
        >>> reports = [FileReport(n, "failed", error=f"{n}: damaged") for n in ("a.jpg", "b.jpg")]
        >>> tell_problems(reports)
        ['error: a.jpg, b.jpg: damaged']
    """
    errors = [
        (file.error.removeprefix(f"{file.name}: "), file.name)
        for file in files
        if file.status == "failed"
    ]
    warnings = [(text, file.name) for file in files for text in (*file.warnings, *_misses(file))]
    return [*_grouped("error", errors), *_grouped("warning", warnings)]


def tell_summary(files: Sequence[FileReport], report: Path | str) -> list[str]:
    """Lines for stdout about what was done and what was not.

    Args:
        files: the reports of all files.
        report: where the report is.
    """
    lines = []
    if without := [file.name for file in files if file.status == "no face"]:
        advice = "" if len(without) == 1 else " (--copy-unmatched copies them)"
        lines.append(f"no face found, not copied: {name_files(without)}{advice}")
    if left_out := [(file.error, file.name) for file in files if file.status == "left out"]:
        told = [f"{why}: {name_files(names)}" for why, names in _alike(left_out).items()]
        lines.append(f"left out: {'; '.join(told)}")
    if any("voice" in note for file in files for note in file.notes):
        lines.append("the sound of videos was kept: a voice identifies (--audio drop)")
    lines.append(f"{tell_counts(count_statuses(files))}; report in {report}")
    if instead := tell_instead(count_instead(files)):
        lines.append(instead)
    return lines


def name_files(names: Sequence[str]) -> str:
    """Up to three names; for more files how many, their kinds if they differ, and the first name.

    Example:
        >>> name_files(["a.png", "b.png"])
        'a.png, b.png'
        >>> name_files([f"{i}.png" for i in range(1220)])
        '1,220 files (first: 0.png)'
        >>> name_files(["a.cr2", "b.NEF", "c.nef", "d.heic"])
        '4 files (.cr2 .heic .nef; first: a.cr2)'
    """
    shown = [as_printed(name) for name in names]
    if len(shown) <= _NAMED:
        return ", ".join(shown)
    kinds = sorted({PurePosixPath(name).suffix.lower() for name in shown} - {""})
    several = f"{' '.join(kinds)}; " if 1 < len(kinds) <= _KINDS else ""
    return f"{len(shown):,} files ({several}first: {shown[0]})"


def as_printed(name: str) -> str:
    """A name with line breaks, escape sequences and invalid bytes escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in name
    )


def _misses(file: FileReport) -> list[str]:
    boxes = [face.box for face in file.faces if NOT_THERE in face.remarks]
    if not boxes:
        return []
    told = " and ".join(",".join(f"{edge:g}" for edge in box) for box in boxes)
    return [f"no face in --only {told}, which was covered; the other faces are still visible"]


def _grouped(kind: str, told: Iterable[tuple[str, str]]) -> list[str]:
    alike = _alike(told)
    lines = [f"{kind}: {name_files(names)}: {text}" for text, names in alike.items()]
    if len(lines) > _LINES:
        more = sum(len(names) for names in list(alike.values())[_LINES:])
        lines[_LINES:] = [f"{kind}: {more:,} more files; see the report"]
    return lines


def _alike(told: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for text, name in told:
        names.setdefault(text, []).append(name)
    return names


_WORDS = {"no face": "without a face"}


_ONE = {
    "faces replaced": "face replaced",
    "faces kept": "face kept",
    "faces overlooked at first": "face overlooked at first",
    "boxes without a face": "box without a face",
}


def tell_counts(counts: Mapping[str, int]) -> str:
    """The counts that are not 0, in words.

    Example:
        >>> tell_counts({"anonymized": 2, "failed": 0, "faces replaced": 1})
        '2 anonymized, 1 face replaced'
    """
    words = {key: _WORDS.get(key, key) for key in counts}
    told = [
        f"{count:,} {_ONE.get(key, words[key]) if count == 1 else words[key]}"
        for key, count in counts.items()
        if count
    ]
    return ", ".join(told)


_COVERS = {"pixelate": "a mosaic", "blur": "a blur", "solid": "a flat color"}


class Instead(NamedTuple):
    """Faces that were covered although another person was to be shown.

    Args:
        reason: why.
        method: what covers them; None if they were only covered in some frames of a video.
    """

    reason: Reason
    method: str | None


def count_instead(files: Iterable[FileReport]) -> Counter[Instead]:
    """Count the faces of written files that were covered instead, in all frames or in some."""
    return Counter(
        Instead(face.reason, face.method if face.method in _COVERS else None)
        for file in files
        if file.is_written
        for face in file.faces
        if face.reason is not None
    )


def tell_instead(counts: Counter[Instead]) -> str:
    """The result of `count_instead` in one line; empty if there are none.

    Example:
        >>> counts = Counter({Instead("too small", "pixelate"): 2})
        >>> counts[Instead("still recognized", "pixelate")] = 1
        >>> tell_instead(counts)
        '3 faces were covered by a mosaic instead: 2 too small, 1 still recognized'
    """
    covers = {_COVERS[key.method] for key in counts if key.method is not None}
    by = " or ".join(sorted(covers))
    parts = [
        _told(f"covered by {by} instead", _by_reason(counts, partly=False)),
        _told("covered in some frames", _by_reason(counts, partly=True)),
    ]
    return "; ".join(part for part in parts if part)


def _by_reason(counts: Counter[Instead], *, partly: bool) -> Counter[Reason]:
    reasons: Counter[Reason] = Counter()
    for key, count in counts.items():
        if (key.method is None) == partly:
            reasons[key.reason] += count
    return reasons


def _told(what: str, reasons: Counter[Reason]) -> str:
    if not reasons:
        return ""
    faces = "1 face was" if (total := reasons.total()) == 1 else f"{total} faces were"
    if len(reasons) == 1:
        return f"{faces} {what}: {next(iter(reasons))}"
    why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return f"{faces} {what}: {why}"
