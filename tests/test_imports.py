"""Imports run downwards only: a room may use those below it, never those above."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import graphgan

PACKAGE = Path(graphgan.__file__).parent
ROOMS = [
    "weights",
    "landmarks",
    "layers",
    "losses",
    "models",
    "data",
    "metrics",
    "faces",
    "persons",
    "training",
    "anonymize",
    "evaluation",
]
"""From the ground upwards."""


def rooms_imported(path: Path) -> set[str]:
    """Rooms of the package that a file imports from, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("graphgan.")}
    return found & set(ROOMS)


def test_every_room_has_its_floor():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == set(ROOMS)


@pytest.mark.parametrize(
    "path", sorted(p.relative_to(PACKAGE) for p in PACKAGE.rglob("*.py")), ids=str
)
def test_a_file_imports_from_below(path):
    if len(path.parts) == 1:  # what all rooms share stands below them
        on_top = path.name in ("__init__.py", "__main__.py")
        assert on_top or not rooms_imported(PACKAGE / path)
        return
    floor = ROOMS.index(path.parts[0])
    above = {room for room in rooms_imported(PACKAGE / path) if ROOMS.index(room) > floor}
    assert not above


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.parent.glob("recipes/*/*.py")), ids=lambda p: p.name
)
def test_a_recipe_imports_no_private_part(path):
    tree = ast.walk(ast.parse(path.read_text()))
    modules = [node.module for node in tree if isinstance(node, ast.ImportFrom)]
    assert not [name for name in modules if name.startswith("graphgan") and "._" in name]


def test_rooms_import_what_is_slow_to_import_late():
    rooms = ", ".join(f"graphgan.{room}" for room in ROOMS)
    slow = {"kornia", "torch_geometric", "matplotlib", "lightning_fabric", "tyro", "scipy"}
    program = f"import sys, {rooms}; print(*{slow} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
