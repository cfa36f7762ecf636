import csv
from dataclasses import replace

import pytest
import torch

from graphgan.evaluation import Evaluation, Measurement, write_report
from graphgan.evaluation._measurements import not_measured


@pytest.fixture
def evaluation():
    rows = {
        "original": {
            "detected by dlib": Measurement(0.973, 0.96, 0.985, 600),
            "pose error": Measurement(0.0445, 0.041, 0.048, 580, "20 not detected"),
            "pose error as published": Measurement(0.0, 0.0, 0.0, 580, "20 not detected"),
            "dlib, pipeline: rank-1": Measurement(0.818, 0.77, 0.86, 600),
            "dlib, pose known: rank-1": Measurement(0.8, 0.75, 0.85, 600),
            "FD-dlib": Measurement(0.03, count=300),
            "FID": not_measured("weights missing"),
        },
        "blur": {
            "detected by dlib": Measurement(0.008, 0.0, 0.02, 600),
            "pose error": not_measured("no face is detected"),
            "pose error as published": not_measured("no face is detected"),
            "dlib, pipeline: rank-1": Measurement(0.003, 0.0, 0.01, 600),
            "dlib, pose known: rank-1": Measurement(0.01, 0.0, 0.02, 600),
            "FD-dlib": Measurement(0.4, count=300),
            "FID": not_measured("weights missing"),
        },
    }
    curve = (torch.tensor([0.0, 0.5, 1.0]), torch.tensor([0.2, 0.9, 1.0]))
    sheet = {"source": torch.zeros(2, 3, 16, 16), "blur": torch.ones(2, 3, 16, 16)}
    curves = {"pipeline": {"original": curve}, "pose known": {"original": curve, "blur": curve}}
    facts = {
        **{"probes": 600, "people": 45, "people in the gallery": 40, "parrot images": 120},
        **{"recognition probes": 333, "folder": "faces", "size": [128, 128]},
    }
    warnings, first = ["something to know"], ["something to know at once"]
    return Evaluation(rows, curves, facts, warnings, sheet, cautions=first)


def test_a_report_is_text_numbers_and_pictures(evaluation, tmp_path):
    write_report(evaluation, tmp_path / "out", command="evaluate.py --data x")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    pictures = {"sheet.png", "roc.png", "privacy-utility.png"}
    assert names == {"report.md", "report.csv", "report.json"} | pictures
    text = (tmp_path / "out" / "report.md").read_text()
    assert "evaluate.py --data x" in text
    assert "| detected by dlib | 97.3 [96.0, 98.5] | 0.8 [0.0, 2.0] |" in text
    assert "0.0445 [0.041, 0.048] (1)" in text
    assert "(1) 20 not detected" in text
    assert "not measured (weights missing)" in text
    assert "- something to know." in text
    assert "- size: 128 x 128" in text
    assert all(f"]({name})" in text for name in pictures)
    assert "nan" not in text.lower().split()


def test_the_report_begins_with_what_a_reader_needs_first(evaluation, tmp_path):
    write_report(evaluation, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert text.startswith("# Evaluation of blur\n\n**Note**: something to know at once.\n")
    order = [
        "Measured on 600 images of 45 people (folder faces). Each is a *probe*:",
        "it uses 333 probes. *Parrot images* are 120 images",
        "](sheet.png)",
        "| | target | original | blur |",
        "## Strengths",
        "## Weaknesses",
        "## Warnings",
        "## Details",
        "### Detection",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


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
