"""Folders of groups and of images without faces are composed by two commands."""

import pytest
from face_frames import write_frames
from loading import rows_of, run_script

from graphgan.data._images import picture_size

pytestmark = pytest.mark.slow  # each test starts a command


def test_groups_have_the_counts_and_the_sizes_that_were_asked_for(tmp_path):
    write_frames(tmp_path, 6, 1)
    out = tmp_path / "group"
    asked = ("--photos", 2, 300, 200, 1, 400, 300, "--faces", 2, 4, "--people", 0, 5)
    run_script("compose_group_photos.py", tmp_path, out, *asked)
    sizes = {path.name: picture_size(path) for path in out.glob("*.jpg")}
    assert sizes == {"00000.jpg": (200, 300), "00001.jpg": (200, 300), "00002.jpg": (300, 400)}
    rows = rows_of(out / "faces.csv")
    counts = sorted(sum(row["image"] == name for row in rows) for name in sizes)
    assert counts == [2, 3, 4]
    assert all(16 <= float(row["size"]) <= 110 for row in rows)
    assert all(row["outside"] == "0.00" for row in rows)


def test_images_without_faces_are_as_many_and_as_large_as_asked_for(tmp_path):
    out = tmp_path / "faceless"
    run_script("compose_faceless.py", out, "--photos", 5, "--smallest", 0.05, "--largest", 0.1)
    rows = rows_of(out / "contents.csv")
    assert [row["image"] for row in rows] == [f"{i:05}.jpg" for i in range(5)]
    assert [row["shows"] for row in rows[:3]] == ["backdrop", "things", "things"]
    for row in rows:
        height, width = picture_size(out / row["image"])
        assert 0.049e6 <= height * width <= 0.101e6
