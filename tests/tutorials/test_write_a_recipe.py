"""A recipe of one's own: short, and it runs from drawing to report."""

import sys
from dataclasses import replace

import pytest
from tutorial_scripts import ROOT, load, run

from graphgan.training import RunFolder

FOLDER = ROOT / "tutorials" / "write_a_recipe"


def test_it_takes_as_many_lines_as_its_page_says():
    lines = [line.strip() for file in FOLDER.glob("*.py") for line in file.read_text().splitlines()]
    count = len([line for line in lines if line and not line.startswith("# --8<--")])
    for page in ("tutorials/write_a_recipe.md", "reference/training.md"):
        assert f"{count} lines" in (ROOT / "docs" / page).read_text()


@pytest.mark.slow
def test_two_steps_end_in_a_sheet_and_a_report(tmp_path):
    flags = ["--steps", "2", "--device", "cpu", "--precision", "32-true", "--out"]
    printed = run(FOLDER / "train.py", *flags, tmp_path / "run")
    assert "robot copied" in printed
    assert "L1 inside" in (tmp_path / "run" / "report.txt").read_text()
    assert (tmp_path / "run" / "sheets" / "step-000002.png").is_file()
    assert RunFolder(tmp_path / "run").latest() is not None
    generator = load("write_a_recipe/network").RobotGenerator.from_pretrained(tmp_path / "run")
    assert generator.config == {"width": 12, "num_blocks": 2}


def test_pictures_that_it_would_not_read_are_refused(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    own = ("network", "objective", "robots")
    for name in own:  # recipes have modules of the same names
        monkeypatch.delitem(sys.modules, name, raising=False)
    train = load("write_a_recipe/train")
    for name in own:
        del sys.modules[name]
    with pytest.raises(ValueError, match="expected no --data, since robots are drawn"):
        train.experiment(replace(train.OPTIONS, data=tmp_path), None)
