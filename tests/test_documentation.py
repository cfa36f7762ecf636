"""What the pages in docs/ name is there: Python names, files, links; their programs run."""

import importlib
import re

import pytest
import torch
from documentation import DOCS, ROOT, programs

from graphgan.landmarks import OPENPOSE_18, SCHEMES

PAGES = sorted(DOCS.rglob("*.md"))
NAME = re.compile(r"\bgraphgan(?:\.\w+)+")
QUOTED = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
PLACES = ("graphgan/", "recipes/", "scripts/", "docs/", "tests/", "benchmarks/", "tutorials/")
COMMAND = re.compile(r"\bpython ((?:recipes|scripts|benchmarks|tutorials)/[\w/]+\.py)")


def find(name: str) -> object:
    """A dotted name: a module, or what can be reached from one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            value = getattr(value, part)
        return value
    raise AttributeError(name)


def named_files(text: str) -> set[str]:
    quoted = {q.split()[0] for q in QUOTED.findall(text) if q.startswith(PLACES)}
    return {path for path in quoted | set(COMMAND.findall(text)) if not set(path) & set("*<>{")}


def can_be_imported(name: str) -> bool:
    try:
        find(name)
    except AttributeError:
        return False
    return True


def test_every_dotted_name_can_be_imported():
    names = {(page, name) for page in PAGES for name in NAME.findall(page.read_text("utf-8"))}
    assert not [(page, name) for page, name in names if not can_be_imported(name)]


def test_every_file_of_the_repository_is_there():
    named = [(page, path) for page in PAGES for path in named_files(page.read_text("utf-8"))]
    assert not [(page, path) for page, path in named if not (ROOT / path).exists()]


def test_every_link_to_a_file_leads_somewhere():
    """Pages that show another file have its links, relative to that file: mkdocs checks those."""
    texts = {
        page: re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL) for page in PAGES
    }
    links = [(page, link) for page, text in texts.items() for link in LINK.findall(text)]
    assert not [(page, link) for page, link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("name", ["researchers.md", "landmarks.md"])
def test_its_programs_print_what_it_says(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(SCHEMES, "wflw-98", OPENPOSE_18)  # what a program adds goes away
    assert programs(DOCS / name)
    for program, printed in programs(DOCS / name):
        torch.manual_seed(0)
        exec(compile(program, name, "exec"), {"__name__": "page"})
        assert capsys.readouterr().out == printed
