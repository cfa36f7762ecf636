"""The table of docs/published.md is made by a command, and keeps what the tests promise."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"\| `(\w+)` \| (\S+) \| (\S+) \| (\S+) \|")


def test_all_cases_are_near_the_published_numbers_and_their_own_double():
    script = ROOT / "scripts" / "compare_published.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    rows = ROW.findall(done.stdout)
    documented = ROW.findall((ROOT / "docs" / "published.md").read_text())
    assert [row[0] for row in rows] == [row[0] for row in documented]
    assert len(rows) == 7
    for case, *numbers in rows:
        largest, far, rounding = map(float, numbers)
        assert far < 1e-4 * max(1, largest), case
        assert rounding < 1e-4 * max(1, largest), case
