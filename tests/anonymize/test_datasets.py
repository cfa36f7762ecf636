"""Folders of real faces on several file systems, whose runs are stopped in every way."""

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import sys
from dataclasses import fields
from pathlib import Path

import fsspec
import psutil
import pytest
import torch
from fsspec.implementations.local import LocalFileSystem
from help_texts import without_help
from running import failure, run_here
from skimage.data import astronaut
from video_samples import write_sample

from graphgan.anonymize import _folders, datasets
from graphgan.anonymize._file_anonymizer import FileAnonymizer
from graphgan.anonymize._folders import RECORD, Folder, FolderRecord
from graphgan.anonymize._kinds import file_kind
from graphgan.anonymize._options import AnonymizeOptions
from graphgan.anonymize._report import FileReport
from graphgan.anonymize._summary import NO_FACE
from graphgan.anonymize.datasets import _REPORT, DatasetOptions, DatasetWorker, anonymize_dataset
from graphgan.data import read_image, write_image

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
    """The anonymizer of these options, made once: it takes a second."""
    return datasets.make_anonymizer(options(photos, "out"))


class Here:
    """`FileProcesses` without processes, which take seconds to start."""

    def __init__(self, anonymizer, options):
        more = options.copy_unmatched, options.audio, options.allow_damaged
        self.anonymize = FileAnonymizer(anonymizer, *more)

    kind = staticmethod(file_kind)

    def start(self):
        pass

    def __call__(self, job):
        return self.anonymize(job)


def engine_here(made):
    def engine(options, rows):
        worker = DatasetWorker(options)
        worker.processes = Here(made, options)
        for row in rows:
            done = worker({key: [value] for key, value in row.items()})
            yield FileReport.from_json(json.loads(done["report"][0]))

    return engine


@pytest.fixture
def engine(made, monkeypatch):
    """What Ray's actors do, in this process."""
    monkeypatch.setattr(datasets, "make_anonymizer", lambda options: made)
    return engine_here(made)


@pytest.fixture(scope="module")
def expected(photos, made, tmp_path_factory):
    """The results of one run."""
    out = tmp_path_factory.mktemp("expected") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "make_anonymizer", lambda options: made)
        assert anonymize_dataset(options(photos, out), engine_here(made)) == NO_FACE
    return out


def results(folder):
    """Names and bytes of all but the record and the report."""
    paths = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    ours = (RECORD, _REPORT, "report.csv")
    return {name: p.read_bytes() for name, p in paths.items() if not name.startswith(ours)}


def report(folder):
    """The files of the report, without the seconds."""
    files = json.loads((folder / _REPORT).read_text())["files"]
    return [{key: value for key, value in file.items() if key != "seconds"} for file in files]


def statuses(folder):
    return {file["name"]: file["status"] for file in report(folder)}


def stamps(folder):
    return {name: (folder / name).stat().st_mtime_ns for name in results(folder)}


def test_all_files_are_anonymized_and_told_of(photos, expected):
    found = dict.fromkeys(NAMES, "anonymized") | {"none.png": "no face"}
    found |= dict.fromkeys(["notes.txt", ".hidden"], "left out")
    assert statuses(expected) == found
    assert set(results(expected)) == set(NAMES)
    for name in NAMES:
        before, after = read_image(photos / name), read_image(expected / name)
        assert (before != after).any(0).float().mean() > 0.02
    assert str(photos) not in (expected / _REPORT).read_text()
    assert not list((expected / RECORD / "unfinished").iterdir())


def test_file_systems_do_not_change_the_results_and_a_run_goes_on(
    engine, photos, expected, tmp_path
):
    memory = fsspec.filesystem("memory")
    memory.put(f"{photos}/", "/photos/", recursive=True)
    work = options("memory://photos", "memory://results")

    def stopped(options, rows):
        for number, done in enumerate(engine(options, rows)):
            if number == 3:
                raise KeyboardInterrupt
            yield done

    with pytest.raises(KeyboardInterrupt):
        anonymize_dataset(work, stopped)
    with pytest.raises(ValueError, match="got one with files; --resume continues"):
        anonymize_dataset(work, engine)
    before = memory.created("/results/a.png")
    memory.rm_file("/results/b.png")
    work = options("memory://photos", "memory://results", resume=True)
    assert anonymize_dataset(work, engine) == NO_FACE
    assert memory.created("/results/a.png") == before
    memory.get("/results/", f"{tmp_path}/out/", recursive=True)
    assert results(tmp_path / "out") == results(expected)
    assert report(tmp_path / "out") == report(expected)


@pytest.fixture
def restarted(photos, expected, tmp_path):
    """A finished run, of which something is to be changed, and its options to go on with."""
    shutil.copytree(photos, tmp_path / "photos")
    shutil.copytree(expected, tmp_path / "out")
    place = Folder(str(tmp_path / "photos")).place
    digest = hashlib.sha256(place.encode()).hexdigest()[:16]
    for part in (tmp_path / "out" / RECORD).glob("*.jsonl"):
        about, *lines = part.read_text().split("\n")
        about = json.dumps({**json.loads(about), "source": digest})
        part.write_text("\n".join([about, *lines]))
    return options(tmp_path / "photos", tmp_path / "out", resume=True)


