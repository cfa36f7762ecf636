"""Data sets of real faces, whose runs are killed in every way."""

import contextlib
import errno
import importlib.util
import json
import os
import shutil
import signal
import sys
from dataclasses import fields, replace
from multiprocessing import active_children, get_context
from pathlib import Path

import fsspec
import psutil
import pytest
import torch
import torch.nn.functional as F
from fsspec.implementations.local import LocalFileSystem
from help_texts import without_help
from hypothesis import given
from hypothesis import strategies as st
from running import failure, run_here
from skimage.data import astronaut
from video_samples import write_sample

from graphgan.anonymize import datasets
from graphgan.anonymize._attempts import Attempt, History, read_history
from graphgan.anonymize._local_store import LocalStore
from graphgan.anonymize._manifest import Manifest
from graphgan.anonymize._remote_store import RemoteStore
from graphgan.anonymize._shard_work import MAX_DEATHS, DatasetTask, ShardWorker
from graphgan.anonymize._store import MANIFEST, Found
from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.command import NO_FACE
from graphgan.anonymize.datasets import REPORT, DatasetOptions, anonymize_dataset
from graphgan.anonymize.options import AnonymizeOptions
from graphgan.anonymize.report import FileReport
from graphgan.data.images import read_image, write_image
from graphgan.models import AnonyGAN, LandmarkGenerator

NAMES = ("a.png", "b.png", "sub/c.jpg", "sub/d.png", "sub/deep/e.png", "f.webp")

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Six photos of a face, one of none, and what is no photo."""
    root = tmp_path_factory.mktemp("photos")
    picture = torch.from_numpy(astronaut()).permute(2, 0, 1)
    for i, name in enumerate(NAMES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, picture[:, :220, 110 + i : 330 + i].contiguous())
    write_image(root / "none.png", torch.full((3, 50, 50), 90, dtype=torch.uint8))
    (root / "notes.txt").write_text("no photo")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "g.png").write_bytes(b"never looked at")
    return root


def options(source, target, **more):
    fast = {"mode": "pixelate", "min_face": 60}
    return DatasetOptions(src=str(source), dst=str(target), **fast, **more)


@pytest.fixture(scope="module")
def made(photos):
    """The anonymiser of these options, made once: it takes a second."""
    return datasets.make_anonymizer(options(photos, "out"))


@pytest.fixture(scope="module")
def expected(photos, made, tmp_path_factory):
    """The results of one process."""
    out = tmp_path_factory.mktemp("expected") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "make_anonymizer", lambda options: made)
        assert anonymize_dataset(options(photos, out)) == NO_FACE
    return out


@pytest.fixture
def ready(made, monkeypatch):
    """Have this process make no other; worker processes do."""
    monkeypatch.setattr(datasets, "make_anonymizer", lambda options: made)


@pytest.fixture
def copied(photos, tmp_path):
    shutil.copytree(photos, tmp_path / "photos")
    return tmp_path / "photos"


def test_faces_that_were_covered_instead_are_told_in_one_line(tmp_path, capsys):
    image = torch.full((3, 120, 160), 120, dtype=torch.uint8)
    picture = torch.from_numpy(astronaut()).permute(2, 0, 1)[:, :220, 110:330]
    small = F.interpolate(picture[None].float(), (44, 44), mode="bilinear", antialias=True)[0]
    image[:, 40:84, 60:104] = small.round().byte()
    for name in ("a.png", "b.png"):
        (tmp_path / "in").mkdir(exist_ok=True)
        write_image(tmp_path / "in" / name, image)
    torch.manual_seed(0)
    weights = tmp_path / "generator.safetensors"
    AnonyGAN(LandmarkGenerator(width=4, num_blocks=1), size=(64, 64)).save_pretrained(weights)
    shown = DatasetOptions(
        src=str(tmp_path / "in"),
        dst=str(tmp_path / "out"),
        checkpoint=weights,
        condition="drawn",
        shards=3,
    )
    assert anonymize_dataset(shown) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == "2 faces were covered by a mosaic instead: too small"
    lines = (tmp_path / "out" / REPORT).read_text().splitlines()
    faces = [face for line in lines for face in json.loads(line)["faces"]]
    assert [face["reason"] for face in faces] == ["too small"] * 2


def results(folder):
    """Names and bytes of all but the manifest and the report."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {
        name: path.read_bytes()
        for name, path in names.items()
        if name != REPORT and not name.startswith(MANIFEST)
    }


