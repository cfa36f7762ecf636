"""What a file is, by its content: a photo, a video, or neither; by its name if it is damaged."""

import os
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from graphgan.anonymize.photos._formats import SUFFIXES, read_kind
from graphgan.anonymize.video import _demuxing
from graphgan.extras import MissingExtraError

Kind = Literal["photo", "video", "stream"]

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".tif", ".tiff"}
    | {".bmp"}
)
"""Of photos that are written as what they are."""

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".3gp", ".3g2", ".avi", ".ts", ".mts", ".m2ts"}
    | {".mpg", ".mpeg", ".flv", ".wmv", ".asf", ".ogv"}
)

_MATROSKA = ".mkv"  # of videos in containers that are not written
_FITTING = {fitting[0] for fitting in _demuxing.SUFFIXES.values()}

RESULT_SUFFIXES = tuple(sorted({*SUFFIXES.values(), *_FITTING, _MATROSKA}))
"""Of results in another format than their sources' names say."""

_LONGEST = 255  # bytes of a name on most disks


class FileKind(NamedTuple):
    """What a file is.

    Args:
        kind: "photo" or "video".
        suffix: of its result, where that is of another format; None where the name can stay.
    """

    kind: Kind
    suffix: str | None = None

    def result_name(self, name: str) -> str:
        """The name of the result, cut where another suffix would make it too long for a disk.

        Example:
            >>> FileKind("photo", ".jpg").result_name("day 1/a.HEIC")
            'day 1/a.jpg'
        """
        if self.suffix is None:
            return name
        path = PurePosixPath(name)
        stem = path.name.removesuffix(path.suffix)
        while len(os.fsencode(stem + self.suffix)) > _LONGEST:
            stem = stem[:-1]
        return str(path.with_name(stem + self.suffix))


def file_kind(path: Path) -> FileKind | None:
    """What a file is by its first bytes; by its suffix where they are damaged or cannot be read.

    Args:
        path: of a file.
    Returns:
        None for what is neither a photo nor a video by content and name.
    """
    try:
        if (suffix := read_kind(path)) is not None:
            return FileKind("photo", suffix or None)
        return FileKind("video", _video_suffix(path))
    except (ValueError, OSError, MissingExtraError):
        return _by_suffix(path.suffix.lower())


def _by_suffix(suffix: str) -> FileKind | None:
    if suffix in PHOTO_SUFFIXES:
        return FileKind("photo")
    if suffix not in VIDEO_SUFFIXES:
        return None
    fits = any(suffix in fitting for fitting in _demuxing.SUFFIXES.values())
    return FileKind("video", None if fits else _MATROSKA)


def _video_suffix(path: Path) -> str | None:
    """Of the result, None where the source's own fits.

    Raises:
        ValueError: it is no video.
    """
    with _demuxing.opened(path) as container:
        _demuxing.main_stream(container)
        kind = _demuxing.kind_of(container, path)
    if kind is None:
        return _MATROSKA
    fitting = _demuxing.SUFFIXES[kind]
    return None if path.suffix.lower() in fitting else fitting[0]
