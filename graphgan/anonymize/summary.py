"""What a command says at its end: all that a person must act on, and what is alike only once."""

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from graphgan.anonymize.faces import NOT_THERE
from graphgan.anonymize.report import (
    FileReport,
    count_instead,
    count_statuses,
    tell_counts,
    tell_instead,
)

_NAMED = 3
"""Files that are named one by one; of more, the first."""

_KINDS = 24  # that fit on a line or two

_LINES = 20
"""Errors, and warnings, that differ; the report has them all."""


def tell_problems(files: Sequence[FileReport]) -> list[str]:
    """Lines about what went wrong, for stderr.

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
    """Lines about what was done and what was not, for stdout; the counts come last but for faces
    that were covered instead of what was asked for.

    Args:
        files: all of them.
        report: where what became of them stands.
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
    """Up to three names; of more, how many, of which kinds where there are several, and the first.

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
    """A name without line breaks, escapes of terminals, and bytes that are no text."""
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
