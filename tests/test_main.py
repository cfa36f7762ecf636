import builtins
import hashlib
import platform
import re
import runpy
import sys
from importlib.metadata import PackageNotFoundError

import pytest
import torch
from PIL import Image

import graphgan
from graphgan import __main__ as module
from graphgan.anonymize._conditions import people_conditions
from graphgan.weights import LOADABLE, SHIPPED, weights_file


def printed():
    return "\n".join(module.info())


def test_every_set_of_weights_is_listed_with_its_terms():
    text = printed()
    for weights in (*SHIPPED, *LOADABLE):
        assert weights.name in text and weights.terms in text


def test_versions_and_devices_are_there():
    text = printed()
    assert f"graphgan {graphgan.__version__}\n" in text
    assert f"Python {platform.python_version()} " in text
    assert re.search(rf"^requires: .*\btorch {re.escape(torch.__version__)}", text, re.MULTILINE)
    assert re.search(r"torch-geometric \d+\.\d+", text)
    assert re.search(r"^computes on: cpu \(\d+ threads", text, re.MULTILINE)


def test_shipped_files_are_known_by_their_sum(monkeypatch, tmp_path):
    sums = [hashlib.sha256(weights_file(w.name).read_bytes()).hexdigest()[:12] for w in SHIPPED]
    text = printed()
    assert all(f"sha256 {one}" in text for one in sums)
    monkeypatch.setattr("graphgan.weights._catalog._FOLDER", tmp_path)
    assert printed().count("file missing: ") == len(SHIPPED)


def test_extras_say_what_is_there_and_what_is_missing(monkeypatch):
    asked = ["torch>=2.6", "tyro>=0.9; extra == 'recipes'", 'av>=14; extra == "video"']
    asked += ["psutil>=6; extra == 'recipes'", "av>=14; extra == 'all'", "ruff; extra == 'dev'"]
    there = {"graphgan": "1", "torch": "2.6.0", "tyro": "0.9.1"}

    def version(name):
        if name not in there:
            raise PackageNotFoundError
        return there[name]

    monkeypatch.setattr(module, "requires", lambda name: asked)
    monkeypatch.setattr(module, "version", version)
    lines = printed().splitlines()
    assert "requires: torch 2.6.0" in lines
    assert "extra recipes: tyro 0.9.1; missing: psutil" in lines
    assert "extra video: missing: av" in lines
    assert not [line for line in lines if line.startswith(("extra all", "extra dev"))]
    del there["graphgan"]
    assert "not installed as a package, so its requirements are unknown" in printed()


def test_it_prints_even_where_torch_does_not_start(monkeypatch):
    real = builtins.__import__

    def broken(name, *args):
        if name == "torch":
            raise OSError("libcudart.so.12: cannot open shared object file")
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", broken)
    assert "torch does not start: libcudart.so.12" in printed()


def run_here(monkeypatch, *words):
    """As `python -m graphgan` does."""
    monkeypatch.setattr(sys, "argv", ["graphgan", *words])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(module.__file__, run_name="__main__")
    return exit_.value.code


def test_the_command_prints_it(monkeypatch, capsys):
    assert run_here(monkeypatch, "info") == 0
    assert capsys.readouterr().out == f"{printed()}\n"


@pytest.mark.parametrize("words", ["inform", "info now", "--versions"])
def test_other_words_are_refused_in_a_line(monkeypatch, capsys, words):
    assert run_here(monkeypatch, *words.split()) == 2
    expected = "error: expected graphgan info, people, --version or --help, got graphgan"
    assert capsys.readouterr().err == f"{expected} {words}\n"


def test_the_people_who_are_shown_are_drawn(tmp_path, monkeypatch, capsys):
    sheet = tmp_path / "people.png"
    assert run_here(monkeypatch, "people", "--sheet", str(sheet)) == 0
    count = len(people_conditions())
    assert f"{count} people" in capsys.readouterr().out
    width, height = Image.open(sheet).size
    assert width == 12 * 162 + 2 and height == -(-count // 12) * 162 + 2


@pytest.mark.parametrize(
    "words", ["people", "people --sheet", "people --sheets a.png", "people a b c"]
)
def test_people_without_a_sheet_are_refused_in_a_line(monkeypatch, capsys, words):
    assert run_here(monkeypatch, *words.split()) == 2
    expected = f"error: expected graphgan people --sheet IMAGE, got graphgan {words}\n"
    assert capsys.readouterr().err == expected