def test_what_failed_or_is_gone_is_done_again_and_nothing_else(
    engine, restarted, photos, expected, tmp_path, capsys
):
    source, out = tmp_path / "photos", tmp_path / "out"
    (out / "sub" / "d.png").unlink()
    (source / "new.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 50)
    before = stamps(out)
    assert anonymize_dataset(restarted, engine) == 1
    printed = capsys.readouterr()
    (error,) = (line for line in printed.err.splitlines() if line.startswith("error: "))
    assert error.startswith("error: new.png: ") and str(tmp_path) not in error
    assert "6 anonymized, 1 without a face, 1 failed, 2 left out" in printed.out
    assert statuses(out)["new.png"] == "failed" and results(out) == results(expected)
    after = stamps(out)
    assert after.pop("sub/d.png") and after == before
    shutil.copy(photos / "a.png", source / "new.png")
    assert anonymize_dataset(restarted, engine) == NO_FACE
    assert statuses(out)["new.png"] == "anonymized"


def test_results_of_other_options_or_of_another_source_are_not_mixed(engine, photos, expected):
    with pytest.raises(ValueError, match=r"expected .*\"seed\": 3"):
        anonymize_dataset(options(photos, expected, resume=True, seed=3), engine)
    with pytest.raises(ValueError, match="give a new folder"):
        anonymize_dataset(options(photos / "sub", expected, resume=True), engine)


def test_a_damaged_record_is_refused(engine, restarted, tmp_path):
    (tmp_path / "out" / RECORD / "00000001.jsonl").write_text("no JSON")
    with pytest.raises(ValueError, match=r"00000001\.jsonl in DST is not a record"):
        anonymize_dataset(restarted, engine)


def test_content_decides_and_nothing_is_passed_over_in_silence(
    engine, photos, tmp_path, capsys, monkeypatch
):
    """Other formats, raw files, links, a folder that cannot be read, names of one file."""
    source, out = tmp_path / "source", tmp_path / "out"
    (source / "private").mkdir(parents=True)
    (source / "private" / "a.png").write_bytes(b"x")
    (source / "a.cr2").write_bytes(b"x")
    for name in ("b.png", "B.png", "named.mp4"):
        shutil.copy(photos / "a.png", source / name)
    write_sample(source / "c.avi", codec="mpeg4", sound="adpcm_ms")
    write_sample(source / "d.avi", codec="mpeg4")
    shutil.copy(source / "d.avi", source / "d.avi.mkv")
    (source / "link").symlink_to(source)
    (source / "gone.png").symlink_to("nowhere")
    listed = LocalFileSystem.ls

    def ls(self, path, **more):
        if str(path).endswith("private"):
            raise PermissionError(13, "Permission denied", path)
        return listed(self, path, **more)

    monkeypatch.setattr(LocalFileSystem, "ls", ls)
    assert anonymize_dataset(options(source, out, copy_unmatched=True), engine) == 1
    printed = capsys.readouterr()
    told = [line for line in printed.err.splitlines() if line.startswith(("error", "warning"))]
    assert sorted(told) == [
        "error: a.cr2: a kind of photo or video that cannot be opened",
        "error: b.png: on some disks its result would replace that of B.png",
        "error: d.avi: its result would replace that of d.avi.mkv",
        "error: gone.png: cannot be read: No such file or directory",
        "error: private: the folder cannot be read, so it was skipped: Permission denied",
        "warning: c.avi: a sound track (adpcm_ms) was compressed again as AAC",
    ]
    assert "left out: a link to a folder, not followed: link" in printed.out
    assert set(results(out)) == {"B.png", "c.avi.mkv", "d.avi.mkv.mkv", "named.mp4"}


def test_folders_agree_whatever_holds_them(photos, tmp_path):
    class Mounted(LocalFileSystem):
        protocol = "mounted"

        @classmethod
        def _strip_protocol(cls, path):
            return super()._strip_protocol(str(path).removeprefix("mounted://"))

    fsspec.register_implementation("mounted", Mounted, clobber=True)
    for url in (f"{tmp_path}/1", f"mounted://{tmp_path}/2", "memory://3"):
        folder = Folder(url)
        assert not folder.exists() and folder.names("x") == []
        (tmp_path / "new").write_bytes(b"whole")
        folder.publish(tmp_path / "new", "x/[y]*")
        folder.publish(tmp_path / "new", "x/[y]*")
        assert folder.read("x/[y]*") == b"whole" and folder.names("x") == ["[y]*"]
        assert [found.name for found in folder.walk() if not found.left_out] == ["x/[y]*"]
        folder.remove_unfinished()
        assert folder.exists() and not folder.is_file()
    assert Folder(f"{tmp_path}").holds(Folder(f"{tmp_path}/1"))
    assert not Folder(f"{tmp_path}/1").holds(Folder(f"{tmp_path}/12"))
    assert not Folder("memory://x").holds(Folder("/x"))
    assert Folder("sub").url == Folder("sub").place == f"file://{Path.cwd()}/sub"


def test_a_copy_that_breaks_off_leaves_the_result_as_it_was(tmp_path, monkeypatch):
    folder = Folder(str(tmp_path / "out"))
    (tmp_path / "new").write_bytes(b"old")
    folder.publish(tmp_path / "new", "a.png")

    def half(self, path, target, **more):
        Path(target).write_bytes(b"ha")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LocalFileSystem, "put_file", half)
    with pytest.raises(OSError, match="No space left"):
        folder.publish(tmp_path / "new", "a.png")
    assert folder.read("a.png") == b"old"
    assert {found.name for found in folder.walk()} == {RECORD, "a.png"}
    folder.remove_unfinished()
    assert not list((tmp_path / "out" / RECORD).iterdir())


