import csv

import pytest
import sample
import torch
from running import failure, run_here
from safetensors.torch import load_file, save_file

from graphgan.commands import run_command
from graphgan.data import PreparedPictures, read_image


@pytest.fixture
def run(weights, person_folder, tmp_path, monkeypatch, capsys):
    def run(*more, **changes):
        flags = {"checkpoint": weights, "data": person_folder, "out": tmp_path / "out"}
        flags |= {"device": "cpu", **changes}
        args = [part for name, value in flags.items() for part in (f"--{name}", str(value))]

        def main():
            run_command(sample.main, sample.Options)

        return run_here(main, *args, *more, monkeypatch=monkeypatch, capsys=capsys)

    return run


def test_every_listed_pair_becomes_a_picture(run, person_folder, tmp_path):
    status, out, errors = run()
    assert (status, errors) == (0, [])
    test = PreparedPictures(person_folder, "test")
    pairs = test.listed_pairs()
    rows = list(csv.DictReader((tmp_path / "out" / "pairs.csv").open()))
    assert [row["from"] for row in rows] == [test.names[i] for i in pairs.condition.tolist()]
    assert [row["to"] for row in rows] == [test.names[i] for i in pairs.source.tolist()]
    files = sorted(path.name for path in (tmp_path / "out" / "images").iterdir())
    assert files == sorted(row["file"] for row in rows)
    assert f"{len(rows)} images in" in out
    made = [read_image(tmp_path / "out" / "images" / file) for file in files]
    assert all(image.shape == (3, *test.size) for image in made)
    assert read_image(tmp_path / "out" / "sheet.png").float().std() > 20


def test_a_batch_size_does_not_change_a_picture(run, tmp_path):
    run(out=tmp_path / "a")
    run("--batch-size", "1", out=tmp_path / "b")
    for path in (tmp_path / "a" / "images").iterdir():
        ours, other = read_image(path), read_image(tmp_path / "b" / "images" / path.name)
        assert (ours.int() - other.int()).abs().max() <= 1


def test_some_of_a_split(run, tmp_path):
    assert "2 images" in run("--split", "train", "--count", "2").out
    assert len(list((tmp_path / "out" / "images").iterdir())) == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--split", "valid"], "--split"),
        (["--count", "0"], "expected --batch-size and --count of at least 1"),
        (["--device", "tpu"], "expected --device to be one of"),
    ],
)
def test_bad_input_is_one_line(run, tmp_path, flags, message):
    assert message in failure(run(*flags))
    assert not (tmp_path / "out").exists()


def test_weights_of_something_else_are_refused(run, weights, tmp_path):
    save_file(load_file(weights), tmp_path / "bare.safetensors")
    line = failure(run(checkpoint=tmp_path / "bare.safetensors"))
    assert "expected BiGraphGAN weights" in line
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_left_alone(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis").touch()
    assert "expected a new or empty folder" in failure(run())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis"]


def test_gradients_are_left_as_they_were(run):
    assert run().status == 0
    assert torch.is_grad_enabled()
