import errno
import os

import pytest
from photo_samples import noise, saved

from graphgan.anonymize._inputs import plan_jobs


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
        refused(["-", more], tmp_path / "out", "expected - as the only input")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "stream.mkv").write_bytes(b"x")
    refused(["-"], tmp_path / "out", "already exists")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").mkdir()
    (tmp_path / "-" / "a.png").write_bytes(b"x")
    assert names(plan_jobs(["./-"], tmp_path / "out")) == ["a.png"]


@pytest.mark.parametrize(
    ("given", "results"),
    [
        (["a.avi", "a.mpg"], ["a.avi.mkv", "a.mpg.mkv"]),
        (["a.AVI", "a.mkv"], ["a.AVI.mkv", "a.mkv"]),
        (["a.avi", "b.avi"], ["a.mkv", "b.mkv"]),
    ],
)
def test_videos_of_one_name_keep_their_suffixes(tmp_path, given, results):
    (tmp_path / "in").mkdir()
    for name in given:
        (tmp_path / "in" / name).write_bytes(b"x")
    plan = plan_jobs([tmp_path / "in"], tmp_path / "out")
    assert [job.target.name for job in plan.jobs] == results and not plan.failed


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
    plan = plan_jobs([folder], tmp_path / "out")
    assert plan.left_out == {
        "note.txt": "not a photo or a video",
        ".secret.jpg": "hidden",
        "sub/.hidden": "a hidden folder",
    }
    assert plan.failed == {}


@pytest.mark.parametrize("name", ["a.cr2", "b.RAF", "c.jxl", "d.rmvb"])
def test_what_is_called_a_photo_or_a_video_is_never_left_out(folder, tmp_path, name):
    (folder / "sub" / name).write_bytes(b"x")
    plan = plan_jobs([folder], tmp_path / "out")
    why = f"sub/{name}: a kind of photo or video that cannot be opened"
    assert plan.failed == {f"sub/{name}": why} and len(plan.jobs) == 3


@pytest.fixture
def closed(folder, monkeypatch):
    """A folder in the folder that cannot be listed; root can list all, whatever its mode."""
    listed = os.scandir

    def scandir(path):
        if path == folder / "sub":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    return folder


def test_a_folder_that_cannot_be_read_is_never_passed_over(closed, tmp_path):
    plan = plan_jobs([closed], tmp_path / "out")
    assert names(plan) == ["a.png", "b.JPG"]
    why = "sub: the folder cannot be read, so it was skipped: Permission denied"
    assert plan.failed == {"sub": why}
    refused([closed / "sub"], tmp_path / "out", "found none in .*sub: the folder cannot be read")


