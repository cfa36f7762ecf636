import io
import struct
import weakref
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from video_samples import (
    KINDS,
    SIZE,
    UNEVEN,
    frame_of,
    jpeg,
    number_of,
    picture,
    plain_rgb,
    planes_of,
    tones,
    write_kind,
    write_sample,
)

from graphgan.anonymize.video._reading import open_video

LOSSLESS = {"qp": "0"}


class Pipe:
    """A file that cannot be gone back in."""

    def __init__(self, file: io.BytesIO) -> None:
        self.write = file.write


def images_of(path: Path) -> list[torch.Tensor]:
    return [frame.image for frame in open_video(path).frames()]


@pytest.mark.parametrize("kind", KINDS)
def test_tells_what_a_file_is_and_gives_its_frames_at_their_times(tmp_path, kind):
    path, time_base = write_kind(tmp_path, kind)
    video = open_video(path)
    assert video.size == SIZE and video.has_audio
    assert video.container == KINDS[kind].written_as
    frames = list(video.frames())
    assert [number_of(frame.image) for frame in frames] == list(range(10))
    steps = [frame.exact_time - frames[0].exact_time for frame in frames]
    times = range(10) if kind == "avi" else UNEVEN
    assert steps == [Fraction(number, 25) for number in times]
    assert frames[3].time == float(frames[3].exact_time)
    assert time_base >= video.time_base


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_every_reading_gives_the_same(tmp_path, kind):
    path, _ = write_kind(tmp_path, kind)
    video = open_video(path)
    for first, second in zip(video.frames(), video.frames(), strict=True):
        assert torch.equal(first.image, second.image) and first[1:] == second[1:]


@pytest.mark.parametrize(
    ("container", "quarters", "mirrored"),
    [("mp4", q, m) for q in range(4) for m in (False, True)] + [("mkv", 1, False)],
)
def test_frames_are_upright(tmp_path, container, quarters, mirrored):
    plain = images_of(write_sample(tmp_path / "plain.mp4", options=LOSSLESS, times=range(3)))
    turned = write_sample(
        tmp_path / f"turned.{container}",
        options=LOSSLESS,
        times=range(3),
        rotation=90 * quarters,
        mirrored=mirrored,
    )
    video = open_video(turned)
    assert video.size == (SIZE if quarters % 2 == 0 else SIZE[::-1])
    for image, upright in zip(plain, video.frames(), strict=True):
        expected = torch.rot90(image, quarters, (1, 2))
        expected = expected.flip(2) if mirrored else expected
        assert torch.equal(upright.image, expected)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 5, 6])
def test_colors_follow_the_matrix_and_the_range_of_the_file(tmp_path, matrix, full, pixel_format):
    path = write_sample(
        tmp_path / "a.mkv",
        times=[0],
        options=LOSSLESS,
        pixel_format=pixel_format,
        colorspace=matrix,
        color_range=2 if full else 1,
    )
    with av.open(str(path)) as container:
        planes = planes_of(next(container.decode(video=0)))
    expected = plain_rgb(planes, matrix, full)
    assert np.abs(images_of(path)[0].numpy() - expected).max() <= 1


@pytest.mark.parametrize(("size", "matrix"), [((576, 720), 6), ((578, 64), 1), ((64, 1280), 1)])
def test_a_matrix_that_is_not_named_is_guessed_as_players_do(tmp_path, size, matrix):
    unnamed = write_sample(tmp_path / "a.mp4", size=size, times=[0], options=LOSSLESS)
    assert open_video(unnamed).colors.matrix == matrix
    assert open_video(unnamed).colors.tags[0] == 2


def test_a_frame_at_a_time_is_held(tmp_path):
    alive, most = weakref.WeakSet(), 0
    for frame in open_video(write_sample(tmp_path / "a.mp4", times=range(60))).frames():
        alive.add(frame.image)
        most = max(most, len(alive))
    assert most <= 2


