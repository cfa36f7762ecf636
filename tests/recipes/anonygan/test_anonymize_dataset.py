"""The command as people run it, killed and started again."""

import json
import signal
from pathlib import Path

import anonymize_dataset
import pytest
import torch
from running import finish, processes, run_here, wait_until
from skimage.data import astronaut

from graphgan.data.images import read_image, write_image

FLAGS = ["--mode", "pixelate", "--min-face", 40]
COUNT = 12


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    picture = torch.from_numpy(astronaut()).permute(2, 0, 1)
    for i in range(COUNT):
        write_image(root / f"{i}.png", picture[:, :220, 110 + i : 330 + i].contiguous())
    return root


@pytest.fixture
def start(environment):
    with processes(anonymize_dataset.__file__, environment) as start:
        yield start


def results(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def names(folder):
    return [json.loads(line)["name"] for line in (folder / "report.jsonl").open()]


def assert_whole(out, photos):
    """What is there is finished, and nothing unfinished is beside it."""
    assert not list(out.rglob("*.part")) and not list(out.rglob("scratch"))
    for name in results(out):
        before, after = read_image(photos / name), read_image(out / name)
        assert after.shape == before.shape and (after != before).any()


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on(start, photos, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    killed = start(photos, out, *FLAGS)
    wait_until(killed, lambda: len(results(out)) > 1)
    killed.kill()
    killed.wait()
    written = results(out)
    assert len(written) < COUNT
    stamps = {name: (out / name).stat().st_mtime_ns for name in written}

    done = run_here(
        anonymize_dataset.main, photos, out, *FLAGS, monkeypatch=monkeypatch, capsys=capsys
    )
    assert done.status == 0 and done.errors == []
    assert f"{COUNT} anonymised, {COUNT} faces replaced; report in {out}" in done.out
    assert sorted(names(out)) == sorted(results(out)) == sorted(f"{i}.png" for i in range(COUNT))
    assert {name: results(out)[name] for name in written} == written
    again = [name for name in written if (out / name).stat().st_mtime_ns != stamps[name]]
    assert len(again) <= 1  # it was there, and not yet written down
    assert_whole(out, photos)


@pytest.mark.slow
def test_an_interrupt_ends_all_workers_and_leaves_whole_files(start, photos, tmp_path):
    out = tmp_path / "out"
    process = start(photos, out, *FLAGS, "--workers", 2)
    wait_until(process, lambda: bool(results(out)))
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.status == 130 and done.errors[-1] == "error: interrupted"
    assert 0 < len(results(out)) < COUNT
    assert_whole(out, photos)
