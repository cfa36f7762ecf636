"""The outcome for every file and face, for people (CSV) and programs (JSON)."""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from graphgan.anonymize._faces import KEPT, NOT_THERE, OVERLOOKED, Face
from graphgan.files import replacing

Status = Literal["anonymized", "copied", "no face", "failed", "left out"]

_COLUMNS: tuple[str, ...] = (
    *("file", "status", "page", "frames", "left", "top", "right", "bottom"),
    *("method", "condition", "distance", "tries", "reason", "remarks", "error"),
)


@dataclass(frozen=True)
class FileReport:
    """The outcome for one file.

    Args:
        name: relative to the input.
        status: "anonymized"; "copied" without a face, on request; "no face" and not copied;
            "failed" or "left out", with the error.
        kind: photo or video.
        faces: of every page of a photo, or one for every track of a video or an animation.
        frames: how many pages a photo or frames a video has.
        covered: first and last frame in which each face was replaced; in a photo its page.
        seconds: how long it took.
        notes: further facts, such as a second image that was dropped.
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
        """Whether a result was written."""
        return self.status in ("anonymized", "copied")

    def as_json(self) -> dict[str, Any]:
        """Plain, rounded values."""
        content: dict[str, Any] = dict(vars(self))
        content["seconds"] = round(self.seconds, 3)
        content["faces"] = [_face_as_json(face) for face in self.faces]
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "FileReport":
        """The report that `as_json` converted.

        Raises:
            ValueError: the values are not a report.
        """
        try:
            faces = tuple(_face_from_json(face) for face in content["faces"])
            covered = tuple((int(first), int(last)) for first, last in content["covered"])
            told = {key: tuple(content[key]) for key in ("notes", "warnings")}
            return cls(**{**content, **told, "faces": faces, "covered": covered})
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
    """Write reports as JSON, and as a table (.csv) beside it with a row for each face.

    Args:
        path: ends with .json.
        files: the reports in order.
        about: what holds for all of them.
    """
    head = json.dumps({"about": about, "counts": count_statuses(files)}, indent=1)
    with replacing(path) as temporary, temporary.open("w", encoding="ascii") as stream:
        stream.write(f'{head[:-2]},\n "files": [')
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
        what = [plain[key] for key in ("method", "condition", "distance", "tries")]
        where = [first, last - first + 1, *plain["box"]]
        why = [face.reason or "", "; ".join(face.remarks), file.error]
        rows.append([file.name, file.status, *where, *what, *why])
    return rows


def count_statuses(files: Sequence[FileReport]) -> dict[str, int]:
    """Count files by status, and the faces that were replaced and kept in written files."""
    statuses = Counter(file.status for file in files)
    faces = [face for file in files if file.is_written for face in file.faces]
    kept = sum(face.method == KEPT for face in faces)
    nowhere = sum(NOT_THERE in face.remarks for face in faces)
    return {
        **{status: statuses[status] for status in get_args(Status)},
        "faces replaced": len(faces) - kept - nowhere,
        "faces kept": kept,
        "faces overlooked at first": sum(OVERLOOKED in face.remarks for face in faces),
        "boxes without a face": nowhere,
    }
