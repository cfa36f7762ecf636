import os

import pytest
from photo_samples import noise, saved

from graphgan.anonymize.inputs import plan_jobs


@pytest.fixture
def folder(tmp_path):
    """Files of all kinds, one level down, too."""
    root = tmp_path / "in"
    (root / "sub" / ".hidden").mkdir(parents=True)
    for name in ("b.JPG", "a.png", "note.txt", ".secret.jpg", "sub/c.mp4", "sub/.hidden/d.jpg"):
        (root / name).write_bytes(b"x")
    return root


def names(plan):
    return [job.name for job in plan.jobs]


def test_a_folder_keeps_its_tree_and_a_file_its_name(folder, tmp_path):
    plan = plan_jobs([folder], tmp_path / "out")
    assert names(plan) == ["a.png", "b.JPG", "sub/c.mp4"]
    assert [job.kind for job in plan.jobs] == ["photo", "photo", "video"]
    assert plan.jobs[2].target == tmp_path / "out" / "sub" / "c.mp4"
    (job,) = plan_jobs([folder / "sub" / "c.mp4"], tmp_path / "out").jobs
    assert job.target == tmp_path / "out" / "c.mp4"
    assert not (tmp_path / "out").exists()


def test_a_stream_stands_alone_and_a_file_of_its_name_is_a_file(folder, tmp_path, monkeypatch):
    (job,) = plan_jobs(["-"], tmp_path / "out").jobs
    assert (job.name, job.kind, job.target) == ("-", "stream", tmp_path / "out" / "stream.mkv")
    for more in ("-", folder):
        refused(["-", more], tmp_path / "out", "expected - alone")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "stream.mkv").write_bytes(b"x")
    refused(["-"], tmp_path / "out", "is there already")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").mkdir()
    (tmp_path / "-" / "a.png").write_bytes(b"x")
    assert names(plan_jobs(["./-"], tmp_path / "out")) == ["a.png"]


def test_videos_in_other_containers_become_matroska(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.AVI").write_bytes(b"x")
    (job,) = plan_jobs([tmp_path / "in"], tmp_path / "out").jobs
    assert (job.name, job.target) == ("a.AVI", tmp_path / "out" / "a.mkv")
    (tmp_path / "in" / "a.mkv").write_bytes(b"x")
    refused([tmp_path / "in"], tmp_path / "out", "would both become")


def test_content_decides_what_a_file_is_and_becomes(tmp_path):
    (tmp_path / "in").mkdir()
    for name, kind in (("a.txt", "PNG"), ("b.jpe", "JPEG"), ("c.avif", "AVIF"), ("d.png", "PPM")):
        (tmp_path / "in" / name).write_bytes(saved(noise("RGB"), kind))
    plan = plan_jobs([tmp_path / "in"], tmp_path / "out")
    assert names(plan) == ["a.txt", "b.jpe", "c.avif", "d.png"] and not plan.left_out
    targets = [job.target.name for job in plan.jobs]
    assert targets == ["a.txt", "b.jpe", "c.jpg", "d.png"]
    assert {job.kind for job in plan.jobs} == {"photo"}


def test_what_is_left_out_is_told(folder, tmp_path):
    left_out = plan_jobs([folder], tmp_path / "out").left_out
    assert left_out == {"note.txt": "not a photo or a video", ".secret.jpg": "hidden"}


def test_links_to_folders_and_to_nothing_are_left_out(folder, tmp_path):
    (folder / "loop").symlink_to(folder)
    (folder / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (folder / "z.jpg").symlink_to(folder / "a.png")
    plan = plan_jobs([folder], tmp_path / "out")
    assert names(plan) == ["a.png", "b.JPG", "z.jpg", "sub/c.mp4"]
    assert plan.left_out["loop"] == "a link to a folder, not followed"
    assert "link to nothing" in plan.left_out["gone.jpg"]


def refused(inputs, out, message, **options):
    with pytest.raises(ValueError, match=message):
        plan_jobs(inputs, out, **options)


def test_inputs_that_are_none_are_refused(folder, tmp_path):
    out = tmp_path / "out"
    refused([tmp_path / "no"], out, "no: no such file or folder")
    refused([folder / "note.txt"], out, "expected a photo or a video")
    (tmp_path / "empty").mkdir()
    refused([tmp_path / "empty"], out, "found none in")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused([tmp_path / "loop"], out, "loop: ")
    os.mkfifo(tmp_path / "pipe.jpg")
    refused([tmp_path / "pipe.jpg"], out, "pipe.jpg: expected a file or a folder")


def test_results_never_lie_among_the_sources(folder, tmp_path):
    refused([folder], folder, "expected --out beside the inputs")
    refused([folder], folder / "sub" / "new", "expected --out beside the inputs")
    refused([folder / "a.png"], folder / "a.png", "expected --out beside the inputs")
    refused([folder / "a.png"], folder, "expected a result beside the sources, it is one")
    (tmp_path / "link").symlink_to(folder)
    refused([folder], tmp_path / "link", "expected --out beside the inputs")
    refused([tmp_path / "link"], folder / "sub", "expected --out beside the inputs")


def test_two_inputs_for_one_output_are_refused(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "A.PNG").write_bytes(b"x")
    refused([folder, folder / "a.png"], tmp_path / "out", "would both become")
    refused([folder, other], tmp_path / "out", "would both become")  # on some disks
    for name in ("caf\u00e9.jpg", "cafe\u0301.jpg"):
        (other / name).write_bytes(b"x")
    refused([other], tmp_path / "out", "would both become")


def test_results_that_are_there_are_refused_unless_they_may_go_or_stay(folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("a.png", "b.JPG"):
        (out / name).write_bytes(b"y")
    refused([folder], out, r"a.png is there already, and 1 more; --overwrite")
    assert len(plan_jobs([folder], out, overwrite=True).jobs) == 3
    done = frozenset({"a.png", "b.JPG"})
    assert len(plan_jobs([folder], out, done=done).jobs) == 3
    refused([folder], out, "b.JPG is there already", done=frozenset({"a.png"}))


def test_a_file_in_the_way_is_told(folder, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    refused([folder], tmp_path / "file", "expected a folder, found a file")
    out = tmp_path / "out"
    (out / "a.png").mkdir(parents=True)
    refused([folder], out, "expected a place for a file, found a folder")
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "sub").write_bytes(b"")
    refused([folder], tmp_path / "third", "sub: expected a folder, found a file")
