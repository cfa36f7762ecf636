import errno
import tempfile
import weakref
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from full_disk import files_up_to
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from video_metadata import video_metadata
from video_samples import (
    KINDS,
    SECRET,
    SIZE,
    frame_of,
    number_of,
    picture,
    planes_of,
    write_camera_recording,
    write_kind,
    write_sample,
)

from graphgan.anonymize.video import _writing as writing
from graphgan.anonymize.video._reading import Video, open_video
from graphgan.anonymize.video._sound import xiph_packets
from graphgan.anonymize.video._writing import check_writable, write_video

MILLISECOND = Fraction(1, 1000)


def images_of(video: Video) -> Iterator[Tensor]:
    return (frame.image for frame in video.frames())


def written(path: Path, **options: object) -> Video:
    """The video of a file whose frames were written as they were."""
    video = open_video(path)
    copy = path.with_name(f"written.{video.container}")
    write_video(copy, video, images_of(video), **options)
    assert video_metadata(copy) == []
    return open_video(copy)


def sound_of(path: Path) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(container.streams.audio) if p.size]
        return [(p.pts * p.time_base, bytes(p)) for p in packets]


def codec_of(video: Video) -> str:
    with av.open(str(video.path)) as container:
        return container.streams.video[0].codec_context.name


def times_of(video: Video) -> list[Fraction]:
    return [frame.exact_time for frame in video.frames()]


@pytest.mark.parametrize("kind", KINDS)
def test_frames_times_and_sound_of_every_kind_are_kept(tmp_path, kind):
    path, _ = write_kind(tmp_path, kind)
    source, copy = open_video(path), written(path)
    assert copy.container == source.container == KINDS[kind].written_as
    assert codec_of(copy) == ("vp9" if kind == "webm" else "h264")
    frames = list(zip(source.frames(), copy.frames(), strict=True))
    assert [number_of(frame.image) for _, frame in frames] == list(range(10))
    exact = kind in ("mp4", "m4v", "mov", "mkv", "webm")
    for before, after in frames:
        off = abs(before.exact_time - after.exact_time)
        assert off == 0 if exact else off <= MILLISECOND / 2
        assert (before.image.int() - after.image.int()).abs().float().mean() < 4
    if exact and kind != "webm":
        assert copy.time_base == source.time_base
    before, after = sound_of(path), sound_of(copy.path)
    shift = source.start
    if kind == "mov":  # demuxers cut PCM where they like
        before, after = ([(s[0][0], b"".join(data for _, data in s))] for s in (before, after))
    assert len(after) == len(before) > 0
    for (time, _), (time_after, _) in zip(before, after, strict=True):
        assert abs(time - shift - time_after) <= (0 if exact else MILLISECOND)
    if kind != "ts":  # whose AAC packets have headers of their own
        assert [data for _, data in after] == [data for _, data in before]


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p"])
@pytest.mark.parametrize("matrix", [1, 2, 5, 6])
def test_what_is_not_changed_keeps_its_colors_to_the_bit(tmp_path, matrix, pixel_format):
    full = pixel_format == "yuvj420p"
    path = write_sample(
        tmp_path / "a.mp4",
        pixel_format=pixel_format,
        options={"qp": "0"},
        colorspace=matrix,
        color_range=2 if full else 1,
        color_primaries=1,
        color_trc=6,
    )
    copy = written(path, crf=0)
    with av.open(str(path)) as before, av.open(str(copy.path)) as after:
        for one, other in zip(before.decode(video=0), after.decode(video=0), strict=True):
            y, other_y = planes_of(one).astype(int), planes_of(other).astype(int)
            assert np.array_equal(y[0], other_y[0])
            assert np.abs(y - other_y).max() <= full  # swscale rounds full chroma down
            for name in ("colorspace", "color_range", "color_primaries", "color_trc"):
                assert getattr(one, name) == getattr(other, name)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "webm"])
