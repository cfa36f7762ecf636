"""Tests mirror the tree: whoever knows where a thing is knows where its tests are."""

from pathlib import Path

import pytest

import graphgan

PACKAGE = Path(graphgan.__file__).parent
TESTS = Path(__file__).parent
PUBLIC = sorted(
    path.relative_to(PACKAGE)
    for path in PACKAGE.rglob("*.py")
    if not path.name.startswith("_")  # private helpers are tested by what uses them
)


@pytest.mark.parametrize("path", PUBLIC, ids=str)
def test_every_public_file_has_its_tests(path):
    assert (TESTS / path.parent / f"test_{path.name}").is_file()
