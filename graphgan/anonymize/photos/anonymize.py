"""A photo file anonymized: every page of it, or every frame."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.faces import Face
from graphgan.anonymize.photos.files import read_photo, write_photo
from graphgan.anonymize.photos.photo import Frame, Photo
from graphgan.anonymize.report import FileReport
from graphgan.anonymize.video.clips import Clip, ClipFrame

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
    """Replace the faces of a photo file; the result has nothing else of the original but pixels.

    Pages are photos of their own; the frames of an animation are a clip, whose faces are tracked.

    Args:
        anonymizer: replaces the faces.
        source: the file.
        target: of the result, in the same format; it is there whole or not at all.
        name: of the file in the report; conditions are drawn by it.
        copy_unmatched: whether a photo without a face on any page is written all the same.
    Returns:
        What became of it, without the seconds; where no face was found, "no face" and nothing was
        written, or "copied".
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
        frames: all of them, new.
        faces: of each page, or one for each track of an animation.
        covered: of each face the first and the last frame in which it was replaced.
        unmatched: numbers of the frames in which no face was found; of an animation all or none.
    """

    frames: list[Frame]
    faces: list[Face]
    covered: list[tuple[int, int]]
    unmatched: list[int]

    @property
    def notes(self) -> tuple[str, ...]:
        """Which pages have no face, where others have one."""
        if not self.faces or not self.unmatched:
            return ()
        pages = ", ".join(str(number + 1) for number in self.unmatched)
        plural = "s" * (len(self.unmatched) > 1)
        return (f"no face found on page{plural} {pages} of {len(self.frames)}",)


def replaced_frames(anonymizer: Anonymizer, photo: Photo, key: str) -> ReplacedFrames:
    """Replace the faces of pages one by one, those of an animation's frames as of a clip.

    Args:
        anonymizer: replaces the faces.
        photo: as it was read.
        key: conditions are drawn by it.
    """
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