def test_the_stream_that_players_show_is_read(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        streams = []
        for size, default in (((96, 128), False), (SIZE, True)):
            stream = out.add_stream("libx264", 25)
            stream.codec_context.height, stream.codec_context.width = size
            stream.disposition = av.stream.Disposition.default if default else 0
            streams.append((stream, size))
        for stream, size in streams:
            out.mux(stream.encode(frame_of(picture(0, size))))
            out.mux(stream.encode(None))
    video = open_video(tmp_path / "a.mkv")
    assert video.size == SIZE
    assert video.notes == ["1 further video stream dropped"]


def test_clocks_of_transport_streams_begin_at_0(tmp_path):
    day = 20 * 3600 * 90000
    path = write_sample(
        tmp_path / "a.ts", times=[day, day + 3600], time_base=Fraction(1, 90000), sound="aac",
        sound_start=Fraction(day, 90000),
    )  # fmt: skip
    times = [frame.exact_time for frame in open_video(path).frames()]
    assert 0 <= times[0] < Fraction(1, 10)
    assert times[1] - times[0] == Fraction(1, 25)


FASTSTART = {"movflags": "+faststart"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}


def whole_file(folder: Path, kind: str, **options: object) -> Path:
    """Fifty frames and their sound."""
    codec, sound, unit, *_ = KINDS[kind]
    path = folder / f"whole.{kind}"
    times = [int(Fraction(i, 25) / unit) for i in range(50)]
    return write_sample(path, codec=codec, sound=sound, time_base=unit, times=times, **options)


@pytest.mark.parametrize("share", [0.5, 0.75])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("mp4", {"container_options": FASTSTART}),
        ("mp4", {"container_options": FRAGMENTS, "options": {"g": "5"}}),
        ("mkv", {}),
        ("webm", {}),
        ("avi", {}),
        ("flv", {}),
    ],
)
def test_a_file_cut_short_is_refused_unless_it_is_allowed(tmp_path, kind, options, share):
    whole = whole_file(tmp_path, kind, **options).read_bytes()
    path = tmp_path / f"cut.{kind}"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=rf"cut\.{kind}: cut short or damaged: .*--allow-damaged"):
        list(open_video(path).frames())
    video = open_video(path, allow_damaged=True)
    frames = [number_of(frame.image) for frame in video.frames()]
    assert 0 < len(frames) <= 50 and video.damage
    assert frames[:20] == list(range(min(len(frames), 20)))


def test_what_is_missing_is_told(tmp_path):
    whole = whole_file(tmp_path, "mp4", container_options=FASTSTART).read_bytes()
    path = tmp_path / "half.mp4"
    path.write_bytes(whole[: len(whole) * 3 // 4])
    video = open_video(path, allow_damaged=True)
    count = len(list(video.frames()))
    there = f"{len(whole) * 3 // 4:,} of {len(whole):,} bytes are there"
    assert video.damage[0] == there and f"{count / 25:.1f} of 2.0 seconds" in video.damage[-1]


@pytest.mark.parametrize("kind", ["mkv", "webm", "avi", "flv", "mp4"])
def test_what_came_through_a_pipe_promises_nothing_and_is_whole(tmp_path, kind):
    options = FRAGMENTS if kind == "mp4" else {}
    path, piped = whole_file(tmp_path, kind), io.BytesIO()
    name = {"mkv": "matroska"}.get(kind, kind)
    with (
        av.open(str(path)) as source,
        av.open(Pipe(piped), "w", format=name, container_options=options) as out,
    ):
        copies = [out.add_stream_from_template(stream, opaque=True) for stream in source.streams]
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                out.mux(packet)
    path.write_bytes(piped.getvalue())
    video = open_video(path)
    assert len(list(video.frames())) == 50 and video.damage == []


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi", "flv"])
def test_sound_may_go_on_after_the_last_frame(tmp_path, kind):
    codec, sound, *_ = KINDS[kind]
    path = tmp_path / f"a.{kind}"
    with av.open(str(path), "w") as out:
        stream, tone = out.add_stream(codec, 25), out.add_stream(sound, rate=48000, layout="mono")
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(10):
            frame = frame_of(picture(number))
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        for frame in tones(tone, 3.0):
            out.mux(tone.encode(frame))
        out.mux(tone.encode(None))
    video = open_video(path)
    assert len(list(video.frames())) == 10 and video.damage == []


@pytest.mark.parametrize(("seconds", "start"), [(1.0, 0.52), (0.6, 0.0)])
def test_what_an_edit_cuts_off_is_not_missing(tmp_path, seconds, start):
    """As telephones trim: all samples stay, a list says which are shown."""
    path = write_sample(
        tmp_path / "a.mp4", times=range(50), options={"bf": "2", "g": "10", "preset": "fast"}
    )
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 12
    length, first, rate = struct.unpack(">iiI", data[at : at + 12])
    with av.open(str(path)) as container:
        unit = container.streams.video[0].time_base
    data[at : at + 12] = struct.pack(
        ">iiI", int(length * seconds / 2), first + int(start / unit), rate
    )
    path.write_bytes(data)
    video = open_video(path)
    assert 10 < len(list(video.frames())) < 30 and video.damage == []


def test_frames_that_cannot_be_decoded_are_refused_unless_it_is_allowed(tmp_path):
    path = write_sample(tmp_path / "a.mkv", options={"bf": "0"})
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0)]
    data = path.read_bytes()
    damaged = data.replace(packets[5], b"\xff" * len(packets[5]))
    (tmp_path / "damaged.mkv").write_bytes(damaged)
    with pytest.raises(ValueError, match="cut short or damaged: 1 frame cannot be decoded"):
        list(open_video(tmp_path / "damaged.mkv").frames())
    video = open_video(tmp_path / "damaged.mkv", allow_damaged=True)
    assert len(list(video.frames())) == 9
    assert video.damage == ["1 frame cannot be decoded"]


