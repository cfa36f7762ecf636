"""Folders of groups and of images without faces are composed by two commands."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from face_frames import write_frames

from graphgan.data._images import picture_size

pytestmark = pytest.mark.slow  # each test starts a command

SCRIPTS = Path(__file__).parents[1] / "scripts"


def run(script: str, *options: object) -> None:
    command = [sys.executable, SCRIPTS / script, *map(str, options)]
    subprocess.run(command, capture_output=True, text=True, check=True)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_groups_have_the_counts_and_the_sizes_that_were_asked_for(tmp_path):
    write_frames(tmp_path, 6, 1)
    out = tmp_path / "group"
    asked = ("--photos", 2, 300, 200, 1, 400, 300, "--faces", 2, 4, "--people", 0, 5)
    run("compose_group_photos.py", tmp_path, out, *asked)
    sizes = {path.name: picture_size(path) for path in out.glob("*.jpg")}
    assert sizes == {"00000.jpg": (200, 300), "00001.jpg": (200, 300), "00002.jpg": (300, 400)}
    rows = rows_of(out / "faces.csv")
    counts = sorted(sum(row["image"] == name for row in rows) for name in sizes)
    assert counts == [2, 3, 4]
    assert all(16 <= float(row["size"]) <= 110 for row in rows)
    assert all(row["outside"] == "0.00" for row in rows)


def test_images_without_faces_are_as_many_and_as_large_as_asked_for(tmp_path):
    out = tmp_path / "faceless"
    run("compose_faceless.py", out, "--photos", 5, "--smallest", 0.05, "--largest", 0.1)
    rows = rows_of(out / "contents.csv")
    assert [row["image"] for row in rows] == [f"{i:05}.jpg" for i in range(5)]
    assert [row["shows"] for row in rows[:3]] == ["backdrop", "things", "things"]
    for row in rows:
        height, width = picture_size(out / row["image"])
        assert 0.049e6 <= height * width <= 0.101e6
