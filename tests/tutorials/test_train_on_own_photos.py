"""Every command of the page runs, from ten drawn photos to sheets of people kept for testing."""

import csv
import re

import pytest
from tutorial_scripts import ROOT, load, run

from graphgan.data import read_image, read_landmarks


def test_ten_photos_and_their_landmarks_are_drawn(tmp_path):
    load("train_on_own_photos").draw_photos(tmp_path)
    rows = read_landmarks(tmp_path / "landmarks.csv")
    assert len(rows) == len(list((tmp_path / "photos").rglob("*.png"))) == 10
    for row in rows:
        assert row.landmarks.shape == (68, 2)
        assert (tmp_path / "photos" / row.image).is_file()


@pytest.mark.slow
def test_the_commands_end_in_a_sheet(tmp_path):
    short = ["--steps", "2", "--parts", "prepare", "check", "train", "sample"]
    run("tutorials/train_on_own_photos.py", "--folder", tmp_path / "new", *short)
    assert (tmp_path / "new" / "check.png").is_file()
    assert_samples(tmp_path / "new" / "anonymized")


@pytest.mark.slow
def test_shipped_weights_end_in_a_sheet(tmp_path):
    run("tutorials/train_on_own_photos.py", "--folder", tmp_path / "new", "--parts", "shipped")
    assert_samples(tmp_path / "new" / "anonymized128")


def assert_samples(folder):
    assert read_image(folder / "sheet.png").shape[0] == 3
    with (folder / "pairs.csv").open() as file:
        pairs = list(csv.DictReader(file))
    assert len(pairs) == 4  # two images of each of the two people kept for testing
    assert all(pair["source"].split("/")[0] != pair["condition"].split("/")[0] for pair in pairs)


def test_the_page_shows_every_command_of_the_script():
    script = (ROOT / "tutorials" / "train_on_own_photos.py").read_text()
    page = (ROOT / "docs" / "tutorials" / "train_on_own_photos.md").read_text()
    for name in re.findall(r"\[start:(\w+)\]", script):
        assert f'--8<-- "tutorials/train_on_own_photos.py:{name}"' in page