def test_of_broadcasts_damage_is_noted_alone(tmp_path):
    path = write_sample(
        tmp_path / "a.ts", times=[3600 * i for i in range(50)], time_base=Fraction(1, 90000)
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert len(list(open_video(path).frames())) > 10


@pytest.mark.parametrize(
    ("size", "pixel_format", "notes"),
    [
        (SIZE, "yuv444p", ["color written at half the resolution (4:2:0)"]),
        ((47, 63), "yuv444p", []),  # kept, since 4:2:0 has no odd sizes
        (SIZE, "yuv420p", []),
    ],
)
def test_only_what_is_lost_is_noted(tmp_path, size, pixel_format, notes):
    path = write_sample(tmp_path / "a.mp4", size=size, pixel_format=pixel_format)
    assert open_video(path).notes == notes


def test_streams_that_begin_late_do_no_harm(tmp_path):
    data = bytearray(write_kind(tmp_path, "flv")[0].read_bytes())
    data[data.index(b"\x17\0\0\0\0") + 1] = 152  # a kind of packet that there is not
    path = tmp_path / "late.flv"
    path.write_bytes(data)
    with av.open(str(path)) as container, pytest.raises(IndexError):  # PyAV's own end of it
        list(container.demux(container.streams.video[0]))
    with pytest.raises(ValueError, match=r"late\.flv: expected frames, got none"):
        open_video(path)


def test_a_file_that_changes_between_two_readings_is_found_out(tmp_path):
    path = write_sample(tmp_path / "a.mp4", times=range(10))
    video = open_video(path)
    assert len(list(video.frames())) == 10
    for times in (range(9), range(11), [0, *range(2, 11)]):
        write_sample(path, times=times)
        with pytest.raises(
            ValueError, match=r"a\.mp4: expected the same frames as on the first reading"
        ):
            list(video.frames())


@pytest.mark.parametrize(
    "name", ["http:a.mp4", "concat:a.mp4|b.mp4", "-", "%03d.mp4", "a\udcff.mp4"]
)
def test_names_are_names_of_files(tmp_path, name):
    path = write_sample(tmp_path / "plain.mp4").rename(tmp_path / name)
    assert len(images_of(path)) == 10


def hdr(**tags):
    return lambda path: write_sample(path, times=[0], **tags)


def other_size(path: Path) -> None:
    first, second = path.with_suffix(".1"), path.with_suffix(".2")
    tb = Fraction(1, 90000)
    write_sample(first, "mpegts", times=[0, 3600], time_base=tb)
    write_sample(second, "mpegts", times=[7200, 10800], time_base=tb, size=(96, 80))
    path.write_bytes(first.read_bytes() + second.read_bytes())


def encrypted(path: Path) -> None:
    key = {"encryption_key": "76a6c65c5ea762046bd749a2e632ccbb"}
    key["encryption_kid"] = "a7e61c373e219033c21091fa607bf3b8"
    write_sample(path, container_options={"encryption_scheme": "cenc-aes-ctr"} | key)


def playlist(path: Path) -> None:
    write_sample(path.with_name("other.ts"))
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n")


UNREADABLE = "not a video that can be read: damaged, cut short, or something else$"
REFUSED = {
    "empty.mp4": (lambda path: path.write_bytes(b""), UNREADABLE),
    "text.mp4": (lambda path: path.write_text("not a video\n" * 99), UNREADABLE),
    "noise.mkv": (lambda path: path.write_bytes(bytes(range(256)) * 9), UNREADABLE),
    "photo.jpg": (lambda path: path.write_bytes(jpeg()), UNREADABLE),
    "list.m3u8": (playlist, UNREADABLE),
    "concat.mp4": (
        lambda path: path.write_text("ffconcat version 1.0\nfile other.mp4\n"),
        UNREADABLE,
    ),
    "sound.mp4": (
        lambda path: write_sample(path, video=False, sound="aac"),
        "expected a video stream, got audio$",
    ),
    "song.mp4": (
        lambda path: write_sample(path, video=False, sound="aac", cover=True),
        r"expected a video stream, got audio.* \(a cover\)",
    ),
    "deep.mp4": (
        lambda path: write_sample(path, pixel_format="yuv420p10le"),
        r"expected 8 bits a channel, got 10 \(yuv420p10le\), which would be cut to 8",
    ),
    "gray.mkv": (
        lambda path: write_sample(path, codec="ffv1", pixel_format="gray16le"),
        r"expected 8 bits a channel, got 16",
    ),
    "pq.mp4": (hdr(color_trc=16), r"expected standard range, got HDR \(PQ\)"),
    "hlg.mp4": (hdr(color_trc=18), r"expected standard range, got HDR \(HLG\)"),
    "wide.mp4": (hdr(color_primaries=9), "expected BT.601 or BT.709, got BT.2020"),
    "wide.mkv": (hdr(colorspace=9), "expected BT.601 or BT.709, got BT.2020"),
    "cocg.mkv": (hdr(colorspace=8), "expected BT.601 or BT.709, got matrix 8"),
    "encrypted.mp4": (encrypted, "expected a video, got an encrypted one"),
    "sizes.ts": (other_size, "expected frames of 64 x 48, got 80 x 96 at frame 2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_in_one_line_that_names_the_file(tmp_path, name):
    make, message = REFUSED[name]
    make(tmp_path / name)
    with pytest.raises(ValueError, match=f"^\\S*{name}: {message}") as error:
        list(open_video(tmp_path / name).frames())
    assert "\n" not in str(error.value)


def test_refuses_a_slanted_image(tmp_path):
    path = write_sample(tmp_path / "a.mp4", rotation=30)
    with pytest.raises(ValueError, match=r"a\.mp4: expected an image rotated by multiples of 90"):
        open_video(path)


def test_refuses_more_pixels_than_memory_should_hold(tmp_path, monkeypatch):
    path = write_sample(tmp_path / "a.mp4")
    monkeypatch.setattr("graphgan.anonymize.video._demuxing.MAX_PIXELS", 48 * 64 - 1)
    with pytest.raises(ValueError, match=r"a\.mp4: "):
        open_video(path)


def test_refuses_a_picture_in_the_container_of_videos(tmp_path):
    data = write_sample(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.heic").write_bytes(data.replace(b"ftypisom", b"ftypheic"))
    with pytest.raises(ValueError, match=r"a\.heic: expected a video, got a photo \(heic\)"):
        open_video(tmp_path / "a.heic")


def test_what_is_not_there_is_the_machine_s_own_error(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        open_video(tmp_path / "none.mp4")
    assert error.value.filename == str(tmp_path / "none.mp4")
    with pytest.raises(IsADirectoryError):
        open_video(tmp_path)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "webm", "ts", "avi"])
def test_damaged_bytes_are_read_or_refused_but_never_crash(tmp_path, kind):
    whole, generator = write_kind(tmp_path, kind)[0].read_bytes(), np.random.default_rng(0)
    path = tmp_path / f"damaged.{kind}"
    for i in range(20):
        damaged = bytearray(whole)
        head = len(whole) if i % 2 else 600
        for _ in range(3):
            damaged[generator.integers(min(head, len(whole)))] ^= int(generator.integers(1, 256))
        path.write_bytes(damaged[: generator.integers(1, len(whole))] if i % 5 == 0 else damaged)
        try:
            for frame in open_video(path).frames():
                assert frame.image.shape[0] == 3
        except ValueError as error:
            assert str(error).startswith(f"{path}: ")
