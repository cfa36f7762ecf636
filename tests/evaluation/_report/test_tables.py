from dataclasses import replace

import pytest
import torch

from graphgan.evaluation import Evaluation, Measurement, Original, evaluate
from graphgan.evaluation._measurements import not_measured
from graphgan.evaluation._report.tables import Published, read_published, tables


@pytest.fixture
def written():
    """Figures that nobody measured."""
    row = {
        "detected by dlib": Measurement(0.973, 0.96, 0.985, 600),
        "pose error": Measurement(0.0445, 0.041, 0.048, 580, "20 not detected"),
        "pose error as published": Measurement(0.0, 0.0, 0.0, 580, "20 not detected"),
        "FID": not_measured("weights missing"),
    }
    return Evaluation({"original": row}, {"pipeline": {}, "pose known": {}}, {})


def test_figures_of_others_stand_only_beside_what_they_measured_and_are_marked(written):
    figures = [
        Published("AnonyGAN", "pose error as published", 0.16, None, "[A], table 1"),
        Published("AnonyGAN", "detected by dlib", 0.99, 0.0032, "[A], table 1"),
        Published("blur", "rank-1", 0.5, None, "[A], table 1"),  # measured nowhere here
    ]
    text = "\n".join(tables(written, figures))
    for title, column, number in (
        ("Pose", "pose error as published", "*0.16*"),
        ("Detection", "detected by dlib", "*99 ± 0.32*"),
    ):
        _, _, own = text.partition(f"### {title}")[2].partition("*As papers have it, not measured")
        lines = own.partition("###")[0].splitlines()
        assert lines[2:5] == [
            f"| | {column} |",
            "|---|---|",
            f"| *AnonyGAN* ([A], table 1) | {number} |",
        ]
    assert text.count("As papers have it") == 2


def test_every_metric_stands_in_exactly_one_table(evaluation):
    row = evaluation.rows["original"] | {
        "something new": Measurement(0.1),
        "and more": Measurement(0.9),
    }
    text = "\n".join(tables(replace(evaluation, rows={"original": row}, groups={})))
    lines = [line for line in text.splitlines() if line.startswith("| ") and line[2] != "|"]
    assert sorted(line.split(" | ")[0].strip("| ") for line in lines) == sorted(row)
    others = text.partition("### Other metrics")[2]
    assert "| something new | 0.1 |" in others and "| and more | 0.9 |" in others


def test_groups_have_the_figures_of_the_first_page(study):
    half = torch.arange(len(study.protocol.probes)) < 12
    groups = {"tone: dark": half, "tone: light": ~half}
    text = "\n".join(tables(evaluate(study, [Original()], groups=groups)))
    shown = text.partition("### original, by tone")[2]
    assert "| | dark | light |" in shown
    assert "| detected where the original is, % | 100.0 [15.8, 100.0] |" in shown
    assert "color, pipeline: rank-1, %" in shown


def test_published_figures_come_from_a_file(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text("system,metric,value,deviation,source\nX,FID,8.93,,table 1\nX,y,0.03,0.01,z\n")
    assert read_published(path) == [
        Published("X", "FID", 8.93, None, "table 1"),
        Published("X", "y", 0.03, 0.01, "z"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "expected the columns system,metric,value,deviation,source"),
        ("system,metric,value,deviation,source\na,b,much,,c\n", "line 2: expected a number"),
        ("system,metric,value,deviation,source\na,b,1,c\n", "line 2: expected a number"),
        ("system,metric,value,deviation,source\na,b,1,nan,c\n", "line 2: expected a number"),
        ('system,metric,value,deviation,source\na,b,"1,,c\n', "line 2"),
    ],
)
def test_a_file_of_figures_that_is_none_is_refused(tmp_path, text, message):
    path = tmp_path / "published.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_published(path)
