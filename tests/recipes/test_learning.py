"""What `make train` and the READMEs claim of the smoke presets, run as they are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"
ROW = re.compile(
    r"^  (?P<name>\S.*?)\s+(?P<mean>\S+) \[(?P<low>\S+), \S+?\](?P<more>.*)$", flags=re.MULTILINE
)
pytestmark = pytest.mark.heavy


@pytest.fixture
def rows(tmp_path, environment):
    def rows(recipe: str) -> list[re.Match]:
        """Lines of the report of a run: names, means, bounds, further columns."""
        command = [sys.executable, RECIPES / recipe / "train.py", "--out", tmp_path / "run"]
        full = {k: v for k, v in environment.items() if k != "OMP_NUM_THREADS"}
        subprocess.run(command, env=full, check=True, capture_output=True)
        return [*ROW.finditer((tmp_path / "run" / "report.txt").read_text())]

    return rows


@pytest.mark.parametrize(
    ("recipe", "answers", "shuffled"),
    [
        (
            "anonygan",
            ["AnonyGAN", "mean face", "condition pasted", "source blurred"],
            ["conditions shuffled", "source landmarks shuffled"],
        ),
        (
            "ciagan",
            ["CIAGAN", "mean face", "wanted person pasted", "source blurred"],
            ["identities shuffled", "landmarks shuffled"],
        ),
    ],
)
def test_faces_beat_trivial_answers_and_look_at_their_inputs(rows, recipe, answers, shuffled):
    found = [row for row in rows(recipe) if not row["more"]]
    errors = {row["name"]: float(row["mean"]) for row in found[:4]}
    assert list(errors) == answers
    assert errors[answers[0]] < min(errors[name] for name in answers[1:])
    assert [row["name"] for row in found[-2:]] == shuffled
    assert all(float(row["low"]) > 0 for row in found[-2:])


def test_persons_beat_trivial_answers_inside_their_masks(rows):
    found, trivial = rows("bigraphgan"), ["source copied", "source bent", "mean image"]
    similarity = {row["name"]: float(row["mean"]) for row in found if row["more"]}
    assert list(similarity) == ["BiGraphGAN", *trivial]
    assert similarity["BiGraphGAN"] > max(similarity[name] for name in trivial)
    margins = {row["name"]: float(row["low"]) for row in found if not row["more"]}
    assert list(margins) == trivial
    assert min(margins.values()) > 0.02
