"""The command with ``--workers``: processes that die, are interrupted, and whose parents die."""

import json
import os
import signal
from multiprocessing import active_children

import psutil
import pytest
import torch
from running import finish, processes, run_here, wait_until
from skimage.data import astronaut

from graphgan.anonymize import command
from graphgan.anonymize._inputs import Job
from graphgan.anonymize._kinds import FileKind
from graphgan.anonymize._options import AnonymizeOptions
from graphgan.anonymize._processes import FileProcesses
from graphgan.data import read_image, write_image
from graphgan.files import locked, temporary_path

FLAGS = ("--mode", "pixelate", "--min-face", 40)
COUNT = 12


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    picture = torch.from_numpy(astronaut()).permute(2, 0, 1)
    for i in range(COUNT):
        write_image(root / f"{i}.png", picture[:, :220, 110 + i : 330 + i].contiguous())
    return root


def test_a_process_that_dies_costs_the_file_that_it_was_at(photos, tmp_path):
    os.mkfifo(tmp_path / "deadly.png")  # whoever reads it waits
    out = tmp_path / "out"
    job = Job("deadly.png", tmp_path / "deadly.png", out / "deadly.png", "photo")
    out.mkdir()
    temporary_path(job.target).write_bytes(b"half")
    ours = FileProcesses(AnonymizeOptions(mode="pixelate", min_face=40))
    dead = ours(job, check=lambda: [child.kill() for child in active_children()])
    assert (dead.name, dead.status) == ("deadly.png", "failed")
    assert dead.error == "deadly.png: the process died on this file, perhaps for lack of memory"
    assert ours.kind(photos / "0.png") == FileKind("photo")
    done = ours(Job("0.png", photos / "0.png", out / "0.png", "photo"))
    assert done.status == "anonymized" and len(done.faces) == 1
    assert [path.name for path in out.iterdir()] == ["0.png"]
    ours.close()
    assert not active_children()


@pytest.mark.slow
def test_a_process_whose_options_cannot_be_used_there_says_why(tmp_path):
    ours = FileProcesses(AnonymizeOptions(mode="pixelate", keep=(str(tmp_path / "gone.png"),)))
    with pytest.raises(ValueError, match="expected --keep FILE"):
        ours.start()
    ours.close()


def results(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def assert_whole(out, photos):
    """What is there is finished, and nothing unfinished is beside it."""
    assert not list(out.rglob("*.part"))
    for name in results(out):
        before, after = read_image(photos / name), read_image(out / name)
        assert after.shape == before.shape and (after != before).any()


@pytest.fixture
def start():
    with processes(command.__file__, dict(os.environ)) as start:
        yield start


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_with_the_same_results(
    start, photos, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    killed = start(photos, "--out", out, *FLAGS, "--workers", 2)
    wait_until(killed, lambda: len(results(out)) > 1)
    children = psutil.Process(killed.pid).children(recursive=True)
    killed.kill()
    killed.wait()
    assert not psutil.wait_procs(children, 20)[1]  # no orphan writes on
    assert 0 < len(results(out)) < COUNT
    assert_whole(out, photos)
    done = finish(start(photos, "--out", out, *FLAGS, "--workers", 2, "--resume"))
    assert done.status == 0 and done.errors == []
    assert f"{COUNT} anonymized, {COUNT} faces replaced; report in {out}" in done.out
    names = [file["name"] for file in json.loads((out / "report.json").read_text())["files"]]
    assert names == sorted(f"{i}.png" for i in range(COUNT))
    assert_whole(out, photos)
    args = photos, "--out", tmp_path / "1", *FLAGS
    run_here(command._main, *args, monkeypatch=monkeypatch, capsys=capsys)
    assert results(out) == results(tmp_path / "1")


@pytest.mark.slow
def test_an_interrupt_ends_all_processes_and_leaves_whole_files(start, photos, tmp_path):
    out = tmp_path / "out"
    process = start(photos, "--out", out, *FLAGS, "--workers", 2)
    wait_until(process, lambda: bool(results(out)))
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.status == 130 and done.errors[-1] == "error: interrupted"
    assert 0 < len(results(out)) < COUNT
    assert_whole(out, photos)


def test_two_runs_at_once_are_refused(photos, tmp_path, monkeypatch, capsys):
    with locked(tmp_path / command._LOCK):
        args = photos / "0.png", "--out", tmp_path, *FLAGS
        done = run_here(command._main, *args, monkeypatch=monkeypatch, capsys=capsys)
    assert (done.status, done.errors) == (2, [f"error: {tmp_path}: another run is at work there"])
