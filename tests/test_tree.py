"""Tests mirror the tree: whoever knows where a thing is knows where its tests are."""

from pathlib import Path

import graphgan

PACKAGE = Path(graphgan.__file__).parent
TESTS = Path(__file__).parent
PUBLIC = sorted(
    path.relative_to(PACKAGE)
    for path in PACKAGE.rglob("*.py")
    if not path.name.startswith("_")  # private helpers are tested by what uses them
)


def test_every_public_file_has_its_tests():
    tests = [path.parent / f"test_{path.name}" for path in PUBLIC]
    assert not [path for path in tests if not (TESTS / path).is_file()]
