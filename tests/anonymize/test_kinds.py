"""What a file is, by its content."""

import pytest
from photo_samples import noise, saved
from video_samples import write_sample

from graphgan.anonymize._kinds import FileKind, file_kind

PHOTO = FileKind("photo")
FACE = noise("RGB", (16, 16))
OWN = {kind: saved(FACE, kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")}
OWN["MPO"] = saved(FACE, "MPO", save_all=True, append_images=[FACE])
OTHERS = {
    "AVIF": ".jpg",
    "JPEG2000": ".jpg",
    **dict.fromkeys(("PPM", "PCX", "QOI", "SGI", "ICO", "DIB"), ".png"),
}
MOVING = saved(FACE, "AVIF", save_all=True, append_images=[noise("RGB", (16, 16), 1)])
HEIC = b"\0\0\0\x18ftypheic" + bytes(99)


def of(folder, name, content):
    (folder / name).write_bytes(content)
    return file_kind(folder / name)


@pytest.mark.parametrize("name", ["a.jpg", "a.jpe", "a.png", "a", "a.txt", "a.mp4", "a.heic"])
@pytest.mark.parametrize("kind", OWN)
def test_a_photo_is_one_whatever_its_name_says(tmp_path, kind, name):
    assert of(tmp_path, name, OWN[kind]) == PHOTO


@pytest.mark.parametrize(("kind", "suffix"), OTHERS.items())
def test_photos_of_other_formats_become_jpeg_or_png(tmp_path, kind, suffix):
    assert of(tmp_path, "a.jpg", saved(FACE, kind)) == FileKind("photo", suffix)


def test_what_jpeg_does_not_hold_becomes_png(tmp_path):
    assert of(tmp_path, "a.avif", MOVING).suffix == ".png"
    assert of(tmp_path, "b.avif", saved(noise("RGBA"), "AVIF")).suffix == ".png"


def test_heic_is_a_photo_whether_or_not_it_can_be_read(tmp_path):
    assert of(tmp_path, "IMG_1.HEIC", HEIC) == of(tmp_path, "a", HEIC) == FileKind("photo", ".jpg")


def test_a_format_without_a_signature_needs_its_suffix(tmp_path):
    content = saved(FACE, "TGA")
    assert of(tmp_path, "a.TGA", content) == FileKind("photo", ".png")
    assert of(tmp_path, "a.bin", content) is None


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        *(("a.mp4", None), ("a.M4V", None), ("a.3gp", None), ("a.lrv", ".mp4"), ("a", ".mp4")),
        *(("a.jpg", ".mp4"), ("a.avi", ".mp4")),
    ],
)
def test_a_video_is_one_whatever_its_name_says(tmp_path, name, suffix):
    sample = write_sample(tmp_path / "sample.mp4")
    assert of(tmp_path, name, sample.read_bytes()) == FileKind("video", suffix)


def test_videos_in_containers_that_are_not_written_become_matroska(tmp_path):
    sample = write_sample(tmp_path / "sample.avi", codec="mpeg4")
    for name in ("a.avi", "a.mp4", "a"):
        assert of(tmp_path, name, sample.read_bytes()) == FileKind("video", ".mkv")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("a.txt", b"hello\n" * 99), ("a.pdf", b"%PDF-1.4"), ("a", b""), ("a.bin", bytes(999))),
        *(("a.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), ("a.m3u", b"#EXTM3U\n")),
    ],
)
def test_what_is_neither_is_none(tmp_path, name, content):
    assert of(tmp_path, name, content) is None


def test_a_damaged_or_missing_file_is_what_its_name_says(tmp_path):
    assert of(tmp_path, "a.JPG", b"\xff\xd8") == PHOTO
    assert of(tmp_path, "a.mp4", b"x") == FileKind("video")
    assert of(tmp_path, "a.AVI", b"x") == FileKind("video", ".mkv")
    assert file_kind(tmp_path / "gone.JPEG") == PHOTO and file_kind(tmp_path / "gone.txt") is None


def test_a_result_that_gets_another_suffix_fits_a_disk():
    jpeg = FileKind("photo", ".jpg")
    assert jpeg.result_name("day 1/a.b.HEIC") == "day 1/a.b.jpg"
    assert jpeg.result_name("day 1/a") == "day 1/a.jpg"
    assert PHOTO.result_name("day 1/a.JPE") == "day 1/a.JPE"
    assert jpeg.result_name("ü" * 127) == "ü" * 125 + ".jpg"
    assert len(FileKind("video", ".mkv").result_name("t" * 252 + ".ts")) == 255
