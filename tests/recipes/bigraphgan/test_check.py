import csv
import shutil

import check
import pytest
import torch

from graphgan.data import read_image


@pytest.fixture
def folder(person_folder, tmp_path):
    """A prepared folder that a test may spoil."""
    return shutil.copytree(person_folder, tmp_path / "prepared")


@pytest.fixture
def run(run_of, tmp_path):
    out = tmp_path / "sheets" / "sheet.png"
    return lambda folder, *more: run_of(check, folder, "--out", out, *more, positional=True)


def change_manifest(folder, change):
    rows = list(csv.DictReader((folder / "manifest.csv").open()))
    for row in rows:
        change(row)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_a_good_folder_passes_and_is_drawn(run, person_folder, tmp_path):
    status, out, _ = run(person_folder, "--tiles", "6")
    assert status == 0
    assert "15 images of 5 people" in out
    assert "64 x 128 pixels, 18 landmarks (openpose-18)" in out
    assert "train: 9 images of 3 people, 3 to 3 each" in out
    assert "pairs listed for train: 18" in out
    assert "pairs listed for test: 12" in out
    assert "PROBLEM" not in out
    sheet = read_image(tmp_path / "sheets" / "sheet.png")
    assert sheet.shape == (3, 2 + 130, 2 + 6 * 66)
    green = (sheet[:, 2:130, 2:66] == torch.tensor([0, 255, 0]).view(3, 1, 1)).all(0)
    assert green.sum() > 150  # lines too, not the discs alone


def test_missing_joints_are_counted_by_name(run, folder):
    def lose(row):
        row["x4"] = row["y4"] = ""

    change_manifest(folder, lose)
    out = run(folder)[1]
    assert "images that lack a joint: " in out
    assert "right wrist 15" in out


def everyone_alone(row):
    row["person"] = row["image"]


def test_nobody_with_two_pictures_is_fatal_without_listed_pairs(run, folder):
    change_manifest(folder, everyone_alone)
    (folder / "pairs.csv").unlink()
    status, out, _ = run(folder)
    assert status == 1
    assert "PROBLEM: no two images of a person and no listed pairs in the split train: 1" in out
    assert "note: no two images of a person and no listed pairs in the split test: 1" in out
    assert "fix these problems before training: 1" in out


def test_pairs_across_the_split_fail(run, folder):
    text = (folder / "pairs.csv").read_text()
    (folder / "pairs.csv").write_text(text.replace("train,images/0001", "test,images/0001"))
    status, out, _ = run(folder)
    assert status == 1
    assert "PROBLEM: listed pairs cannot be used: 1" in out
    assert "pairs.csv: line 2: expected images of the split 'test', got images/0001" in out
    assert "(bad pairs in all: 6)" in out


def test_a_folder_of_something_else_is_one_line(run, folder, tmp_path):
    info = (folder / "prepared.json").read_text().replace("openpose-18", "ibug-68")
    (folder / "prepared.json").write_text(info)
    status, _, (err,) = run(folder)
    assert status == 2
    assert "expected images with the landmarks openpose-18, got ibug-68" in err
    assert run(tmp_path / "none")[0] == 2
