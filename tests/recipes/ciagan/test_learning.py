"""What the README claims of the smoke preset, run as it is."""

import re
import subprocess
import sys

import pytest
import train

ROW = re.compile(
    r"^  (?P<name>\S.*?)\s+(?P<mean>\S+) \[(?P<low>\S+), (?P<high>\S+)\]$", re.MULTILINE
)
TRIVIAL = ["mean face", "wanted person pasted", "source blurred"]


@pytest.fixture(scope="module")
def report(tmp_path_factory, environment) -> str:
    run = tmp_path_factory.mktemp("run") / "run"
    command = [sys.executable, train.__file__, "--out", str(run)]
    full = {k: v for k, v in environment.items() if k != "OMP_NUM_THREADS"}
    subprocess.run(command, env=full, check=True, capture_output=True)
    return (run / "report.txt").read_text()


@pytest.mark.heavy
def test_it_beats_trivial_answers_and_looks_at_its_inputs(report):
    rows = [(m["name"], float(m["mean"]), float(m["low"])) for m in ROW.finditer(report)]
    errors = {name: mean for name, mean, _ in rows[:4]}
    assert list(errors) == ["CIAGAN", *TRIVIAL]
    assert errors["CIAGAN"] < min(errors[name] for name in TRIVIAL)
    rises = rows[-2:]
    assert [name for name, _, _ in rises] == ["identities shuffled", "landmarks shuffled"]
    assert all(low > 0 for _, _, low in rises)
