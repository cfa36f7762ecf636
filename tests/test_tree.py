"""Tests mirror the tree: whoever knows where a thing is knows where its tests are."""

import ast
from pathlib import Path

import graphgan

PACKAGE = Path(graphgan.__file__).parent
TESTS = Path(__file__).parent


def offered(room: Path) -> set[Path]:
    """Files from which the contents page of a room takes names."""
    imports = [n for n in ast.parse(room.read_text()).body if isinstance(n, ast.ImportFrom)]
    files = [PACKAGE.parent.joinpath(*n.module.split(".")).with_suffix(".py") for n in imports]
    return {file for file in files if file.is_file() and file.parent == room.parent}


def place_of_tests(path: Path) -> Path:
    """Of a file of the package: the same path, without leading underscores."""
    parts = [part.lstrip("_") for part in path.relative_to(PACKAGE).parts]
    return Path(*parts[:-1], f"test_{parts[-1]}")


def test_every_file_that_a_room_offers_has_its_tests():
    files = {path for path in PACKAGE.rglob("*.py") if "/_" not in path.as_posix()}
    for room in PACKAGE.glob("*/__init__.py"):
        files |= offered(room)
    tests = sorted(place_of_tests(path) for path in files)
    assert not [test for test in tests if not (TESTS / test).is_file()]
