"""The table of docs/paper_to_code.md is made by a command, and keeps what the tests promise."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"\| (`\w+`|picture|.*, relative) \| (\S+) \|(?: (\S+) \|)?")


@pytest.mark.slow
def test_the_page_shows_what_the_command_prints():
    script = ROOT / "scripts" / "compare_published.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    _, _, page = (ROOT / "docs" / "paper_to_code.md").read_text().partition("## How far")
    found, shown = (
        {name: numbers for name, *numbers in ROW.findall(text)} for text in (done.stdout, page)
    )
    found.pop("`anonygan_training_step`", None)
    shown.pop("`anonygan_training_step`", None)
    assert list(found) == list(shown)
    assert len(found) == 13
    for name, numbers in found.items():
        for number, documented in zip(numbers, shown[name], strict=True):
            # Rounding differs from machine to machine, its order of magnitude does not.
            assert float(number or 0) <= 1e-5 + 10 * float(documented or 0), name
            assert float(number or 0) < (1e-3 if "gradient" in name else 1e-4), name