def test_frames_given_are_frames_written(tmp_path, kind):
    path, _ = write_kind(tmp_path, kind)
    video = open_video(path)
    given = [picture(19 - number) for number in range(10)]
    write_video(tmp_path / "b", video, given)
    back = list(open_video(tmp_path / "b").frames())
    assert [number_of(frame.image) for frame in back] == list(range(19, 9, -1))


@pytest.mark.parametrize("size", [(47, 64), (48, 63), (33, 35)])
@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_odd_sizes_stay_whole(tmp_path, suffix, size):
    codec, pixels = ("libvpx", "yuv420p") if suffix == "webm" else ("libx264", "yuv444p")
    path = write_sample(tmp_path / f"a.{suffix}", codec=codec, size=size, pixel_format=pixels)
    copy = written(path)
    assert copy.size == size
    for before, after in zip(open_video(path).frames(), copy.frames(), strict=True):
        assert after.image.shape == (3, *size)
        assert (before.image.int() - after.image.int()).abs().float().mean() < 5


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize(
    ("first", "sound_first"),
    [(Fraction(1), Fraction(0)), (Fraction(1, 8), Fraction(1, 2)), (Fraction(0), Fraction(1, 2))],
)
def test_sound_stays_beside_the_picture(tmp_path, suffix, first, sound_first):
    unit = Fraction(1, 1000)
    path = write_sample(
        tmp_path / f"a.{suffix}",
        times=[int(first / unit) + 40 * i for i in range(10)],
        time_base=unit,
        sound="aac",
        sound_start=sound_first,
    )
    copy = written(path)
    assert times_of(copy) == times_of(open_video(path))
    assert [time for time, _ in sound_of(copy.path)] == [time for time, _ in sound_of(path)]


@given(
    steps=st.lists(st.integers(1, 3000), min_size=1, max_size=8),
    start=st.integers(0, 5000),
    suffix=st.sampled_from(["mp4", "mkv"]),
    frames_between=st.integers(0, 3),
)
def test_any_frame_rate_is_kept(steps, start, suffix, frames_between):
    times = [start + sum(steps[:i]) for i in range(len(steps) + 1)]
    unit = Fraction(1, 1000) if suffix == "mkv" else Fraction(1, 15360)
    with tempfile.TemporaryDirectory() as folder:
        path = write_sample(
            Path(folder) / f"a.{suffix}",
            times=times,
            time_base=unit,
            options={"bf": str(frames_between)},
            container_options={"movie_timescale": "15360"} if suffix == "mp4" else {},
        )
        copy = written(path)
        assert times_of(copy) == times_of(open_video(path)) == [time * unit for time in times]


