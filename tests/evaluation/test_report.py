import csv
import json
from dataclasses import replace

import pytest
import torch

from graphgan.evaluation.cells import Cell, not_measured
from graphgan.evaluation.evaluate import Evaluation
from graphgan.evaluation.report import Published, read_published, tables, write_report


@pytest.fixture
def evaluation():
    rows = {
        "original": {
            "detected by dlib": Cell(0.973, 0.96, 0.985, 600),
            "pose error": Cell(0.0445, 0.041, 0.048, 580, "20 not detected"),
            "pose error as published": Cell(0.0, 0.0, 0.0, 580, "20 not detected"),
            "dlib, pipeline: rank-1": Cell(0.818, 0.77, 0.86, 600),
            "dlib, pose known: rank-1": Cell(0.8, 0.75, 0.85, 600),
            "FD-dlib": Cell(0.03, count=300),
            "FID": not_measured("weights missing"),
        },
        "blur": {
            "detected by dlib": Cell(0.008, 0.0, 0.02, 600),
            "pose error": not_measured("no face is detected"),
            "pose error as published": not_measured("no face is detected"),
            "dlib, pipeline: rank-1": Cell(0.003, 0.0, 0.01, 600),
            "dlib, pose known: rank-1": Cell(0.01, 0.0, 0.02, 600),
            "FD-dlib": Cell(0.4, count=300),
            "FID": not_measured("weights missing"),
        },
    }
    curve = (torch.tensor([0.0, 0.5, 1.0]), torch.tensor([0.2, 0.9, 1.0]))
    sheet = {"source": torch.zeros(2, 3, 16, 16), "blur": torch.ones(2, 3, 16, 16)}
    curves = {"pipeline": {"original": curve}, "pose known": {"original": curve, "blur": curve}}
    facts = {"probes": 600, "size": [128, 128], "threshold": 0.53}
    return Evaluation(rows, curves, facts, ["something to know"], sheet)


def test_a_report_is_text_numbers_and_pictures(evaluation, tmp_path):
    write_report(evaluation, tmp_path / "out", command="evaluate.py --data x")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    pictures = {"sheet.png", "roc.png", "privacy-utility.png"}
    assert names == {"report.md", "report.csv", "report.json"} | pictures
    text = (tmp_path / "out" / "report.md").read_text()
    assert "evaluate.py --data x" in text
    assert "| original | 97.3 [96.0, 98.5] |" in text
    assert "| blur | 0.8 [0.0, 2.0] |" in text
    assert "0.0445 [0.041, 0.048] (1)" in text
    assert "(1) 20 not detected" in text
    assert "not measured (weights missing)" in text
    assert "**Note**: something to know." in text
    assert "- size: 128 x 128" in text
    assert all(f"]({name})" in text for name in pictures)
    assert "nan" not in text.lower().split()


def test_pictures_of_an_earlier_report_do_not_stay(evaluation, tmp_path):
    write_report(evaluation, tmp_path)
    write_report(replace(evaluation, curves={}), tmp_path)
    assert not (tmp_path / "roc.png").exists()
    assert "roc.png" not in (tmp_path / "report.md").read_text()


def test_a_report_that_was_cut_short_is_known_for_one(evaluation, tmp_path):
    broken = replace(evaluation, sheet={"a": torch.zeros(1, 3, 8, 8), "b": torch.zeros(2, 3, 8, 8)})
    with pytest.raises(ValueError, match="one length"):
        write_report(broken, tmp_path)
    assert (tmp_path / "report.json").is_file()


def test_the_csv_has_a_row_for_every_cell(evaluation, tmp_path):
    write_report(evaluation, tmp_path)
    with (tmp_path / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(row) for row in evaluation.rows.values())
    first = rows[0]
    assert (first["system"], first["metric"]) == ("original", "detected by dlib")
    assert float(first["low"]) == 0.96
    missing = next(row for row in rows if row["metric"] == "FID")
    assert (missing["value"], missing["note"]) == ("", "not measured (weights missing)")


def test_the_json_is_the_evaluation(evaluation, tmp_path):
    figures = [Published("AnonyGAN", "pose error as published", 0.16, "[A], table 1")]
    write_report(evaluation, tmp_path, published=figures)
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["systems"]["blur"]["dlib, pipeline: rank-1"]["value"] == 0.003
    assert content["published"][0]["value"] == 0.16
    assert content["warnings"] == ["something to know"]


def test_figures_of_others_stand_only_beside_what_they_measured_and_are_marked(evaluation):
    figures = [Published("AnonyGAN", "pose error as published", 0.16, "[A], table 1")]
    lines = "\n".join(tables(evaluation, figures)).splitlines()
    (theirs,) = [line for line in lines if "AnonyGAN" in line]
    assert theirs == ("| *AnonyGAN (paper, not measured here)* |  | *0.16* ([A], table 1) |")


def test_every_metric_stands_in_exactly_one_table(evaluation):
    text = "\n".join(tables(evaluation))
    headers = [line for line in text.splitlines() if line.startswith("| | ")]
    names = [name for header in headers for name in header.strip("| ").split(" | ")]
    assert sorted(names) == sorted(evaluation.rows["original"])


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
