"""The page on evaluation: its program runs as it stands."""

import re
from pathlib import Path

import pytest

import graphgan

PAGE = Path(graphgan.__file__).parents[1] / "docs" / "evaluation.md"


@pytest.mark.slow
def test_the_program_of_the_page_runs(folder, tmp_path, monkeypatch):
    program = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
    (tmp_path / "prepared").mkdir()
    (tmp_path / "prepared" / "faces").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    exec(compile(program, PAGE.name, "exec"), names)
    rows = names["evaluation"].rows
    assert list(rows) == ["original", "mirrored"]
    assert "mean color, pose known: rank-1" in rows["mirrored"]
    assert "| original | mirrored |" in (tmp_path / "report" / "report.md").read_text()
    assert (tmp_path / "report" / "sheet.png").is_file()