@pytest.mark.parametrize("quarters", range(4))
def test_a_rotation_is_in_the_pixels_and_nowhere_else(tmp_path, quarters):
    path = write_sample(
        tmp_path / "a.mp4",
        rotation=90 * quarters,
        options={"qp": "0"},
        sample_aspect_ratio=Fraction(4, 3),
    )
    copy = written(path, crf=0)
    assert copy.orientation == (False, False, False)
    assert copy.pixel_aspect == (Fraction(4, 3) if quarters % 2 == 0 else Fraction(3, 4))
    for before, after in zip(open_video(path).frames(), copy.frames(), strict=True):
        assert torch.equal(before.image, after.image)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_nothing_else_of_the_source_is_written(tmp_path, suffix):
    path = write_sample(
        tmp_path / f"a.{suffix}", sound="aac", secrets=True, cover=suffix != "mov", rotation=90
    )
    assert SECRET.encode() in path.read_bytes()
    copy = written(path)
    data = copy.path.read_bytes()
    for trace in (SECRET.encode(), b"x264", b"Lavf6", b"\xff\xd8\xff", b"48.85"):
        assert trace not in data
    with av.open(str(copy.path)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    assert len(open_video(path).notes) >= 2


def test_comments_in_vorbis_sound_are_left_out(tmp_path):
    plain = write_sample(
        tmp_path / "plain.mkv", sound="vorbis", layout="stereo", sound_options={"strict": "-2"}
    )
    path = tmp_path / "a.mkv"
    with av.open(str(plain)) as source, av.open(str(path), "w") as out:
        copies = [out.add_stream_from_template(s, opaque=True) for s in source.streams]
        first, _, third = xiph_packets(copies[1].codec_context.extradata)
        vendor = b"\x03vorbis\4\0\0\0Anna" + bytes(4) + b"\1"
        headers = b"\x02" + bytes([len(first), len(vendor)]) + first + vendor + third
        copies[1].codec_context.extradata = headers
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                out.mux(packet)
    assert "comments in the sound" in video_metadata(path)
    copy = written(path)
    assert b"Anna" in path.read_bytes() and b"Anna" not in copy.path.read_bytes()
    with av.open(str(path)) as before, av.open(str(copy.path)) as after:
        for one, other in zip(before.decode(audio=0), after.decode(audio=0), strict=True):
            assert np.array_equal(one.to_ndarray(), other.to_ndarray())


def test_all_sound_tracks_are_kept(tmp_path):
    path = write_sample(tmp_path / "a.mkv", sound=("aac", "flac"))
    assert written(path).audio_codecs == ("aac", "flac")


def adpcm_avi(path: Path) -> Path:
    return write_sample(path, codec="mpeg4", sound="adpcm_ms")


def latm_ts(path: Path) -> Path:
    times, options = [3600 * i for i in range(20)], {"mpegts_flags": "latm"}
    return write_sample(
        path, times=times, time_base=Fraction(1, 90000), sound="aac", container_options=options
    )


def flac_webm(path: Path) -> Path:
    data = write_kind(path.parent, "mkv")[0].read_bytes()
    path.write_bytes(data.replace(b"\x88matroska", b"\x88webm\0\0\0\0", 1))
    return path


@pytest.mark.parametrize(
    ("name", "make", "codec", "target"),
    [
        ("a.mkv", write_camera_recording, "pcm_mulaw", "AAC"),
        ("b.mkv", partial(write_camera_recording, law=6), "pcm_alaw", "AAC"),
        ("c.avi", adpcm_avi, "adpcm_ms", "AAC"),
        ("d.ts", latm_ts, "aac_latm", "AAC"),
        ("e.webm", flac_webm, "flac", "Opus"),
    ],
)
def test_sound_that_cannot_be_copied_is_compressed_again(tmp_path, name, make, codec, target):
    path = make(tmp_path / name)
    video = open_video(path)
    assert video.audio_codecs == (codec,)
    note = f"a sound track ({codec}) was compressed again as {target}"
    assert check_writable(video) == (1, (note,))
    assert check_writable(video, audio="drop") == (0, ())
    copy = written(path)
    assert copy.audio_codecs == (target.lower(),)
    assert abs(seconds_of_sound(copy.path) - seconds_of_sound(path)) < 0.15  # a packet of AAC
    assert b"Lavc" not in copy.path.read_bytes()


def seconds_of_sound(path: Path) -> float:
    with av.open(str(path)) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


@pytest.mark.parametrize("start", [0, 0.5])
def test_sound_that_is_compressed_again_stays_in_its_place(tmp_path, start):
    """One loud moment in silence, at 0.6 seconds of it."""
    path = tmp_path / "a.avi" if not start else tmp_path / "a.ts"
    codec, sound, container = ("mpeg4", "adpcm_ms", {})
    unit = Fraction(1, 25)
    if start:
        codec, sound, container = ("libx264", "aac", {"mpegts_flags": "latm"})
        unit = Fraction(1, 90000)
    with av.open(str(path), "w", container_options=container) as out:
        stream, tone = out.add_stream(codec, 25), out.add_stream(sound, rate=48000, layout="mono")
        stream.height, stream.width = SIZE
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", unit
        for number in range(25):
            frame = frame_of(picture(number))
            frame.pts, frame.time_base = round((number / 25 + start) / unit), unit
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        for at in range(0, 48000, 960):
            samples = np.zeros((1, 960), np.int16)
            if at == 28800:
                samples[0, :48:2], samples[0, 1:48:2] = 20000, -20000
            frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
            frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
            frame.pts = at + round(start * 48000)
            out.mux(tone.encode(frame))
        out.mux(tone.encode(None))
    assert abs(loudest(written(path).path) - loudest(path)) < 0.005


def loudest(path: Path) -> float:
    """When a file's sound is loudest, after its first frame."""
    best = (0.0, 0.0)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            values = np.abs(frame.to_ndarray().astype(float).ravel())
            at = values.argmax()
            best = max(best, (values[at] / np.iinfo(np.int16).max, float(frame.time) + at / 48000))
    with av.open(str(path)) as container:
        return best[1] - float(next(container.decode(video=0)).time)


def test_tracks_are_judged_one_by_one(tmp_path):
    """As an iPhone's: a second track in a codec that is not known beside AAC."""
    path = write_sample(tmp_path / "a.mp4", sound=("aac", "aac"))
    data = path.read_bytes()
    at, more = data.rindex(b"mp4a" + bytes(6)), data.rindex(b"esds")
    path.write_bytes(data[:at] + b"apac" + data[at + 4 : more] + b"free" + data[more + 4 :])
    video = open_video(path)
    assert video.audio_codecs == ("aac", "unknown")
    note = "a sound track (of an unknown kind) was dropped: it cannot be read"
    assert check_writable(video) == (1, (note,))
    copy = written(path)
    assert copy.audio_codecs == ("aac",) and set(sound_of(copy.path)) <= set(sound_of(path))
    path = write_sample(tmp_path / "b.avi", codec="mpeg4", sound=("mp2", "adpcm_ms"))
    assert written(path).audio_codecs == ("mp2", "aac")


def test_a_missing_encoder_is_said(tmp_path, monkeypatch):
    video = open_video(write_sample(tmp_path / "a.mp4"))
    monkeypatch.setitem(writing._ENCODERS, "mp4", "libnone")
    for attempt in (check_writable, lambda v: write_video(tmp_path / "b.mp4", v, images_of(v))):
        with pytest.raises(ValueError, match="expected PyAV with the encoder libnone"):
            attempt(video)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def nothing_but_the_old_file(folder: Path) -> bool:
    names = sorted(path.name for path in folder.iterdir())
    return names == ["a.mp4", "b.mp4"] and (folder / "b.mp4").read_bytes() == b"old"


@pytest.fixture
def video(tmp_path) -> Video:
    """Of ten frames and sound, in a folder where ``b.mp4`` holds "old"."""
    (tmp_path / "b.mp4").write_bytes(b"old")
    return open_video(write_sample(tmp_path / "a.mp4", sound="aac"))


@pytest.mark.parametrize("count", [0, 9, 11])
def test_refuses_another_number_of_frames(tmp_path, video, count):
    got = "more" if count == 11 else str(count)
    with pytest.raises(ValueError, match=rf"b\.mp4: expected 10 frames, got {got}"):
        write_video(tmp_path / "b.mp4", video, [picture(0)] * count)
    assert nothing_but_the_old_file(tmp_path)


def test_refuses_frames_of_another_size(tmp_path, video):
    with pytest.raises(ValueError, match=r"expected frames 3 \(48, 64\), got \(3, 64, 48\)"):
        write_video(tmp_path / "b.mp4", video, [picture(0, (64, 48))] * 10)
    assert nothing_but_the_old_file(tmp_path)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("no"), ValueError("odd")])
