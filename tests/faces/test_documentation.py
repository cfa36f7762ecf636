"""The programs of docs/faces.md run, and what they add to the registry is taken out again."""

import pytest
from documentation import DOCS, programs

from graphgan.faces import DETECTORS


@pytest.fixture
def restored():
    before = dict(DETECTORS)
    yield
    DETECTORS.clear()
    DETECTORS.update(before)


def test_the_programs_of_the_page_run(restored, capsys):
    for program, _ in programs(DOCS / "faces.md"):
        exec(program, {"__name__": "page"})
    assert capsys.readouterr().out.splitlines()[-1] == "tensor([[0., 0., 8., 7.]])"
