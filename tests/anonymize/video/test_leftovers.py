from pathlib import Path

import pytest
from video_samples import SECRET, write_kind, write_sample

from graphgan.anonymize.video.leftovers import video_leftovers
from graphgan.anonymize.video.reading import open_video
from graphgan.anonymize.video.writing import write_video


@pytest.fixture(params=["mp4", "mov", "mkv", "webm"])
def clean(tmp_path, request) -> Path:
    """A file that `write_video` made."""
    path, _ = write_kind(tmp_path, request.param)
    video = open_video(path)
    clean = tmp_path / f"clean.{request.param}"
    write_video(clean, video, (frame.image for frame in video.frames()))
    return clean


def with_box(data: bytes, name: bytes, payload: bytes) -> bytes:
    return data + (8 + len(payload)).to_bytes(4) + name + payload


def with_element(data: bytes, name: bytes, payload: bytes) -> bytes:
    return data + name + (0x4000 | len(payload)).to_bytes(2) + payload


def is_matroska(path: Path) -> bool:
    return path.suffix in (".mkv", ".webm")


def test_what_is_written_is_clean(clean):
    assert video_leftovers(clean) == []


def test_what_is_added_to_a_clean_file_is_seen(clean):
    data = clean.read_bytes()
    secret = SECRET.encode() * 9
    if is_matroska(clean):
        added = {
            "free space with data": with_element(data, b"\xec", secret),
            "attachments": with_element(data, b"\x19\x41\xa4\x69", secret),
            "title": with_element(data, b"\x7b\xa9", secret),
            "tag SECRET": with_element(data, b"\x45\xa3", b"SECRET"),
            "element 4FFF": with_element(data, b"\x4f\xff", secret),
            "stray bytes": data + b"\0" + secret,
            "writing app": data.replace(b"Lavf", b"Anna"),
        }
    else:
        added = {
            "free space with data": with_box(data, b"free", secret),
            "box uuid": with_box(data, b"uuid", secret),
            "box XMP_": with_box(data, b"XMP_", secret),
            "stray bytes": data + secret,
            "creation time": set_in(data, b"mvhd", 4, b"\1"),
            "display matrix": set_in(data, b"tkhd", 40, b"\1"),
            "language": set_in(data, b"mdhd", 20, b"\1"),
            "handler name": data.replace(b"VideoHandler", b"Anna Handler"),
            "compressor name": set_in(data, b"avc1", 42, b"\4Anna"),
        }
    for name, changed in added.items():
        clean.write_bytes(changed)
        assert name in video_leftovers(clean), name


def set_in(data: bytes, box: bytes, at: int, value: bytes) -> bytes:
    start = data.index(box, data.index(b"moov")) + 4 + at
    return data[:start] + value + data[start + len(value) :]


EXPECTED = {
    "mp4": {
        "chapters", "cover", "creation time", "data stream", "handler name", "language",
        "metadata location", "metadata title", "metadata comment", "subtitle stream",
        "user data in the frames", "display matrix",
    },
    "mov": {
        "chapters", "creation time", "data stream", "handler name", "language",
        "metadata location", "metadata title", "user data in the frames", "display matrix",
    },
    "mkv": {
        "attachments", "chapters", "cover", "creation time", "language", "title", "track name",
        "tag LOCATION", "tag COMMENT", "muxing app", "writing app", "segment id",
        "subtitle stream", "user data in the frames", "display matrix",
    },
}  # fmt: skip


@pytest.mark.parametrize("suffix", EXPECTED)
def test_what_cameras_and_editors_write_is_seen(tmp_path, suffix):
    path = write_sample(
        tmp_path / f"a.{suffix}", sound="aac", secrets=True, cover=suffix != "mov", rotation=90
    )
    found = set(video_leftovers(path))
    assert EXPECTED[suffix] <= found, EXPECTED[suffix] - found


def test_files_in_fragments_and_of_unknown_length_can_be_followed(tmp_path):
    fragments = {"movflags": "frag_keyframe+empty_moov"}
    path = write_sample(tmp_path / "a.mp4", container_options=fragments)
    assert "metadata encoder" in video_leftovers(path)
    path = write_sample(tmp_path / "a.mkv", container_options={"live": "1"})
    assert "writing app" in video_leftovers(path)
    assert "stray bytes" not in video_leftovers(path)


@pytest.mark.parametrize("kind", ["avi", "ts", "flv"])
def test_refuses_other_formats(tmp_path, kind):
    path, _ = write_kind(tmp_path, kind)
    with pytest.raises(ValueError, match=rf"source\.{kind}: expected MP4, MOV, Matroska or WebM"):
        video_leftovers(path)


def test_what_is_not_there_is_the_machine_s_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        video_leftovers(tmp_path / "none.mp4")