def report(folder):
    """The lines of the report, without the seconds."""
    lines = [json.loads(line) for line in (folder / REPORT).read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def statuses(folder):
    lines = report(folder)
    assert len({line["name"] for line in lines}) == len(lines)  # none is there twice
    return {line["name"]: line["status"] for line in lines}


def stamps(folder):
    return {name: (folder / name).stat().st_mtime_ns for name in results(folder)}


def assert_same(folder, expected):
    assert results(folder) == results(expected)
    assert report(folder) == report(expected)


def attempts(folder):
    """Of all shards: the histories of those that were begun."""
    store = LocalStore(folder)
    shards = [f"{MANIFEST}/{path.name}" for path in (folder / MANIFEST).glob("[0-9]*")]
    return [read_history(store, shard) for shard in sorted(shards)]


def test_all_files_are_anonymised_and_told_of(photos, expected):
    found = dict.fromkeys(NAMES, "anonymised") | {"none.png": "no face", "notes.txt": "left out"}
    assert statuses(expected) == found
    assert set(results(expected)) == set(NAMES)
    for name in NAMES:
        before, after = read_image(photos / name), read_image(expected / name)
        assert (before != after).any(0).float().mean() > 0.02
    assert str(photos) not in (expected / REPORT).read_text()
    assert not list(expected.rglob("*.part")) and not list(expected.rglob("scratch"))


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_no_file_and_doubles_none(
    ready, photos, expected, tmp_path, monkeypatch, caplog
):
    killed = []

    def kill_one(done, total):
        counted = 0
        for number in done:
            counted += number
            if not killed:
                killed.append(active_children()[0].pid)
                os.kill(killed[0], signal.SIGKILL)
        assert counted == total

    monkeypatch.setattr(datasets, "_show", kill_one)
    out = tmp_path / "out"
    assert anonymize_dataset(options(photos, out, workers=2, shards=2)) == NO_FACE
    assert killed and not active_children()
    assert "a worker died" in caplog.text
    assert results(out) == results(expected)
    assert sorted(map(str, report(out))) == sorted(map(str, report(expected)))
    assert not list(out.rglob("scratch"))


def test_neither_shards_nor_file_systems_change_the_results(ready, photos, expected, tmp_path):
    memory = fsspec.filesystem("memory")
    memory.put(f"{photos}/", "/photos/", recursive=True)
    work = options("memory://photos", "memory://results", shards=3)
    assert anonymize_dataset(work) == NO_FACE
    memory.get("/results/", f"{tmp_path}/out/", recursive=True)
    assert results(tmp_path / "out") == results(expected)
    assert statuses(tmp_path / "out") == statuses(expected)
    before = memory.created("/results/a.png")
    assert anonymize_dataset(work) == NO_FACE  # all is done
    assert memory.created("/results/a.png") == before


@pytest.fixture
def restarted(photos, expected, tmp_path, ready):
    """A finished data set, of which something is to be changed."""
    shutil.copytree(photos, tmp_path / "photos")
    shutil.copytree(expected, tmp_path / "out")
    # The manifest is of the other folder.
    about = tmp_path / "out" / MANIFEST / "about.json"
    content = json.loads(about.read_text())
    work = options(tmp_path / "photos", tmp_path / "out")
    content["source"] = datasets._digest(str((tmp_path / "photos").resolve()).encode())
    about.write_text(json.dumps(content))
    return work


def test_a_second_run_does_what_is_missing_alone(restarted, expected, tmp_path):
    out = tmp_path / "out"
    (out / "sub" / "d.png").unlink()
    before = stamps(out)
    assert anonymize_dataset(restarted) == NO_FACE
    after = stamps(out)
    assert after.pop("sub/d.png")
    assert after == before
    assert_same(out, expected)


def test_what_failed_is_tried_again_and_a_new_file_is_found(restarted, photos, tmp_path, capsys):
    source, out = tmp_path / "photos", tmp_path / "out"
    (source / "new.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 50)
    assert anonymize_dataset(restarted) == 1
    printed = capsys.readouterr()
    (error,) = (line for line in printed.err.splitlines() if line.startswith("error: "))
    assert error.startswith("error: new.png: ") and str(tmp_path) not in error
    assert "6 anonymised, 1 without a face, 1 failed, 1 left out" in printed.out
    assert statuses(out)["new.png"] == "failed" and not (out / "new.png").exists()
    shutil.copy(photos / "a.png", source / "new.png")
    assert anonymize_dataset(restarted) == NO_FACE
    assert statuses(out)["new.png"] == "anonymised"


def test_a_source_that_went_is_still_told_of(restarted, expected, tmp_path):
    (tmp_path / "photos" / "a.png").unlink()
    assert anonymize_dataset(restarted) == NO_FACE
    assert_same(tmp_path / "out", expected)


def test_the_lines_of_a_killed_run_count_up_to_the_torn_one(restarted, expected, tmp_path):
    out = tmp_path / "out"
    for part in sorted((out / MANIFEST).rglob("part-*.jsonl")):
        data = part.read_bytes()
        part.write_bytes(data[: data.index(b'"status"')])  # begun, and the report torn
    (out / REPORT).unlink()
    assert anonymize_dataset(restarted) == NO_FACE
    assert_same(out, expected)


def test_a_file_that_kills_its_workers_is_given_up(photos, tmp_path):
    def deadly(image):
        if image.shape[-1] == 50:  # of the photo without a face
            os.kill(os.getpid(), signal.SIGKILL)
        return []

    out = tmp_path / "out"
    store = LocalStore(out)
    manifest = Manifest(store, 1)
    manifest.write_names([Found("none.png"), Found("a.png"), Found("b.png")])
    task = DatasetTask(str(photos), str(out), options(photos, out), 1, "run")
    anonymizer = Anonymizer("pixelate", deadly, recogniser=None)

    def work():
        list(ShardWorker(task, anonymizer)(0))

    for _ in range(MAX_DEATHS):
        process = get_context("fork").Process(target=work)
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    process = get_context("fork").Process(target=work)
    process.start()
    process.join()
    assert process.exitcode == 0
    history = read_history(store, manifest.folder(0), "run")
    assert {name: line["status"] for name, line in history.reports.items()} == {
        "none.png": "failed",
        "a.png": "no face",
        "b.png": "no face",
    }
    assert "3 workers died" in history.reports["none.png"]["error"]
    assert history.given_up == {"none.png"} and not history.deaths
    assert not read_history(store, manifest.folder(0), "next run").given_up


def test_an_interrupt_is_no_death(photos, tmp_path):
    def interrupted(image):
        raise KeyboardInterrupt

    store = LocalStore(tmp_path)
    Manifest(store, 1).write_names([Found("a.png")])
    task = DatasetTask(str(photos), str(tmp_path), options(photos, tmp_path), 1, "run")
    anonymizer = Anonymizer("pixelate", interrupted, recogniser=None)
    with pytest.raises(KeyboardInterrupt):
        list(ShardWorker(task, anonymizer)(0))
    history = read_history(store, f"{MANIFEST}/0000")
    assert (history.attempts, history.unfinished, dict(history.deaths)) == (1, False, {})


def test_a_file_that_no_worker_came_to_is_not_lost_in_silence(photos, tmp_path):
    manifest = Manifest(LocalStore(tmp_path), 1)
    manifest.write_names([Found("a.png"), Found("x.txt", "not a photo")])
    (lost, left_out) = datasets.shard_reports(manifest, 0)
    assert (lost.status, lost.error) == ("failed", "a.png: no worker told of it")
    assert left_out.status == "left out"
    task = DatasetTask(str(photos), f"{tmp_path}/elsewhere", options(photos, "o"), 1, "run")
    with pytest.raises(FileNotFoundError, match="do all workers see the same"):
        list(ShardWorker(task, Anonymizer("pixelate", list, recogniser=None))(0))


def test_names_that_some_disks_do_not_tell_apart_are_not_both_written(restarted, tmp_path):
    shutil.copy(tmp_path / "photos" / "a.png", tmp_path / "photos" / "A.png")
    assert anonymize_dataset(restarted) == 1
    told = {line["name"]: line["error"] for line in report(tmp_path / "out")}
    assert told["a.png"] == "" and "that of a.png would be one file" in told["A.png"]
    assert not (tmp_path / "out" / "A.png").exists()


@given(st.lists(st.sampled_from(["a", "b", "c", "ended"])), st.data())
def test_a_cut_anywhere_leaves_the_reports_before_it(names, data):
    """Two roads: what is read of a cut file, and what its whole lines say one by one."""
    lines = [{"run": "r"}]
    for name in names:
        report = FileReport(name, "anonymised").as_json()
        lines += [{"ended": True}] if name == "ended" else [{"began": name}, report]
    whole = "".join(json.dumps(line) + "\n" for line in lines).encode()
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    memory = RemoteStore(fsspec.filesystem("memory"), "/cut")
    memory.fs.pipe_file("/cut/s/part-1-x-0.jsonl", cut)
    read = read_history(memory, "s")
    plain = History()
    plain.add(map(json.loads, cut.split(b"\n")[:-1]))
    assert vars(read) == vars(plain)


@pytest.mark.parametrize("careful", [False, True])
def test_lines_of_object_stores_are_put_together_until_a_worker_dies(careful):
    store = RemoteStore(fsspec.filesystem("memory"), f"/lines{careful}")
    history = History()
    history.unfinished = careful
    with Attempt(store, "s", "run", history) as attempt:
        for i in range(100):
            attempt.begin(f"{i}.png")
            attempt.end(FileReport(f"{i}.png", "no face"))
        number = len(store.names("s"))
        assert (number == 201) if careful else (number < 10)
    read = read_history(store, "s")
    assert list(read.reports) == [f"{i}.png" for i in range(100)] and not read.unfinished


def test_stores_agree_on_the_same_folder(photos, tmp_path):
    local = LocalStore(photos)
    remote = RemoteStore(LocalFileSystem(), str(photos))
    assert not remote.puts_are_atomic
    assert sorted(local.walk()) == sorted(remote.walk())
    assert local.names("sub") == remote.names("sub") == ["c.jpg", "d.png"]
    for store in (LocalStore(tmp_path / "1"), RemoteStore(LocalFileSystem(), f"{tmp_path}/2")):
        assert store.read("x/y") is None and store.names("x") == [] and not store.holds_others()
        with store.scratch() as scratch:
            (scratch / "new").write_bytes(b"whole")
            store.publish(scratch / "new", "x/y")
        assert store.read("x/y") == b"whole" and store.names("x") == ["y"]
        assert store.exists() and store.holds_others()
        store.remove("x/y")
        store.remove("x/y")
        assert store.read("x/y") is None
    assert LocalStore(tmp_path).holds(LocalStore(tmp_path / "1"))
    assert not LocalStore(tmp_path / "1").holds(LocalStore(tmp_path / "12"))
    one, two = (RemoteStore(remote.fs, path) for path in ("/x/1", "/x/12"))
    assert one.holds(one) and not one.holds(two) and not one.holds(local)


@given(st.text(max_size=12), st.integers(1, 99))
def test_a_shard_depends_on_the_name_alone(name, num_shards):
    manifest = Manifest(LocalStore(Path("nowhere")), num_shards)
    assert 0 <= manifest.shard_of(name) < num_shards
    assert manifest.shard_of(name) == manifest.shard_of(name)
    assert manifest.shard_of("Ä.PNG") == manifest.shard_of("a\u0308.png")


def test_names_are_divided_among_shards_and_none_is_lost(tmp_path):
    names = [f"{i}/{i}.png" for i in range(500)]
    manifest = Manifest(LocalStore(tmp_path), 7)
    counts = manifest.write_names(Found(name) for name in [*names, "x.txt"])
    files = [file for shard in range(7) for file in manifest.files(shard)]
    assert sorted(file.name for file in files) == sorted([*names, "x.txt"])
    assert counts.total() == 501 and min(counts.values()) > 40
    manifest.write_names([Found("other.png")])
    assert [f.name for shard in range(7) for f in manifest.files(shard)] == ["other.png"]


def test_links_are_left_out_and_what_cannot_be_read_is_not_lost_in_silence(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.png").symlink_to("nowhere")
    found = dict(LocalStore(tmp_path).walk())
    assert found == {
        "sub/loop": "a link to a folder, not followed",
        "gone.png": "not a file, or a link to nothing",
    }
    walk = LocalStore(tmp_path).walk()
    next(walk)
    shutil.rmtree(tmp_path / "sub")
    with pytest.raises(FileNotFoundError):
        list(walk)


@pytest.fixture
def run(ready, monkeypatch, capsys):
    def run(*args):
        return run_here(datasets._main, *args, monkeypatch=monkeypatch, capsys=capsys)

    return run


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["{}/no", "{}/../o"], "no: expected a folder, found none"),
        (["{}/a.png", "{}/../o"], "a.png: expected a folder, found none"),
        (["{}/empty", "{}/../o"], "found none in"),
        (["{}", "{}"], "expected DST beside SRC"),
        (["{}", "{}/sub"], "expected DST beside SRC"),
        (["{}/sub", "{}"], "expected DST beside SRC"),
        (["{}", "{}/../full"], "expected DST to be new, empty or of such a run"),
        (["{}", "{}/../file"], "expected DST to be new, empty or of such a run"),
        (["{}", "nowhere://x/o"], "Protocol not known: nowhere"),
        (["nowhere://x/o", "{}/../o"], "Protocol not known: nowhere"),
        (["{}", "{}/../o", "--workers", "0"], "expected --workers of 1 and more, got 0"),
        (["{}", "{}/../o", "--shards", "0"], "expected --shards of 1 and more, got 0"),
        (["{}", "{}/../o", "--gpus", "-1"], "expected --gpus of 0 and more"),
        (["{}", "{}/../o", "--address", "auto"], "expected --engine ray with --address"),
        (["{}", "{}/../o", "--engine", "spark"], "invalid choice"),
        (["{}"], "expected"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(run, copied, tmp_path, args, message):
    (copied / "empty").mkdir()
    (copied / "empty" / "notes.txt").write_text("no photo")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert message in failure(run(*(arg.format(copied) for arg in args)))
    assert sorted(tmp_path.rglob("*")) == before


def test_results_of_other_options_or_of_another_source_are_not_mixed(run, expected, photos, copied):
    args = ["--mode", "pixelate", "--min-face", 60]
    done = run(photos, expected, *args, "--seed", 3)
    assert "another run: seed was 0, is 3; give a new folder" in failure(done)
    assert "source was" in failure(run(copied, expected, *args))
    assert "shards was 256, is 9" in failure(run(photos, expected, *args, "--shards", 9))


def test_two_runs_at_once_are_refused(run, expected, photos):
    with LocalStore(expected).locked():
        done = run(photos, expected, "--mode", "pixelate", "--min-face", 60)
    assert "another run is at work there" in failure(done)


class Msvcrt:
    """What Windows locks files with; a file that is closed is free again."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self.taken: set[tuple[int, int]] = set()

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        assert (mode, count) == (self.LK_NBLCK, 1)
        status = os.fstat(descriptor)
        if (place := (status.st_dev, status.st_ino)) in self.taken:
            raise PermissionError(errno.EACCES, "Permission denied")
        self.taken.add(place)


def test_two_runs_at_once_are_refused_on_windows(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", Msvcrt())
    importlib.reload(
        importlib.import_module("graphgan.anonymize._local_store")
    )  # it can be imported
    store = LocalStore(tmp_path)
    with store.locked(), pytest.raises(ValueError, match="another run is at work"), store.locked():
        pass
    with LocalStore(tmp_path / "other").locked():
        pass


def test_what_cannot_be_opened_fails_and_warnings_are_told(run, tmp_path):
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    for name in ("a.cr2", "sub/b.RAF"):
        (source / name).write_bytes(b"x")
    write_sample(source / "c.avi", codec="mpeg4", sound="adpcm_ms")
    args = ["--mode", "pixelate", "--min-face", 60, "--copy-unmatched"]
    done = run(source, tmp_path / "out", *args)
    why = "a kind of photo or video that cannot be opened"
    assert done.status == 1
    assert sorted(done.errors) == [
        f"error: a.cr2: {why}",
        f"error: sub/b.RAF: {why}",
        "warning: 1 file: a sound track (adpcm_ms) was compressed again as AAC",
    ]
    assert "1 copied, 2 failed; report in" in done.out


def test_ray_that_is_not_installed_names_its_extra(run, photos, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "ray"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    done = run(photos, tmp_path / "o", "--engine", "ray")
    assert "pip install 'graphgan[bulk]'" in failure(done, 1)
    assert not (tmp_path / "o").exists()


def test_options_are_those_of_the_anonymiser_without_what_has_no_sense_here(photos):
    assert without_help(DatasetOptions) == []
    own = {field.name for field in fields(DatasetOptions)} - {
        field.name for field in fields(AnonymizeOptions)
    }
    assert own == {"src", "dst", "engine", "workers", "shards", "address", "gpus"}
    assert replace(options(photos, "out"), seed=7) == options(photos, "out", seed=7)


# Ray takes about ten seconds to start.


def actors():
    """Processes of Ray's that hold a model."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "MapWorker" in " ".join(process.cmdline()):
                found.append(process)
    return found


@pytest.mark.heavy
@needs_ray
@pytest.mark.parametrize("deadly", [False, True])
def test_ray_gives_the_same_also_when_an_actor_is_killed(
    ready, photos, expected, tmp_path, monkeypatch, deadly
):
    killed = []

    def kill_one(done, total):
        counted = 0
        for number in done:
            counted += number
            if deadly and not killed:
                killed.append(actors()[0])
                killed[0].kill()
        assert counted == total

    monkeypatch.setattr(datasets, "_show", kill_one)
    out = tmp_path / "out"
    assert anonymize_dataset(options(photos, out, workers=2, engine="ray")) == NO_FACE
    assert len(killed) == deadly
    assert_same(out, expected)
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert not actors()


@pytest.mark.heavy
@needs_ray
def test_an_error_of_an_actor_is_one_line(run, photos, tmp_path):
    """A file that is not there where the actors look for it."""
    done = run(photos, tmp_path / "o", "--engine", "ray", "--keep", tmp_path / "gone.png")
    assert "expected --keep FILE" in failure(done)
