"""What the README claims of the smoke preset, run as it is."""

import re
import subprocess
import sys

import pytest
import train

ROW = re.compile(
    r"^  (?P<name>\S.*?\S)\s{2,}(?P<first>\S+) \[(?P<low>\S+), \S+\](?P<more>.*)$", re.M
)
TRIVIAL = ["source copied", "source bent", "mean image"]


@pytest.fixture(scope="module")
def report(tmp_path_factory, environment) -> str:
    run = tmp_path_factory.mktemp("run") / "run"
    command = [sys.executable, train.__file__, "--out", str(run)]
    full = {k: v for k, v in environment.items() if k != "OMP_NUM_THREADS"}
    subprocess.run(command, env=full, check=True, capture_output=True)
    return (run / "report.txt").read_text()


@pytest.mark.heavy
def test_it_beats_the_trivial_answers_inside_the_person(report):
    rows = [*ROW.finditer(report)]
    similarity = {row["name"]: float(row["first"]) for row in rows if row["more"]}
    assert list(similarity) == ["BiGraphGAN", *TRIVIAL]
    assert similarity["BiGraphGAN"] > max(similarity[name] for name in TRIVIAL)
    margins = {row["name"]: float(row["low"]) for row in rows if not row["more"]}
    assert list(margins) == TRIVIAL
    assert min(margins.values()) > 0.02
