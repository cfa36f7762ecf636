"""All metrics of all systems together."""

import copy
import math

import pytest
import torch
from colored_faces import Recolored, color_of

from graphgan.data import to_uint8_image
from graphgan.evaluation import (
    CIAGANSystem,
    FolderOfResults,
    Original,
    Settings,
    Study,
    ToolRunner,
    draw_protocol,
    evaluate,
)
from graphgan.models import CIAGANGenerator


def test_there_is_never_a_nan(evaluation):
    for row in evaluation.rows.values():
        for cell in row.values():
            assert cell.value is None or math.isfinite(cell.value)
            assert cell.value is not None or cell.note


def test_missing_results_are_left_out_and_counted(pictures, tools, tmp_path):
    from graphgan.data import write_image

    protocol = draw_protocol(pictures.pictures)
    asked = [i for i, why in zip(protocol.probes, protocol.reasons, strict=True) if not why]
    for i in asked[:9]:
        write_image(tmp_path / f"{pictures.names[i]}.png", pictures[i].image)
    study = Study(pictures, protocol, ToolRunner(tools), Settings())
    evaluation = evaluate(study, [FolderOfResults(tmp_path, name="theirs")])
    row = evaluation.rows["theirs"]
    assert row["detected by colors"].count == 9
    assert row["color, pipeline: rank-1"].value == 1
    assert row["FD-color"].note.startswith("not measured (results are missing: ")
    parrot = row["color, parrot, conditions drawn"]
    assert parrot.note == "not measured (no results for the parrot images)"
    assert "theirs: no result for 15 of 24 probes" in evaluation.warnings
    shown = evaluation.sheet["theirs"]  # six rows, of which the last have no results
    assert shown[0].any() and not shown[-1].any()


@pytest.fixture(scope="module")
def ciagan(tmp_path_factory):
    path = tmp_path_factory.mktemp("ciagan") / "weights.safetensors"
    torch.manual_seed(0)
    CIAGANGenerator(2, width=4, num_blocks=1, people=("p0", "p1")).save_pretrained(path)
    return CIAGANSystem(path)


@pytest.mark.slow
def test_stand_ins_are_counted_and_the_sheet_shows_whom_ciagan_knows(study, ciagan):
    evaluation = evaluate(study, [ciagan, Recolored()])
    told = "ciagan: 24 of 24 conditions show people whom it was not trained on"
    assert any(line.startswith(told) for line in evaluation.warnings)
    note = evaluation.rows["ciagan"]["color: nearer to the condition"].note
    assert note == "not measured (the conditions are not among its people)"
    colors = {tuple(color_of(i).tolist()) for i in (0, 1)}
    middles = to_uint8_image(evaluation.sheet["condition"])[:, :, 64, 64]
    assert {tuple(color.tolist()) for color in middles} <= colors
    again = to_uint8_image(evaluation.sheet["recolored"])[:, :, 64, 64]
    assert torch.equal(again, middles)


def test_faces_without_all_landmarks_are_not_asked_about_by_who_goes_by_them(study, tools):
    rows = list(study.pictures.pictures)
    first = study.protocol.probes[study.asked.tolist().index(True)]
    broken = rows[first].landmarks.clone()
    broken[60] = torch.nan
    rows[first] = rows[first]._replace(landmarks=broken)
    pictures = copy.copy(study.pictures)
    pictures.pictures = rows
    found = evaluate(Study(pictures, study.protocol, ToolRunner(tools)), [Original()])
    row = found.rows["original"]
    assert row["color, pose known: rank-1"].count == 11
    assert row["detected by colors"].count == 24
    assert row["color, pose known: rank-1"].value == 1
    assert row["color, pipeline: rank-1"].count == 12
    assert any("1 probes lack landmarks" in line for line in found.warnings)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda source: source[..., :64], "expected results of shape"),
        (lambda source: 100 * source, r"expected results in \[-1, 1\]"),
    ],
)
def test_results_that_are_no_pictures_are_refused(study, made, message):
    class Wrong:
        name, uses_conditions, fingerprint = "wrong", False, "1"

        def __call__(self, request):
            return made(request.source)

    with pytest.raises(ValueError, match=f"wrong: {message}"):
        evaluate(study, [Wrong()])


def test_what_a_network_was_trained_with_does_not_judge_it(study):
    class Taught(Recolored):
        trained_with = ("lite2", "color")

    class Named(torch.nn.Module):
        name = "lite2"

        def forward(self, images):
            return images.float().mean((2, 3))

    found = evaluate(study, [Original(), Taught()], features=[Named()])
    row, other = found.rows["recolored"], found.rows["original"]
    why = "not measured (the network was trained with {})"
    for name in ("FD-lite2", "KID-lite2", "told from real by lite2"):
        assert row[name].note == why.format("lite2") and other[name].value is not None
    for name in ("color, pipeline: rank-1", "color: linked, conditions drawn", "FD-color"):
        assert row[name].note == why.format("color") and other[name].value is not None
    assert row["detected by colors"].value == 1
    assert set(found.curves["pipeline"]) == {"original"}