def test_lines_of_the_record_are_put_together(monkeypatch):
    monkeypatch.setattr(_folders, "_LINES", 10)
    folder = Folder("memory://lines")
    record = FolderRecord(folder, {"seed": 0})
    for i in range(25):
        record.add(FileReport(f"{i % 20}.png", "failed" if i < 20 else "no face"))
    assert len(folder.names(RECORD)) == 2
    record.close()
    record.close()
    assert len(folder.names(RECORD)) == 3
    read = FolderRecord(folder, {"seed": 0}).reports
    assert [read[f"{i}.png"].status for i in (0, 4, 5)] == ["no face", "no face", "failed"]
    assert len(read) == 20


@pytest.fixture
def run(engine, monkeypatch, capsys):
    def main():
        parsed = datasets.parse_options(DatasetOptions, positional=True)
        return anonymize_dataset(parsed, engine)

    def run(*args):
        return run_here(main, *args, monkeypatch=monkeypatch, capsys=capsys)

    return run


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["{}/no", "{}/../o"], "no: expected a folder, found none"),
        (["{}/a.png", "{}/../o"], "a.png: expected a folder, found none"),
        (["{}/empty", "{}/../o"], "found none in"),
        (["{}", "{}"], "expected DST outside SRC"),
        (["{}", "{}/sub"], "expected DST outside SRC"),
        (["{}/sub", "{}"], "expected DST outside SRC"),
        (["{}", "{}/../full"], "expected DST to be new or empty"),
        (["{}", "{}/../file"], "expected DST to be new or empty"),
        (["{}", "nowhere://x/o"], "Protocol not known: nowhere"),
        (["nowhere://x/o", "{}/../o"], "Protocol not known: nowhere"),
        (["{}", "{}/../o", "--workers", "0"], "expected --workers of at least 1, got 0"),
        (["{}", "{}/../o", "--gpus", "-1"], "expected --gpus of at least 0"),
        (["{}"], "expected"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(run, photos, tmp_path, args, message):
    copied = tmp_path / "photos"
    shutil.copytree(photos, copied)
    (copied / "empty").mkdir()
    (copied / "empty" / "notes.txt").write_text("no photo")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert message in failure(run(*(arg.format(copied) for arg in args)))
    assert sorted(tmp_path.rglob("*")) == before


def test_ray_that_is_not_installed_names_its_extra(photos, tmp_path, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.split(".")[0] == "ray"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    args = photos, tmp_path / "o"
    done = run_here(datasets._main, *args, monkeypatch=monkeypatch, capsys=capsys)
    assert "pip install 'graphgan[bulk]'" in failure(done, 1)
    assert not (tmp_path / "o").exists()


def test_options_are_those_of_the_anonymizer_without_what_has_no_sense_here():
    assert without_help(DatasetOptions) == []
    own = {field.name for field in fields(DatasetOptions)}
    own -= {field.name for field in fields(AnonymizeOptions)}
    assert own == {"src", "dst", "resume", "workers", "address", "gpus"}


# Ray takes about ten seconds to start.


def actors():
    """Processes of Ray's that hold a folder's files."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "MapWorker" in " ".join(process.cmdline()):
                found.append(process)
    return found


@pytest.mark.heavy
@needs_ray
@pytest.mark.parametrize("deadly", [False, True])
def test_ray_gives_the_same_also_when_an_actor_is_killed(photos, expected, tmp_path, deadly):
    datasets.require_ray()
    killed = []

    def engine(options, rows):
        for done in datasets.run_ray(options, rows):
            if deadly and not killed:
                killed.append(actors()[0])
                killed[0].kill()
            yield done

    out = tmp_path / "out"
    assert anonymize_dataset(options(photos, out, workers=2), engine) == NO_FACE
    assert len(killed) == deadly
    assert results(out) == results(expected) and report(out) == report(expected)
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert not actors()


@pytest.mark.heavy
@needs_ray
def test_an_error_of_an_actor_is_one_line(photos, tmp_path, monkeypatch, capsys, made):
    monkeypatch.setattr(datasets, "make_anonymizer", lambda options: made)
    args = photos, tmp_path / "o", "--keep", tmp_path / "gone.png"
    done = run_here(datasets._main, *args, monkeypatch=monkeypatch, capsys=capsys)
    assert "expected --keep FILE" in failure(done)
