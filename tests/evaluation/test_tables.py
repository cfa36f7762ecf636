from dataclasses import replace

import pytest
import torch

from graphgan.evaluation.cells import Cell, not_measured
from graphgan.evaluation.evaluate import Evaluation, evaluate
from graphgan.evaluation.systems import Original
from graphgan.evaluation.tables import Published, read_published, tables


@pytest.fixture
def written():
    """Figures that nobody measured."""
    row = {
        "detected by dlib": Cell(0.973, 0.96, 0.985, 600),
        "pose error": Cell(0.0445, 0.041, 0.048, 580, "20 not detected"),
        "pose error as published": Cell(0.0, 0.0, 0.0, 580, "20 not detected"),
        "FID": not_measured("weights missing"),
    }
    return Evaluation({"original": row}, {"pipeline": {}, "pose known": {}}, {})


def test_figures_of_others_stand_only_beside_what_they_measured_and_are_marked(written):
    figures = [Published("AnonyGAN", "pose error as published", 0.16, "[A], table 1")]
    lines = "\n".join(tables(written, figures)).splitlines()
    (header,) = [line for line in lines if "AnonyGAN" in line]
    assert header == "| | original | *AnonyGAN (paper, not measured here)* |"
    below = lines[lines.index(header) + 2 :][:2]
    assert below[0] == "| pose error | 0.0445 [0.041, 0.048] (1) |  |"
    assert below[1].endswith("| *0.16* ([A], table 1) |")


def test_every_metric_stands_in_exactly_one_table(evaluation):
    row = evaluation.rows["original"] | {"something new": Cell(0.1), "and more": Cell(0.9)}
    text = "\n".join(tables(replace(evaluation, rows={"original": row}, groups={})))
    lines = [line for line in text.splitlines() if line.startswith("| ") and line[2] != "|"]
    assert sorted(line.split(" | ")[0].strip("| ") for line in lines) == sorted(row)
    others = text.partition("### Others")[2]
    assert "| something new | 0.1 |" in others and "| and more | 0.9 |" in others


def test_groups_have_the_figures_of_the_first_page(study):
    half = torch.arange(len(study.trials.probes)) < 12
    groups = {"tone: dark": half, "tone: light": ~half}
    text = "\n".join(tables(evaluate(study, [Original()], groups=groups)))
    shown = text.partition("### original, by tone")[2]
    assert "| | dark | light |" in shown
    assert "| detected where the original is, % | 100.0 [15.8, 100.0] |" in shown
    assert "colour, pipeline: rank-1, %" in shown


def test_published_figures_come_from_a_file(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text("system,metric,value,source\nAnonyGAN,pose error as published,0.16,table 1\n")
    assert read_published(path) == [
        Published("AnonyGAN", "pose error as published", 0.16, "table 1")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "expected the columns system,metric,value,source"),
        ("system,metric,value,source\na,b,much,c\n", "line 2: expected a number"),
        ("system,metric,value,source\na,b\n", "line 2: expected a number"),
        ("system,metric,value,source\na,b,nan,c\n", "line 2: expected a number"),
        ('system,metric,value,source\na,b,"1,c\n', "line 2"),
    ],
)
def test_a_file_of_figures_that_is_none_is_refused(tmp_path, text, message):
    path = tmp_path / "published.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_published(path)
