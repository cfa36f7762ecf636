"""What became of every file and face, for people (CSV) and programs (JSON)."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from graphgan.anonymize.faces import KEPT, NOT_THERE, OVERLOOKED, Face, Reason
from graphgan.files import replacing

Status = Literal["anonymized", "copied", "no face", "failed", "left out"]

_COLUMNS: tuple[str, ...] = (
    *("file", "status", "page", "frames", "left", "top", "right", "bottom"),
    *("method", "condition", "distance", "tries", "reason", "remarks", "error"),
)


@dataclass(frozen=True)
class FileReport:
    """What became of one file.

    Args:
        name: relative to the input.
        status: "anonymized"; "copied", where no face was found and that was asked for; "no face",
            which was therefore not copied; "failed" or "left out", with the error.
        kind: photo or video.
        faces: of each page of a photo; of a video or an animation one for each track.
        frames: pages of a photo, frames of a video.
        covered: of each face the frames in which it was replaced; in a photo its page alone.
        seconds: that it took.
        notes: what else is to be known, such as a second image that was dropped.
        warnings: what a person should know at once, such as sound that was compressed again.
        error: why there is no result.
    """

    name: str
    status: Status
    kind: str = ""
    faces: tuple[Face, ...] = ()
    frames: int = 0
    covered: tuple[tuple[int, int], ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str = ""

    @property
    def is_written(self) -> bool:
        """Whether there is a result."""
        return self.status in ("anonymized", "copied")

    def as_json(self) -> dict[str, Any]:
        """Plain values, rounded to what they mean."""
        content: dict[str, Any] = dict(vars(self))
        content["seconds"] = round(self.seconds, 3)
        content["faces"] = [_face_as_json(face) for face in self.faces]
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "FileReport":
        """What `as_json` gave.

        Raises:
            ValueError: it did not.
        """
        try:
            faces = tuple(_face_from_json(face) for face in content["faces"])
            covered = tuple((int(first), int(last)) for first, last in content["covered"])
            plain = {
                k: content[k] for k in ("name", "status", "kind", "frames", "seconds", "error")
            }
            notes, warnings = tuple(content["notes"]), tuple(content["warnings"])
            return cls(**plain, faces=faces, covered=covered, notes=notes, warnings=warnings)
        except (KeyError, TypeError) as error:
            raise ValueError(f"expected a file's report, got {content!r:.200}") from error


def _face_as_json(face: Face) -> dict[str, Any]:
    content = face._asdict()
    content["box"] = [round(edge, 1) for edge in face.box]
    content["distance"] = None if face.distance is None else round(face.distance, 4)
    return content


def _face_from_json(content: dict[str, Any]) -> Face:
    left, top, right, bottom = content["box"]
    return Face(
        **{**content, "box": (left, top, right, bottom), "remarks": tuple(content["remarks"])}
    )


def write_reports(path: Path, files: Sequence[FileReport], about: dict[str, Any]) -> None:
    """Write ``path`` as JSON, and beside it the same as a table, a row a face.

    Args:
        path: ends with .json.
        files: in their order.
        about: what holds for all of them.
    """
    head = json.dumps({"about": about, "counts": count_statuses(files)}, indent=1).removesuffix(
        "\n}"
    )
    with replacing(path) as temporary, temporary.open("w", encoding="ascii") as stream:
        stream.write(f'{head},\n "files": [')
        for number, file in enumerate(files):  # a line each: there may be millions
            stream.write(f"{',' if number else ''}\n  {json.dumps(file.as_json())}")
        stream.write("\n ]\n}\n")
    with (
        replacing(path.with_suffix(".csv")) as temporary,
        temporary.open("w", newline="", errors="surrogateescape") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for file in files:
            writer.writerows(_rows(file))


def _rows(file: FileReport) -> list[list[object]]:
    if not file.faces:
        return [[file.name, file.status, *[""] * 12, file.error]]
    rows = []
    for face, (first, last) in zip(file.faces, file.covered, strict=True):
        plain = _face_as_json(face)
        where = [first, last - first + 1]
        what = [plain["method"], plain["condition"], plain["distance"], plain["tries"]]
        rows.append(
            [
                file.name,
                file.status,
                *where,
                *plain["box"],
                *what,
                face.reason or "",
                "; ".join(face.remarks),
                file.error,
            ]
        )
    return rows


def count_statuses(files: Sequence[FileReport]) -> dict[str, int]:
    """How many files of each status; how many faces of those written were replaced and kept."""
    statuses = Counter(file.status for file in files)
    faces = [face for file in files if file.is_written for face in file.faces]
    kept, nowhere = (
        sum(face.method == KEPT for face in faces),
        sum(NOT_THERE in face.remarks for face in faces),
    )
    return {
        **{status: statuses[status] for status in get_args(Status)},
        "faces replaced": len(faces) - kept - nowhere,
        "faces kept": kept,
        "faces overlooked at first": sum(OVERLOOKED in face.remarks for face in faces),
        "boxes without a face": nowhere,
    }


_WORDS = {"no face": "without a face"}
_ONE = {
    "faces replaced": "face replaced",
    "faces kept": "face kept",
    "faces overlooked at first": "face overlooked at first",
    "boxes without a face": "box without a face",
}


def tell_counts(counts: Mapping[str, int]) -> str:
    """`count_statuses` for people, without what there is none of.

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
    """Faces that were covered instead of what was asked for.

    Args:
        reason: why.
        method: that covers them; None where they are shown, but not in some frames of a video.
    """

    reason: Reason
    method: str | None


def count_instead(files: Iterable[FileReport]) -> Counter[Instead]:
    """How many faces of the files written were covered instead of what was asked for.

    In all frames or in some.
    """
    return Counter(
        Instead(face.reason, face.method if face.method in _COVERS else None)
        for file in files
        if file.is_written
        for face in file.faces
        if face.reason is not None
    )


def tell_instead(counts: Counter[Instead]) -> str:
    """One line for people about `count_instead`; empty where there are none.

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