def test_files_that_cannot_be_looked_at_are_never_passed_over(folder, tmp_path, monkeypatch):
    """As in a folder that can be listed but not entered."""
    looked_at = os.stat

    def stat(path, **options):
        if str(path).endswith("c.mp4"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return looked_at(path, **options)

    monkeypatch.setattr(os, "stat", stat)
    failed = plan_jobs([folder], tmp_path / "out").failed
    assert failed == {"sub/c.mp4": "sub/c.mp4: cannot be read: Permission denied"}


def test_links_to_folders_and_to_nothing_are_left_out(folder, tmp_path):
    (folder / "loop").symlink_to(folder)
    (folder / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (folder / "z.jpg").symlink_to(folder / "a.png")
    plan = plan_jobs([folder], tmp_path / "out")
    assert names(plan) == ["a.png", "b.JPG", "z.jpg", "sub/c.mp4"]
    assert plan.left_out["loop"] == "a link to a folder, not followed"
    assert plan.failed == {"gone.jpg": "gone.jpg: not a file, or a broken link"}
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    left_out = plan_jobs([folder], tmp_path / "out").left_out
    assert left_out["gone"] == "not a file, or a broken link"


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
    refused([folder], folder, "expected --out outside the inputs")
    refused([folder], folder / "sub" / "new", "expected --out outside the inputs")
    refused([folder / "a.png"], folder / "a.png", "expected --out outside the inputs")
    refused([folder / "a.png"], folder, "the result would replace a source")
    (tmp_path / "link").symlink_to(folder)
    refused([folder], tmp_path / "link", "expected --out outside the inputs")
    refused([tmp_path / "link"], folder / "sub", "expected --out outside the inputs")


def placed(plan, out):
    return {job.target.relative_to(out).as_posix(): job.source for job in plan.jobs}


def test_files_of_one_name_keep_the_folders_that_tell_them_apart(tmp_path, monkeypatch):
    paths = [tmp_path / f"2021/day{i}/a.jpg" for i in (1, 2)]
    for path in paths:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    out = tmp_path / "out"
    both = {"day1/a.jpg": paths[0], "day2/a.jpg": paths[1]}
    assert placed(plan_jobs(paths, out), out) == both
    assert placed(plan_jobs([path.parent for path in paths], out), out) == both
    assert placed(plan_jobs([paths[0].parent, paths[1]], out), out) == both
    monkeypatch.chdir(tmp_path / "2021")
    there = {name: path.relative_to(tmp_path / "2021") for name, path in both.items()}
    assert placed(plan_jobs(["day1/a.jpg", "./day2/../day2/a.jpg"], out), out).keys() == both.keys()
    assert placed(plan_jobs(["day1/a.jpg", "day2"], out), out) == there
    # Of three inputs, the one that is in nobody's way keeps its name.
    (tmp_path / "b.jpg").write_bytes(b"x")
    assert set(placed(plan_jobs([*paths, "../b.jpg"], out), out)) == {*both, "b.jpg"}


def test_a_file_in_whose_way_another_comes_that_way_is_done_all_the_same(tmp_path):
    for name in ("day1/a.jpg", "day2/a.jpg", "other/day1/a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
    given = [tmp_path / "day1", tmp_path / "day2", tmp_path / "other"]
    plan = plan_jobs(given, tmp_path / "out")
    assert names(plan) == ["day1/a.jpg", "day2/a.jpg", "3/day1/a.jpg"] and not plan.failed


def test_a_file_that_is_named_twice_is_done_once(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    given = [folder, folder / "a.png", tmp_path / "link" / "b.JPG"]
    assert names(plan_jobs(given, tmp_path / "out")) == ["a.png", "b.JPG", "sub/c.mp4"]
    assert names(plan_jobs([folder, folder / "sub"], tmp_path / "out"))[-1] == "c.mp4"


def test_unreadable_folders_of_one_name_are_both_told(tmp_path):
    for day in ("day1", "day2"):
        (tmp_path / day).mkdir()
        for name in ("a.cr2", f"{day}.jpg", "note.txt"):
            (tmp_path / day / name).write_bytes(b"x")
    plan = plan_jobs([tmp_path / "day1", tmp_path / "day2"], tmp_path / "out")
    assert list(plan.failed) == ["day1/a.cr2", "day2/a.cr2"]
    assert list(plan.left_out) == ["note.txt", "day2/note.txt"]


@pytest.mark.parametrize("pair", [("a.JPG", "a.jpg"), ("cafe\u0301.jpg", "caf\u00e9.jpg")])
def test_of_names_that_some_disks_do_not_tell_apart_one_is_refused(tmp_path, pair):
    (tmp_path / "in").mkdir()
    for name in (*pair, "b.jpg"):
        (tmp_path / "in" / name).write_bytes(b"x")
    plan = plan_jobs([tmp_path / "in"], tmp_path / "out")
    first, second = sorted(pair)
    assert set(names(plan)) == {first, "b.jpg"}
    why = f"{second}: on some disks its result would replace that of {first}"
    assert plan.failed == {second: why}


def test_results_that_are_there_are_refused_unless_they_may_go(folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("a.png", "b.JPG"):
        (out / name).write_bytes(b"y")
    refused([folder], out, r"a.png already exists, and 1 more; --overwrite")
    assert len(plan_jobs([folder], out, overwrite=True).jobs) == 3


def test_a_file_in_the_way_is_told(folder, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    refused([folder], tmp_path / "file", "expected a folder, found a file")
    out = tmp_path / "out"
    (out / "a.png").mkdir(parents=True)
    refused([folder], out, "expected a file, found a folder")
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "sub").write_bytes(b"")
    refused([folder], tmp_path / "third", "sub: expected a folder, found a file")
