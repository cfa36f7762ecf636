import csv

import pytest
import sample
from running import failure
from safetensors.torch import load_file, save_file

from graphgan.data import PreparedPictures, read_image


@pytest.fixture
def run(run_of, weights, person_folder, tmp_path):
    usual = {"checkpoint": weights, "data": person_folder, "out": tmp_path / "out"}
    return lambda *more, **changes: run_of(sample, *more, **(usual | {"device": "cpu"} | changes))


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


def test_some_of_a_split(run, tmp_path):
    assert "2 images" in run("--split", "train", "--count", "2").out
    assert len(list((tmp_path / "out" / "images").iterdir())) == 2


def test_weights_of_something_else_are_refused(run, weights, tmp_path):
    save_file(load_file(weights), tmp_path / "bare.safetensors")
    line = failure(run(checkpoint=tmp_path / "bare.safetensors"))
    assert "expected BiGraphGAN weights" in line
    assert not (tmp_path / "out").exists()
