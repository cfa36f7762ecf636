from pathlib import Path

import pytest
import torch
from astronaut import portrait
from colored_faces import ColorRecognizer
from PIL import Image

from graphgan.anonymize import Anonymizer
from graphgan.anonymize._file_anonymizer import FileAnonymizer
from graphgan.anonymize._inputs import Job
from graphgan.anonymize._options import AnonymizeOptions
from graphgan.data import read_image, write_image
from graphgan.faces import CenterFace, FaceFinder


@pytest.fixture(scope="module")
def work():
    return FileAnonymizer(Anonymizer("pixelate", FaceFinder(CenterFace(60))))


def job_of(tmp_path, name, kind="photo") -> Job:
    return Job(name, tmp_path / "in" / name, tmp_path / "out" / name, kind)


@pytest.fixture
def photo(tmp_path):
    """A real face, in a folder of the input."""
    (tmp_path / "in" / "sub").mkdir(parents=True)
    image = portrait()
    write_image(tmp_path / "in" / "sub" / "a.png", image)
    return image


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"no picture", "not an image"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "cannot be decoded"),
        (None, "No such file"),
    ],
)
def test_a_bad_file_is_told_by_its_name_and_leaves_nothing(work, tmp_path, content, message):
    (tmp_path / "in").mkdir()
    if content is not None:
        (tmp_path / "in" / "b.png").write_bytes(content)
    report = work(job_of(tmp_path, "b.png"))
    assert report.status == "failed"
    assert report.error.startswith("b.png: ") and message in report.error
    assert str(tmp_path) not in report.error
    assert [p for p in (tmp_path / "out").rglob("*") if p.is_file()] == []


def test_whatever_breaks_inside_is_a_report_and_no_output(photo, tmp_path):
    def broken(image):
        raise ZeroDivisionError("of all things")

    anonymizer = Anonymizer("pixelate", broken, recognizer=ColorRecognizer())
    report = FileAnonymizer(anonymizer)(job_of(tmp_path, "sub/a.png"))
    assert (report.status, report.error) == (
        "failed",
        "sub/a.png: ZeroDivisionError: of all things",
    )
    assert not (tmp_path / "out" / "sub" / "a.png").exists()


def test_too_many_pixels_are_told_with_the_flag_that_allows_them(
    work, photo, tmp_path, monkeypatch
):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    report = work(job_of(tmp_path, "sub/a.png"))
    assert report.status == "failed" and report.error.startswith("sub/a.png: too large: ")
    assert report.error.endswith("limit of 200 pixels; --max-pixels allows more")
    AnonymizeOptions(max_pixels=256 * 256).allow_pixels()
    assert work(job_of(tmp_path, "sub/a.png")).status == "anonymized"


def test_without_a_face_nothing_is_written_unless_it_is_asked_for(work, tmp_path):
    (tmp_path / "in").mkdir()
    gray = torch.full((3, 60, 60), 90, dtype=torch.uint8)
    write_image(tmp_path / "in" / "gray.png", gray)
    job = job_of(tmp_path, "gray.png")
    assert work(job).status == "no face" and not job.target.exists()
    copying = FileAnonymizer(work.anonymizer, copy_unmatched=True)
    assert copying(job).status == "copied"
    assert torch.equal(read_image(job.target), gray)


def test_a_stream_that_is_none_is_told_by_its_name_and_leaves_nothing(work, tmp_path, monkeypatch):
    (tmp_path / "noise").write_bytes(b"no video")
    with (tmp_path / "noise").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        report = work(Job("-", Path("-"), tmp_path / "out" / "stream.mkv", "stream"))
    assert (report.name, report.status, report.kind) == ("-", "failed", "stream")
    assert report.error.startswith("-: not a video that can be read")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["a b.jpg", "a\n b.jpg", "a\udcff.jpg"])
def test_errors_say_the_name_and_no_path(work, tmp_path, name):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(b"no photo")
    report = work(job_of(tmp_path, name))
    assert report.error.startswith(f"{name}: ") and str(tmp_path) not in report.error
    assert "\n" not in report.error.removeprefix(name)


def test_errors_say_whether_a_file_cannot_be_read_or_written(work, photo, tmp_path, monkeypatch):
    job = job_of(tmp_path, "sub/a.png")
    (tmp_path / "out").write_bytes(b"")  # a file in the place of the folder
    report = work(job)
    assert report.error == "sub/a.png: the result cannot be written: Not a directory"
    (tmp_path / "out").unlink()
    job.source.unlink()
    report = work(job)
    assert report.error == "sub/a.png: cannot be read: No such file or directory"
