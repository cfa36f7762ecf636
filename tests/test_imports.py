"""Imports run downwards only: a room may use those below it, never those above."""

import ast
from pathlib import Path

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


def rooms_below(path: Path) -> list[str]:
    """Rooms that a file of the package, named from there, may use."""
    if path in (Path("__init__.py"), Path("__main__.py")):
        return ROOMS
    if len(path.parts) == 1:  # what all rooms share stands below them
        return []
    return ROOMS[: ROOMS.index(path.parts[0]) + 1]


def test_every_file_imports_from_below():
    above = {}
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE)
        above[name] = rooms_imported(path) - set(rooms_below(name))
    assert not {name: rooms for name, rooms in above.items() if rooms}


def test_no_recipe_and_no_tutorial_imports_a_private_part():
    private = []
    root = PACKAGE.parent
    for path in [*root.glob("recipes/*/*.py"), *root.glob("tutorials/**/*.py")]:
        tree = ast.walk(ast.parse(path.read_text()))
        modules = [node.module for node in tree if isinstance(node, ast.ImportFrom)]
        names = [name for name in modules if name.startswith("graphgan") and "._" in name]
        private += [(path.name, name) for name in names]
    assert not private
