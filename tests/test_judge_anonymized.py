"""Faces whose place is known are counted: changed or missed, recognized or not."""

from pathlib import Path

import pytest
import torch
from face_frames import write_frames
from loading import rows_of, run_script

from graphgan.data import read_image, write_image

pytest.importorskip("dlib")


@pytest.fixture(scope="module")
def faces(tmp_path_factory) -> Path:
    """Three drawn people in two videos each."""
    folder = tmp_path_factory.mktemp("faces")
    write_frames(folder, 3, 2)
    return folder


@pytest.mark.slow
def test_a_face_in_a_black_square_is_changed_and_another_is_missed(faces, tmp_path):
    composed, anonymized = tmp_path / "composed", tmp_path / "anonymized"
    options = ("--faces", 4, "--people", 0, 2, "--smallest", 80, "--format", "png")
    run_script("compose_faces.py", faces, composed, *options)
    rows = rows_of(composed / "faces.csv")
    photos = {row["image"]: read_image(composed / row["image"]) for row in rows}
    for row in rows[1:]:
        points = torch.tensor([[float(row[f"{axis}{i}"]) for axis in "xy"] for i in range(68)])
        (left, top), (right, bottom) = points.amin(0).int().tolist(), points.amax(0).int().tolist()
        photos[row["image"]][:, max(top, 0) : bottom + 2, max(left, 0) : right + 2] = 0
    for name, photo in photos.items():
        anonymized.mkdir(exist_ok=True)
        write_image(anonymized / name, photo)
    table = tmp_path / "table.csv"
    printed = run_script("judge_anonymized.py", faces, composed, anonymized, "--table", table)
    assert "4 faces, 0 of them in photos that were not released" in printed
    assert "| all | 4 | 1 (25.0%) | 3 |" in printed
    judged = rows_of(table)
    assert [face["changed"] for face in judged] == ["False", "True", "True", "True"]
    assert float(judged[0]["itself"]) == 0
    assert all(float(face["itself"]) > 0.4 for face in judged[1:])
    assert all(0 <= float(face["others"]) <= 1 for face in judged)
