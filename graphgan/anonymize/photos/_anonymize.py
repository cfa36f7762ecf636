"""Anonymize photo files: all pages of a document, all frames of an animation."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from graphgan.anonymize._anonymizer import Anonymizer
from graphgan.anonymize._faces import Face
from graphgan.anonymize._report import FileReport
from graphgan.anonymize.photos._photo import Frame, Photo
from graphgan.anonymize.photos._reading import read_photo
from graphgan.anonymize.photos._writing import write_photo
from graphgan.anonymize.video._clips import Clip, ClipFrame

# Milliseconds: browsers take frames of no longer than the first for frames of the second.
_TOO_SHORT, _INSTEAD = 10.0, 100.0


def anonymize_photo(
    anonymizer: Anonymizer,
    source: str | Path,
    target: str | Path,
    *,
    name: str,
    copy_unmatched: bool = False,
) -> FileReport:
    """Replace the faces of a photo file; only pixels of the original go into the result.

    Pages are separate photos. The frames of an animation are a clip, whose faces are tracked.

    Args:
        anonymizer: replaces the faces.
        source: the file.
        target: where the result goes, complete or not at all.
        name: of the file in the report; conditions depend on it.
        copy_unmatched: whether to write a photo without any face.
    Returns:
        The outcome, without the seconds. If no face was found: "no face" and nothing is written, or
        "copied".
    Raises:
        ValueError, OSError: the photo cannot be read or written.
    """
    photo = read_photo(source)
    done = replaced_frames(anonymizer, photo, name)
    report = FileReport(
        name,
        "anonymized" if done.faces else "copied" if copy_unmatched else "no face",
        "photo",
        tuple(done.faces),
        len(done.frames),
        tuple(done.covered),
        notes=(*photo.notes, *done.notes),
    )
    if report.status != "no face":
        write_photo(target, replace(photo, frames=tuple(done.frames)))
    return report


class ReplacedFrames(NamedTuple):
    """The frames of a photo with their faces replaced.

    Args:
        frames: new frames.
        faces: of every page, or one for each track of an animation.
        covered: first and last frame in which each face was replaced.
        unmatched: numbers of frames without a face; of an animation all or none.
    """

    frames: list[Frame]
    faces: list[Face]
    covered: list[tuple[int, int]]
    unmatched: list[int]

    @property
    def notes(self) -> tuple[str, ...]:
        """Which pages have no face, if others have one."""
        if not self.faces or not self.unmatched:
            return ()
        pages = ", ".join(str(number + 1) for number in self.unmatched)
        plural = "s" * (len(self.unmatched) > 1)
        return (f"no face found on page{plural} {pages} of {len(self.frames)}",)


def replaced_frames(anonymizer: Anonymizer, photo: Photo, key: str) -> ReplacedFrames:
    """Replace the faces of pages one by one, or those of an animation as in a clip."""
    return (_animation if photo.is_animation else _pages)(anonymizer, photo, key)


def _pages(anonymizer: Anonymizer, photo: Photo, name: str) -> ReplacedFrames:
    frames, faces, covered, unmatched = [], [], [], []
    for number, frame in enumerate(photo.frames):
        key = name if len(photo.frames) == 1 else f"{name}#{number}"
        result = anonymizer(frame.rgb(), key=key)
        frames.append(frame.with_rgb(result.image, result.changed))
        faces += result.faces
        covered += [(number, number)] * len(result.faces)
        if not result.faces:
            unmatched.append(number)
    return ReplacedFrames(frames, faces, covered, unmatched)


def _animation(anonymizer: Anonymizer, photo: Photo, name: str) -> ReplacedFrames:
    def shown() -> Iterator[ClipFrame]:
        time = 0.0
        for frame in photo.frames:
            yield ClipFrame(frame.rgb(), time / 1000)
            duration = frame.duration or 0.0
            time += duration if duration > _TOO_SHORT else _INSTEAD

    clip = Clip(anonymizer, shown, key=name)
    frames = [
        frame.with_rgb(image, (image != frame.rgb()).any(0, keepdim=True))
        for frame, image in zip(photo.frames, clip.images(), strict=True)
    ]
    covered = [(tracked.first, tracked.last) for tracked in clip.faces]
    everywhere = list(range(len(frames)))
    faces = [tracked.face for tracked in clip.faces]
    return ReplacedFrames(frames, faces, covered, [] if clip.found else everywhere)
