"""Anonymize video files and streams."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from jaxtyping import UInt8
from torch import Tensor

from graphgan.anonymize._anonymizer import Anonymizer
from graphgan.anonymize._report import FileReport
from graphgan.anonymize.video._clips import Clip, ClipFrame
from graphgan.anonymize.video._live import LiveClip
from graphgan.anonymize.video._reading import Video, open_video
from graphgan.anonymize.video._streams import Camera, open_stream
from graphgan.anonymize.video._writing import SoundPlan, check_writable, write_frames, write_video

_VOICE = "the sound was kept: voices identify people"


def anonymize_video(
    anonymizer: Anonymizer,
    source: str | Path,
    target: str | Path,
    *,
    name: str,
    audio: Literal["keep", "drop"] = "keep",
    copy_unmatched: bool = False,
    allow_damaged: bool = False,
    on_frame: Callable[[str], None] = lambda step: None,
) -> FileReport:
    """Replace the faces of a video file, each by one person from the first frame to the last.

    Args:
        anonymizer: replaces the faces.
        source: the file.
        target: where the result goes, complete or not at all.
        name: of the file in the report; conditions depend on it.
        audio: whether to keep the sound.
        copy_unmatched: whether to write a video without a face.
        allow_damaged: whether to process the readable part of a damaged video, see `open_video`.
        on_frame: called with the name of the pass after every frame, for a progress bar.
    Returns:
        The outcome, without the seconds. If no face was found: "no face" and nothing is written, or
        "copied".
    Raises:
        ValueError, OSError: the video cannot be read or written.
    """
    video = open_video(source, allow_damaged=allow_damaged)
    sound_plan = check_writable(video, audio=audio)

    def shown() -> Iterator[ClipFrame]:
        for frame in video.frames():
            yield ClipFrame(frame.image, frame.time)

    clip = Clip(anonymizer, shown, key=name, on_frame=on_frame)
    written = clip.found or copy_unmatched
    if written:
        write_video(target, video, clip.images(), audio=audio)
    return _report(name, video, clip, written, sound_plan)


class _NoFaceError(Exception):
    """No face was found, so nothing is written."""


def anonymize_stream(
    anonymizer: Anonymizer,
    source: int | Camera,
    target: str | Path,
    *,
    name: str = "-",
    audio: Literal["keep", "drop"] = "keep",
    copy_unmatched: bool = False,
    on_frame: Callable[[str], None] = lambda step: None,
    stopped: Callable[[], bool] = lambda: False,
) -> FileReport:
    """Replace the faces of a stream while it arrives, and write it as Matroska.

    Args:
        anonymizer: replaces the faces.
        source: see `open_stream`.
        target: where the result goes, complete or not at all.
        name, audio, copy_unmatched, on_frame: see `anonymize_video`.
        stopped: whether to end the stream now; the result is what arrived before.
    Returns:
        The outcome, as in `anonymize_video`.
    Raises:
        ValueError, OSError: it cannot be read or written.
        KeyboardInterrupt: the stream was stopped before its first frame.
    """
    with open_stream(source, name=name, sound=audio == "keep", stopped=stopped) as stream:
        video = stream.video
        sound_plan = check_writable(video, sound=stream.sound)
        shown = (ClipFrame(frame.image, frame.time) for frame in stream.frames())
        clip = LiveClip(anonymizer, shown, key=name, on_frame=on_frame)

        def images() -> Iterator[UInt8[Tensor, "3 h w"]]:
            yield from clip.images()
            if not (clip.found or copy_unmatched):
                raise _NoFaceError

        with contextlib.suppress(_NoFaceError):
            write_frames(target, video, stream.timeline, images(), stream.sound)
        return _report(name, video, clip, clip.found or copy_unmatched, sound_plan)


def _report(
    name: str, video: Video, clip: Clip | LiveClip, written: bool, sound_plan: SoundPlan
) -> FileReport:
    notes = list(video.notes)
    if video.has_audio and written:
        notes.append(_VOICE if sound_plan.tracks else "the sound was dropped")
    notes += [
        f"face {number}: {tracked.estimated} of {tracked.frames} frames by its neighbors in time"
        for number, tracked in enumerate(clip.faces)
        if tracked.estimated
    ]
    return FileReport(
        name,
        "anonymized" if clip.found else "copied" if written else "no face",
        "video",
        tuple(tracked.face for tracked in clip.faces),
        clip.num_frames,
        tuple((tracked.first, tracked.last) for tracked in clip.faces),
        notes=tuple(notes),
        warnings=(
            *(f"damaged: {what}" for what in video.damage),
            *(sound_plan.notes if written else ()),
        ),
    )
