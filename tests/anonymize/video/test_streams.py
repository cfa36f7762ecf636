"""Real streams through real pipes; FFmpeg's own pictures stand in for a camera."""

import os
import threading
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
import torch
from video_metadata import video_metadata
from video_samples import KINDS, number_of, write_kind, write_sample

from graphgan.anonymize.video import _streams as streams
from graphgan.anonymize.video._reading import open_video
from graphgan.anonymize.video._streams import Camera, live_source, open_stream
from graphgan.anonymize.video._writing import check_writable, write_frames

CAMERA = Camera("lavfi", "testsrc=size=64x48:rate=25")


class Piped:
    """A pipe into which somebody writes."""

    def __init__(self, content: bytes, *, ends: bool = True) -> None:
        self.reads, self._writes = os.pipe()
        self._ends = ends
        self._thread = threading.Thread(target=self._write, args=(content,))
        self._thread.start()

    def _write(self, content: bytes) -> None:
        try:
            with os.fdopen(os.dup(self._writes), "wb") as end:
                end.write(content)
        except BrokenPipeError:
            pass
        if self._ends:
            os.close(self._writes)

    def close(self) -> None:
        os.close(self.reads)
        self._thread.join()
        if not self._ends:
            os.close(self._writes)


@pytest.fixture
def pipe():
    pipes = []

    def pipe(content: bytes | Path, **options: bool) -> int:
        content = content if isinstance(content, bytes) else content.read_bytes()
        pipes.append(Piped(content, **options))
        return pipes[-1].reads

    yield pipe
    for one in pipes:
        one.close()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("mp4", "m4v", "mov")])
def test_frames_are_those_of_the_file(pipe, tmp_path, kind):
    path, _ = write_kind(tmp_path, kind)
    expected = list(open_video(path).frames())
    with open_stream(pipe(path)) as stream:
        got = list(stream.frames())
    for ours, theirs in zip(got, expected, strict=True):
        assert torch.equal(ours.image, theirs.image)
        assert ours.exact_time - got[0].exact_time == theirs.exact_time - expected[0].exact_time
    assert len(stream.timeline.pts) == len(expected)


@pytest.mark.parametrize("kind", ["mkv", "ts", "webm"])
def test_frames_and_sound_are_written_with_their_times(pipe, tmp_path, kind):
    path, _ = write_kind(tmp_path, kind, secrets=kind == "mkv")
    out = tmp_path / "out.mkv"
    with open_stream(pipe(path)) as stream:
        check_writable(stream.video, sound=stream.sound)
        images = (frame.image for frame in stream.frames())
        write_frames(out, stream.video, stream.timeline, images, stream.sound)
    assert video_metadata(out) == []
    assert [number_of(f.image) for f in open_video(out).frames()] == list(range(10))
    apart = [packets_of(p, "video")[0][0] - packets_of(p, "audio")[0][0] for p in (path, out)]
    assert abs(apart[0] - apart[1]) <= 0.002
    mine, theirs = (packets_of(p, "audio") for p in (out, path))
    assert len(mine) == len(theirs)
    for ours, given in zip(mine, theirs, strict=True):
        assert abs(ours[0] - mine[0][0] - given[0] + theirs[0][0]) <= 0.002
        assert ours[1] == given[1] - (7 if kind == "ts" else 0)  # AAC has a header there


def packets_of(path, kind):
    """Time in seconds and bytes of each."""
    with av.open(str(path)) as file:
        packets = [p for p in file.demux(**{kind: 0}) if p.size]
        return sorted((float(p.pts * p.time_base), len(bytes(p))) for p in packets)


def test_sound_is_not_read_where_it_is_not_wanted(pipe, tmp_path):
    path, _ = write_kind(tmp_path, "mkv")
    with open_stream(pipe(path), sound=False) as stream:
        list(stream.frames())
        with stream.sound(None) as tracks:
            assert tracks is None


