"""What several rooms of tests need."""

import csv
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from skips import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401  # hooks

from graphgan.data import SyntheticFaces, write_image

# Tests share cores: time says nothing. The same examples each time: a run can be repeated.
# `make test-all` asks for the second profile.
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=8)
settings.register_profile("full", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("quick")


def pytest_ignore_collect(collection_path, config):
    """The processes without the import hook read only the files that have tests for them."""
    if config.option.markexpr.startswith("unhooked") and collection_path.match("test_*.py"):
        return True if b"unhooked" not in collection_path.read_bytes() else None
    return None


def pytest_configure():
    torch.set_num_threads(1)  # tests are small: threads would only wait for each other


def pytest_runtest_setup():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def drawn_faces():
    """Eight drawn faces of four people, 64 pixels a side."""
    faces = SyntheticFaces(4, 2, size=64)
    return [faces[i] for i in range(len(faces))]


@pytest.fixture
def photo_folder(tmp_path, drawn_faces) -> Path:
    """``photos/<person>/<0 or 1>.png`` of the people p0 to p3, and ``landmarks.csv``."""
    rows = []
    for i, face in enumerate(drawn_faces):
        source = f"p{i // 2}/{i % 2}.png"
        path = tmp_path / "photos" / source
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, face.image)
        rows.append([source, *face.landmarks.flatten().tolist()])
    with (tmp_path / "landmarks.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", *(f"{axis}{i}" for i in range(68) for axis in "xy")])
        writer.writerows(rows)
    return tmp_path