@pytest.mark.parametrize("after", [0, 5, 9])
def test_whatever_happens_no_half_of_a_file_is_left(tmp_path, video, error, after):
    def frames():
        for number, image in enumerate(images_of(video)):
            if number == after:
                raise error
            yield image

    with pytest.raises(type(error)):
        write_video(tmp_path / "b.mp4", video, frames())
    assert nothing_but_the_old_file(tmp_path)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "webm"])
def test_a_full_disk_is_the_machine_s_fault(tmp_path, kind):
    """Whether the first byte has no place or the last one."""
    video = open_video(write_kind(tmp_path, kind)[0])
    out = tmp_path / f"b.{kind}"
    write_video(out, video, images_of(video))
    size = out.stat().st_size
    for limit in (0, 300, size // 2, size - 64):  # files of two goes differ by some bytes
        out.write_bytes(b"old")
        with files_up_to(limit), pytest.raises(OSError, match=out.name) as error:
            write_video(out, video, images_of(video))
        assert error.value.errno == errno.EFBIG and error.value.filename == str(out)
        assert out.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 2
    with files_up_to(2 * size):  # of MP4, the index is put first in a second go
        write_video(out, video, images_of(video))


def test_a_muxer_that_leaves_something_is_found_out(tmp_path, video, monkeypatch):
    monkeypatch.setattr(writing, "_BITEXACT", 0)
    message = r"b\.mp4: expected only frames and .* got \['metadata encoder'"
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / "b.mp4", video, images_of(video))
    assert nothing_but_the_old_file(tmp_path)


