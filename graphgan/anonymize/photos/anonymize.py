"""A photo file anonymised: every page of it, or every frame."""

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

_SHORTEST = 10.0  # milliseconds: what browsers make of frames without a duration is longer


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
        copy_unmatched: whether a photo, or a page, without a face is written all the same.
    Returns:
        What became of it, without the seconds; where no face was found, "no face" and nothing was
        written, or "copied".
    Raises:
        ValueError, OSError: the photo cannot be read or written.
    """
    photo = read_photo(source)
    frames, faces, covered, unmatched = replaced_frames(anonymizer, photo, name)
    notes = photo.notes
    if unmatched and len(photo.frames) > 1:
        notes = (*notes, f"no face found on pages {', '.join(map(str, unmatched))}")
    report = FileReport(
        name, "anonymised", "photo", tuple(faces), len(frames), tuple(covered), notes=notes
    )
    if unmatched and not copy_unmatched:
        return replace(report, status="no face")
    write_photo(target, replace(photo, frames=tuple(frames)))
    return replace(report, status="anonymised" if faces else "copied")


class ReplacedFrames(NamedTuple):
    """The frames of a photo with their faces replaced.

    Args:
        frames: all of them, new.
        faces: of each page, or one for each track of an animation.
        covered: of each face the first and the last frame in which it was replaced.
        unmatched: numbers of the frames that must not be let go, since no face was found.
    """

    frames: list[Frame]
    faces: list[Face]
    covered: list[tuple[int, int]]
    unmatched: list[int]


def replaced_frames(anonymizer: Anonymizer, photo: Photo, key: str) -> ReplacedFrames:
    """Replace the faces of pages one by one, those of an animation's frames as of a clip.

    Args:
        anonymizer: replaces the faces.
        photo: as it was read.
        key: conditions are drawn by it.
    """
    animated = len(photo.frames) > 1 and any(frame.duration for frame in photo.frames)
    return (_animation if animated else _pages)(anonymizer, photo, key)


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
            time += max(frame.duration or 0.0, _SHORTEST)

    clip = Clip(anonymizer, shown, key=name)
    frames = [
        frame.with_rgb(image, (image != frame.rgb()).any(0, keepdim=True))
        for frame, image in zip(photo.frames, clip.images(), strict=True)
    ]
    covered = [(tracked.first, tracked.last) for tracked in clip.faces]
    everywhere = list(range(len(frames)))
    faces = [tracked.face for tracked in clip.faces]
    return ReplacedFrames(frames, faces, covered, [] if clip.found else everywhere)