def test_mp4_in_fragments_is_read_and_one_with_its_index_at_the_end_refused(pipe, tmp_path):
    options = {"movflags": "frag_keyframe+empty_moov"}
    path = write_sample(tmp_path / "a.mp4", container_options=options, sound="aac")
    with open_stream(pipe(path)) as stream:
        assert [number_of(frame.image) for frame in stream.frames()] == list(range(10))
    noise = [torch.randint(256, (3, 240, 320), dtype=torch.uint8) for _ in range(10)]
    path = write_sample(tmp_path / "b.mp4", size=(240, 320), images=noise)
    with pytest.raises(ValueError, match=r"^-: .*index must come first"), open_stream(pipe(path)):
        pass


@pytest.mark.parametrize("content", [b"", b"no video", b"\x1a\x45\xdf\xa3 no more"])
def test_what_is_no_video_is_one_line(pipe, content):
    with (
        pytest.raises(ValueError, match=r"^-: not a video that can be read"),
        open_stream(pipe(content)),
    ):
        pass


def test_a_stream_that_breaks_off_gives_what_came(pipe, tmp_path):
    path, _ = write_kind(tmp_path, "mkv")
    content = path.read_bytes()
    with open_stream(pipe(content[: len(content) * 2 // 3])) as stream:
        got = [number_of(frame.image) for frame in stream.frames()]
    assert 0 < len(got) < 10 and got == list(range(len(got)))


def test_a_stream_that_falls_silent_can_be_stopped(pipe, tmp_path):
    path, _ = write_kind(tmp_path, "mkv")
    stop, got = threading.Event(), []
    timer = threading.Timer(0.3, stop.set)
    with open_stream(pipe(path, ends=False), stopped=stop.is_set) as stream:
        for frame in stream.frames():
            got.append(number_of(frame.image))
            if len(got) == 3:
                timer.start()
    timer.join()
    assert len(got) >= 3 and got == list(range(len(got)))


def test_a_stream_that_is_stopped_before_its_first_frame_is_interrupted(pipe):
    with pytest.raises(KeyboardInterrupt), open_stream(pipe(b"", ends=False), stopped=lambda: True):
        pass


def test_a_camera_ends_when_it_is_stopped_and_keeps_what_came(tmp_path):
    count = 0
    out = tmp_path / "out.mkv"
    with open_stream(CAMERA, stopped=lambda: count >= 12) as stream:

        def images():
            nonlocal count
            for frame in stream.frames():
                count += 1
                yield frame.image

        write_frames(out, stream.video, stream.timeline, images(), stream.sound)
    times = [frame.exact_time for frame in open_video(out).frames()]
    assert 12 <= len(times) < 40 and times[0] == 0
    assert all(b - a == Fraction(1, 25) for a, b in pairwise(times))


def test_a_stream_joined_late_begins_at_0(pipe, tmp_path):
    times = [3_600_000 + 40 * i for i in range(10)]
    path = write_sample(tmp_path / "a.mkv", times=times, time_base=Fraction(1, 1000))
    with open_stream(pipe(path)) as stream:
        assert [frame.exact_time * 25 for frame in stream.frames()] == list(range(10))


def test_a_machine_without_a_camera_says_so(monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setattr(streams.sys, "stdin", Terminal())
    monkeypatch.setattr(streams, "_cameras", lambda device: [])
    with pytest.raises(ValueError, match="standard input or a camera, found neither"):
        live_source()
    monkeypatch.setattr(streams, "_cameras", lambda device: ["one", "two"])
    assert live_source().name.endswith("one")
    monkeypatch.setattr(streams.sys, "stdin", None)
    with pytest.raises(ValueError, match="on standard input, got none"):
        live_source()


def test_a_camera_that_cannot_be_opened_is_one_line():
    nothing = Camera("v4l2", "/dev/null")
    with pytest.raises(ValueError, match=r"^-: cannot be read as a video: "), open_stream(nothing):
        pass
