import errno
from pathlib import Path

import photo_samples as samples
import pytest
import torch

from graphgan.anonymize.photos import Frame, Photo, write_photo
from graphgan.anonymize.photos import _writing as writing


@pytest.mark.parametrize(
    ("file_format", "shapes", "message"),
    [
        ("JPEG", [(4, 3, 3)], "JPEG does not hold 4 channels"),
        ("JPEG", [(3, 3, 3), (3, 3, 3)], "JPEG does not hold 2 frames"),
        ("GIF", [(3, 3, 3), (4, 3, 3)], "frames of one shape"),
        ("PNG", [(3, 3, 3), (4, 3, 3)], "frames of one shape"),
        ("XYZ", [(3, 3, 3)], "expected one of JPEG, PNG, WEBP, GIF, TIFF, BMP, got XYZ"),
        ("PNG", [], "PNG does not hold 0 frames"),
    ],
)
def test_refuses_frames_that_a_format_does_not_hold(tmp_path, file_format, shapes, message):
    (tmp_path / "a").write_bytes(b"old")
    frames = tuple(Frame(torch.zeros(shape).byte()) for shape in shapes)
    with pytest.raises(ValueError, match=f"a: .*{message}"):
        write_photo(tmp_path / "a", Photo(frames, file_format))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_refuses_sixteen_bits_where_they_would_be_cut(tmp_path):
    deep = Frame(torch.zeros(1, 3, 3, dtype=torch.uint16))
    for file_format, frames in (("PNG", (deep, deep)), ("JPEG", (deep,))):
        with pytest.raises(ValueError, match=f"a: {file_format} does not support 16 bits"):
            write_photo(tmp_path / "a", Photo(frames, file_format))


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"old")

    def write_half(path, data):
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(OSError, match="No space") as error:
        write_photo(tmp_path / "a.png", Photo((Frame(torch.zeros(3, 2, 2).byte()),), "PNG"))
    assert error.value.filename == str(tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"


def test_a_writer_that_leaves_something_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setitem(writing._ENCODERS, "JPEG", lambda photo: samples.secret_jpeg())
    with pytest.raises(ValueError, match=r"only pixels in the result, got .*exif"):
        write_photo(tmp_path / "a.jpg", Photo((Frame(torch.zeros(3, 2, 2).byte()),), "JPEG"))
    assert not (tmp_path / "a.jpg").exists()
