"""What a command prints at its end: all that a person must act on, with similar files grouped."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from graphgan.anonymize._faces import NOT_THERE, Reason
from graphgan.anonymize._report import FileReport, count_statuses

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
    """Lines for stdout about what was done and what was not."""
    lines = []
    if without := [file.name for file in files if file.status == "no face"]:
        advice = "" if len(without) == 1 else " (--copy-unmatched copies them)"
        lines.append(f"no face found, not copied: {name_files(without)}{advice}")
    if left_out := [(file.error, file.name) for file in files if file.status == "left out"]:
        told = [f"{why}: {name_files(names)}" for why, names in _alike(left_out).items()]
        lines.append(f"left out: {'; '.join(told)}")
    if any("voice" in note for file in files for note in file.notes):
        lines.append("the sound of videos was kept: voices identify people (--audio drop)")
    lines.append(f"{tell_counts(count_statuses(files))}; report in {report}")
    if instead := tell_instead(files):
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
    **_WORDS,
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
    return ", ".join(
        f"{count:,} {_ONE.get(key, key) if count == 1 else key}".replace(
            "no face", "without a face"
        )
        for key, count in counts.items()
        if count
    )


_COVERS = {"pixelate": "a mosaic", "blur": "a blur", "solid": "a flat color"}


def tell_instead(files: Iterable[FileReport]) -> str:
    """One line on the faces of written files that were covered, though somebody was to be shown.

    Those that were covered in some frames of a video alone come last; empty if there are none.
    """
    faces = [f for file in files if file.is_written for f in file.faces if f.reason is not None]
    whole = Counter(face.reason for face in faces if face.method in _COVERS)
    partly = Counter(face.reason for face in faces if face.method not in _COVERS)
    by = " or ".join(sorted({_COVERS[face.method] for face in faces if face.method in _COVERS}))
    told = (f"covered by {by} instead", whole), ("covered in some frames", partly)
    return "; ".join(_told(what, reasons) for what, reasons in told if reasons)


def _told(what: str, reasons: "Counter[Reason | None]") -> str:
    faces = "1 face was" if (total := reasons.total()) == 1 else f"{total} faces were"
    if len(reasons) == 1:
        return f"{faces} {what}: {next(iter(reasons))}"
    why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return f"{faces} {what}: {why}"
