"""Tell photos, videos and other files apart by content, or by name if they are damaged."""

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
"""Suffixes of photos that keep their format."""

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".3gp", ".3g2", ".avi", ".ts", ".mts", ".m2ts"}
    | {".mpg", ".mpeg", ".flv", ".wmv", ".asf", ".ogv"}
)

_MATROSKA = ".mkv"  # of videos in containers that are not written
_FITTING = {fitting[0] for fitting in _demuxing.SUFFIXES.values()}

RESULT_SUFFIXES = tuple(sorted({*SUFFIXES.values(), *_FITTING, _MATROSKA}))
"""Suffixes of results in another format than the name of the source says."""

_LONGEST = 255  # bytes of a name on most disks


class FileKind(NamedTuple):
    """The kind of a file.

    Args:
        kind: "photo" or "video".
        suffix: of its result, if that has another format; None if the name can stay.
    """

    kind: Kind
    suffix: str | None = None

    def result_name(self, name: str) -> str:
        """The name of the result, shortened if a new suffix makes it too long for a disk.

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
    """Tell by its first bytes what a file is, or by its suffix if they cannot be read.

    Returns:
        None if it is neither a photo nor a video by content and name.
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
    """Suffix of the result; None if that of the source fits.

    Raises:
        ValueError: it is not a video.
    """
    with _demuxing.opened(path) as container:
        _demuxing.main_stream(container)
        kind = _demuxing.kind_of(container, path)
    if kind is None:
        return _MATROSKA
    fitting = _demuxing.SUFFIXES[kind]
    return None if path.suffix.lower() in fitting else fitting[0]