def test_frames_that_get_lost_are_found_out(tmp_path, video, monkeypatch):
    cleaner = writing._cleaner

    def one_less(stream):
        clean = cleaner(stream)
        return lambda p: clean(p) if p is None or p.pts < 9 * 512 else []

    monkeypatch.setattr(writing, "_cleaner", one_less)
    with pytest.raises(ValueError, match=r"b\.mp4: expected 10 frames to be written, got 9"):
        write_video(tmp_path / "b.mp4", video, images_of(video))
    assert nothing_but_the_old_file(tmp_path)


def test_no_more_frames_are_held_than_the_encoder_looks_ahead(tmp_path):
    video = open_video(write_sample(tmp_path / "a.mp4", times=range(80)))
    alive, most = weakref.WeakSet(), 0

    def frames():
        nonlocal most
        for frame in video.frames():
            alive.add(frame.image)
            most = max(most, len(alive))
            yield frame.image

    write_video(tmp_path / "b.mp4", video, frames())
    assert most <= 3


@pytest.mark.parametrize("options", [{"crf": -1}, {"crf": 52}])
def test_refuses_options_out_of_range(tmp_path, video, options):
    with pytest.raises(ValueError, match="expected a crf of 0 to 51, got"):
        write_video(tmp_path / "b.mp4", video, images_of(video), **options)


@pytest.mark.unhooked
def test_refuses_sound_that_is_neither_kept_nor_dropped(tmp_path, video):
    with pytest.raises(ValueError, match="expected audio 'keep' or 'drop', got 'mute'"):
        write_video(tmp_path / "b.mp4", video, images_of(video), audio="mute")


@pytest.mark.parametrize(
    ("codec", "pixel_format"),
    [("ffv1", "gray"), ("libx264rgb", "rgb24"), ("qtrle", "rgb24"), ("libx264", "yuv422p")],
)
def test_other_pixels_become_4_2_0_in_their_colors(tmp_path, codec, pixel_format):
    rgb = torch.full((3, *SIZE), 90, dtype=torch.uint8)
    rgb[:, :, 32:] = torch.tensor([60, 120, 180], dtype=torch.uint8)[:, None, None]
    path = write_sample(
        tmp_path / ("a.mov" if codec == "qtrle" else "a.mkv"),
        codec=codec,
        pixel_format=pixel_format,
        images=[rgb] * 3,
        times=range(3),
        options={"qp": "0"} if codec.startswith("libx264") else {},
    )
    copy = written(path, crf=0)
    for before, after in zip(open_video(path).frames(), copy.frames(), strict=True):
        if pixel_format != "gray":
            assert (before.image.int() - rgb.int()).abs().max() <= 3
        assert (after.image.int() - before.image.int()).abs().max() <= 3
