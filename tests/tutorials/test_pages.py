"""Pages show the scripts themselves: each section that they name is there, and begins and ends."""

import re

import pytest
from tutorial_scripts import ROOT

PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
PICTURE = re.compile(r"\]\((\.\./pictures/[^)]+)\)")
SNIPPET = re.compile(r'^\s*--8<-- "([^":]+):(\w+)"$', re.MULTILINE)


def test_there_is_a_page_for_each_tutorial():
    scripts = {path.stem for path in (ROOT / "tutorials").iterdir() if path.stem != "__pycache__"}
    assert scripts == {page.stem for page in PAGES if page.stem != "index"}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_what_a_page_shows_is_there(page):
    shown = SNIPPET.findall(page.read_text())
    assert shown
    for path, name in shown:
        script = (ROOT / path).read_text()
        assert script.count(f"# --8<-- [start:{name}]") == 1
        assert script.index(f"[start:{name}]") < script.index(f"# --8<-- [end:{name}]")
    for picture in PICTURE.findall(page.read_text()):
        assert (page.parent / picture).is_file()
