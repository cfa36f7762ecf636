"""Photos with many faces are made by a command."""

from pathlib import Path

import pytest
import torch
from face_frames import write_frames
from loading import rows_of, run_script

from graphgan.data import SyntheticFaces, read_image
from graphgan.landmarks._alignment import tilt

pytestmark = pytest.mark.slow  # each test starts a command or two


PLAIN = ("--faces", 7, "--people", 1, 4, "--smallest", 60, "--format", "png", "--plain")
EDGES = (("left", "right"), ("top", "bottom"))


@pytest.fixture(scope="module")
def faces(tmp_path_factory) -> Path:
    """Six drawn people."""
    folder = tmp_path_factory.mktemp("faces")
    write_frames(folder, 6, 1)
    return folder


@pytest.fixture(scope="module")
def composed(faces, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("composed") / "photos"
    run_script("compose_faces.py", faces, out, *PLAIN)
    return out


def test_faces_lie_where_the_table_says(composed, faces):
    rows = rows_of(composed / "faces.csv")
    assert len(rows) == 7
    assert {row["image"] for row in rows} == {path.name for path in composed.glob("*.png")}
    assert {row["person"] for row in rows} <= {"001", "002", "003", "004"}
    for row in rows:
        points = torch.tensor([[float(row[f"{axis}{i}"]) for axis in "xy"] for i in range(68)])
        assert tilt(points) == pytest.approx(float(row["roll"]), abs=1)
        low = points.amin(0)
        assert [float(row[name]) for name in ("left", "top")] == pytest.approx(low.tolist(), abs=1)
        assert 60 <= float(row["size"]) <= 200
        if row["outside"] == "0.00":
            x, y = points[30].round().long().tolist()  # the tip of the nose, in both pictures
            source = read_image(faces / "images" / row["source"])
            truth = SyntheticFaces(6, 1, size=160)[int(row["person"])].landmarks[30]
            u, v = truth.round().long().tolist()
            pixels = read_image(composed / row["image"])[:, y, x].int() - source[:, v, u].int()
            assert pixels.abs().max() < 30


def test_some_faces_are_dark_blurred_or_masked_where_they_were_plain(composed, faces, tmp_path):
    out = tmp_path / "mixed"
    run_script("compose_faces.py", faces, out, *PLAIN[:-1], "--seed", 0)
    kinds = [row.pop("kind") for row in rows_of(out / "faces.csv")]
    assert {row["kind"] for row in rows_of(composed / "faces.csv")} == {"plain"} < set(kinds)
    assert set(kinds) <= {"plain", "dark", "blurred", "masked"}
    for before, after in zip(
        rows_of(composed / "faces.csv"), rows_of(out / "faces.csv"), strict=True
    ):
        kind = after["kind"]
        assert {**before, "kind": kind} == after
        x, y = (round((float(after[a]) + float(after[b])) / 2) for a, b in EDGES)
        old, new = (
            read_image(folder / after["image"])[:, y, x].int() for folder in (composed, out)
        )
        if kind == "dark":
            assert new.sum() < old.sum() / 2
        if kind == "plain":
            assert (old - new).abs().max() < 20  # a neighbor's shade at most
