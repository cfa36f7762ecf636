"""Detectors are compared on photos whose faces are known, and on images without any."""

import csv
import sys
from pathlib import Path

import pytest
import torch

from graphgan.data import read_image, write_image
from graphgan.faces import DETECTORS, MTCNN, Faces

SCRIPTS = Path(__file__).parents[1] / "scripts"


class Fixed:
    """The same boxes in every image."""

    def __init__(self, name, boxes):
        self.name = self.fingerprint = name
        self.boxes = torch.tensor(boxes).reshape(-1, 4)

    def __call__(self, image):
        return Faces.of_boxes(self.boxes)


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    import compare_detectors

    yield compare_detectors
    for name in ("compare_detectors", "_contact_sheet"):
        sys.modules.pop(name, None)


@pytest.fixture
def photos(tmp_path) -> Path:
    """One photo: an upright plain face of 20 pixels, and a lying dark one of 60."""
    folder = tmp_path / "photos"
    folder.mkdir()
    write_image(folder / "0.jpg", torch.full((3, 120, 200), 90, dtype=torch.uint8))
    with (folder / "faces.csv").open("w", newline="") as file:
        table = csv.writer(file)
        axes = [f"{axis}{i}" for i in range(68) for axis in "xy"]
        table.writerow(["image", "size", "roll", "yaw", "outside", "kind", *axes])
        table.writerow(["0.jpg", 20, 3, 0.1, 0, "plain", *([30, 40] * 68)])
        table.writerow(["0.jpg", 60, -90, 0.6, 0.2, "dark", *([150, 60] * 68)])
    return folder


@pytest.fixture
def faceless(tmp_path) -> Path:
    folder = tmp_path / "faceless"
    folder.mkdir()
    for i in range(2):
        write_image(folder / f"{i}.jpg", torch.full((3, 60, 80), 90, dtype=torch.uint8))
    return folder


def test_missed_faces_false_boxes_and_time_are_told(
    script, photos, faceless, tmp_path, capsys, monkeypatch
):
    # Of the first, the large face is found by one box, its other box holds none.
    first = [[110.0, 20, 190, 100], [0, 0, 19, 19]]
    monkeypatch.setitem(script.DETECTORS, "one", lambda options: Fixed("one", first))
    monkeypatch.setitem(script.DETECTORS, "none", lambda options: Fixed("none", []))
    options = script.CompareOptions(
        (photos,),
        ("one", "none"),
        faceless=faceless,
        megapixels=(0.01,),
        repeats=1,
        misses=tmp_path / "sheets",
    )
    script.main(options)
    lines = capsys.readouterr().out.splitlines()
    assert "| faces | | missed by one | missed by none |" in lines
    assert "| all | 2 | 1 (50.0 %) | 2 (100.0 %) |" in lines
    assert "| 12 to 24 pixels | 1 | 1 (100.0 %) | 1 (100.0 %) |" in lines
    assert "| dark | 1 | 0 (0.0 %) | 1 (100.0 %) |" in lines
    assert "| lying, 75 to 135° | 1 | 0 (0.0 %) | 1 (100.0 %) |" in lines
    assert "| cut by 15 to 30 % | 1 | 0 (0.0 %) | 1 (100.0 %) |" in lines
    assert "| images without faces | 2 | 2 (100.0 %) | 0 (0.0 %) |" in lines
    assert "| boxes in them |  | 4 | 0 |" in lines
    assert "| false boxes in photos with faces | 1 | 1 | 0 |" in lines
    assert any(line.startswith("| photo of 0.01 megapixels |") for line in lines)
    sheets = {path.name: read_image(path).shape for path in (tmp_path / "sheets").iterdir()}
    assert sheets == {
        "one-missed.png": (3, 98, 98),
        "none-missed.png": (3, 98, 2 * 98),
        "one-false.png": (3, 98, 3 * 98),  # what lies beyond an image cannot be shown
    }


def test_detectors_are_those_of_the_library_and_mtcnn_if_its_weights_are_given(script, tmp_path):
    torch.manual_seed(0)
    torch.save(MTCNN().state_dict(), tmp_path / "weights.pt")
    assert script.CompareOptions((tmp_path,)).detectors == tuple(DETECTORS)
    options = script.CompareOptions((tmp_path,), ("centerface",), tmp_path / "weights.pt", 20)
    opened = options.opened()
    assert list(opened) == ["centerface", "mtcnn"]
    assert opened["centerface"].min_face == 20
    assert opened["mtcnn"].name == "MTCNN"
