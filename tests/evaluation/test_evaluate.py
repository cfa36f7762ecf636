"""Every number of an evaluation, where it can be worked out by hand."""

import math

import pytest
import torch
from coloured_faces import (
    ColourDetector,
    ColourEmbedder,
    Grey,
    Recoloured,
    Shifted,
    coloured_folder,
    open_folder,
)

from graphgan.evaluation.evaluate import evaluate
from graphgan.evaluation.examiner import Examiner, Tools
from graphgan.evaluation.study import Settings, Study
from graphgan.evaluation.systems import FolderOfResults, Original
from graphgan.evaluation.trials import make_trials


@pytest.fixture(scope="module")
def evaluation(pictures, tools):
    settings = Settings(false_accept_rate=0.1)  # one of 100 would take 100 impostors
    study = Study(pictures, make_trials(pictures.pictures), Examiner(tools), settings)
    return evaluate(study, [Original(), Grey(), Shifted(3), Recoloured()])


def value(evaluation, system, metric):
    return evaluation.rows[system][metric].value


def test_detection_counts_faces_and_asks_where_they_are(evaluation):
    for system, rate in (("original", 1), ("grey", 0), ("shifted", 1), ("recoloured", 1)):
        assert value(evaluation, system, "detected by colours") == rate
        assert value(evaluation, system, "detected in place by colours") == rate
        assert value(evaluation, system, "detected where the original is") == rate


def test_a_box_elsewhere_is_no_detection_in_place(pictures, tools):
    trials = make_trials(pictures.pictures)
    study = Study(pictures, trials, Examiner(tools), Settings(min_iou=0.9))
    row = evaluate(study, [Shifted(20)]).rows["shifted"]
    assert row["detected by colours"].value == 1
    assert row["detected in place by colours"].value == 0


def test_the_pose_error_is_the_shift_over_the_eyes_distance(evaluation, study):
    landmarks = study.landmarks(study.trials.probes)
    eyes = (landmarks[:, 36] - landmarks[:, 45]).norm(dim=1)
    expected = float((1.5 / eyes).mean())  # 3 pixels in x, none in y
    assert value(evaluation, "original", "pose error") == pytest.approx(0, abs=1e-5)
    assert value(evaluation, "shifted", "pose error") == pytest.approx(expected, rel=1e-4)
    published = value(evaluation, "shifted", "pose error as published")
    assert published == pytest.approx(2 * expected, rel=1e-4)  # level eyes: |dx| / 2
    assert value(evaluation, "original", "pose error to detected") == 0


def test_where_no_face_is_found_the_pose_is_not_measured_and_says_so(evaluation):
    cell = evaluation.rows["grey"]["pose error"]
    assert cell.value is None
    assert cell.note == "not measured (no face is detected)"


@pytest.mark.parametrize("attacker", ["pipeline", "pose known"])
def test_people_are_recognised_by_their_colour_and_not_without_it(evaluation, attacker):
    prefix = f"colour, {attacker}: "
    for metric in ("rank-1", "verified", "verified at FAR"):
        assert value(evaluation, "original", prefix + metric) == 1
        assert value(evaluation, "recoloured", prefix + metric) == 0
    assert value(evaluation, "grey", prefix + "rank-1") <= 0.25  # whose colour is nearest to grey
    assert value(evaluation, "grey", prefix + "verified") == 0
    assert value(evaluation, "original", prefix + "rank-1, same picture") == 1
    assert value(evaluation, "recoloured", prefix + "rank-1, same picture") == 0


def test_the_parrot_learns_a_fixed_condition_and_not_a_drawn_one(pictures, tools):
    settings = Settings(condition_split="all")
    study = Study(pictures, make_trials(pictures.pictures), Examiner(tools), settings)
    row = evaluate(study, [Recoloured(), Original(), Grey()]).rows
    drawn, fixed = (
        row["recoloured"][f"colour, parrot, {rule}"].value
        for rule in ("conditions drawn", "one condition a person")
    )
    assert fixed > 0.7  # two people may have drawn the same condition
    assert drawn < fixed
    assert row["original"]["colour, parrot, conditions drawn"].value == 1
    assert row["grey"]["colour, parrot, conditions drawn"].value <= 0.25


def test_likeness_is_to_the_condition_where_its_colour_is_taken(evaluation):
    for metric in ("nearer to the condition", "verified as the condition"):
        assert value(evaluation, "recoloured", f"colour: {metric}") == 1
        cell = evaluation.rows["original"][f"colour: {metric}"]
        assert cell.note == "not measured (it takes no condition)"


def test_naturalness_without_weights_says_so(evaluation):
    for system in evaluation.rows:
        assert evaluation.rows[system]["FID"].note == "not measured (weights missing)"


def test_the_frechet_distance_grows_with_what_is_lost(evaluation):
    distances = {s: value(evaluation, s, "FD-colour") for s in ("original", "grey", "shifted")}
    assert distances["original"] == pytest.approx(distances["shifted"], abs=1e-6)
    assert distances["grey"] > 5 * distances["original"]


def test_fid_and_kid_are_of_the_features_given(pictures, tools):
    study = Study(pictures, make_trials(pictures.pictures), Examiner(tools), Settings())

    class Means(torch.nn.Module):
        def forward(self, images):
            return images.float().mean((2, 3))

    evaluation = evaluate(study, [Original(), Grey()], features=Means())
    assert value(evaluation, "grey", "FID") > value(evaluation, "original", "FID")
    cell = evaluation.rows["grey"]["FID"]
    assert cell.count == 12
    assert "only 12 pictures" in cell.note
    assert any("FID" in warning for warning in evaluation.warnings)


def test_there_is_never_a_nan(evaluation):
    for row in evaluation.rows.values():
        for cell in row.values():
            assert cell.value is None or math.isfinite(cell.value)
            assert cell.value is not None or cell.note


def test_curves_reach_one_for_the_original_at_once(evaluation):
    false, true = evaluation.curves["pose known"]["original"]
    assert true[false == 0].max() == 1
    false, true = evaluation.curves["pose known"]["grey"]
    assert true[false == 0].max() == 0


def test_missing_results_are_left_out_and_counted(pictures, tools, tmp_path):
    from graphgan.data.images import write_image

    trials = make_trials(pictures.pictures)
    for i in trials.probes[:9]:
        write_image(tmp_path / f"{pictures.names[i]}.png", pictures[i].image)
    study = Study(pictures, trials, Examiner(tools), Settings())
    evaluation = evaluate(study, [FolderOfResults(tmp_path, name="theirs")])
    row = evaluation.rows["theirs"]
    assert row["detected by colours"].count == 9
    assert row["colour, pipeline: rank-1"].value == 1
    assert row["FD-colour"].note == "not measured (results are missing)"
    parrot = row["colour, parrot, conditions drawn"]
    assert parrot.note == "not measured (no results for the lessons)"
    assert "theirs: no result for 3 of 12 probes" in evaluation.warnings


def test_a_folder_without_any_result_for_the_probes_is_refused(pictures, tools, tmp_path):
    from graphgan.data.images import write_image

    write_image(tmp_path / "something.png", pictures[0].image)
    study = Study(pictures, make_trials(pictures.pictures), Examiner(tools), Settings())
    with pytest.raises(ValueError, match="theirs: expected results for the probes, got none"):
        evaluate(study, [FolderOfResults(tmp_path, name="theirs")])


def test_who_is_in_no_gallery_cannot_be_recognised(tmp_path):
    pictures = open_folder(coloured_folder(tmp_path, videos=1, frames=3))
    tools = Tools(ColourDetector(), [ColourEmbedder()])
    study = Study(pictures, make_trials(pictures.pictures), Examiner(tools), Settings())
    evaluation = evaluate(study, [Original()])
    row = evaluation.rows["original"]
    why = "not measured (nobody has pictures of two videos)"
    assert row["colour, pipeline: rank-1"].note == why
    assert row["colour, pipeline: rank-1, same picture"].value == 1
    assert "not measured" in row["colour, parrot, conditions drawn"].note
    assert evaluation.curves == {"pipeline": {}, "pose known": {}}


def test_one_person_alone_is_not_looked_for_in_a_gallery(make_study):
    row = evaluate(make_study(people=1), [Original()]).rows["original"]
    why = "not measured (one person alone in the gallery, who is always the nearest)"
    assert row["colour, pipeline: rank-1"].note == why
    assert row["colour, parrot, conditions drawn"].note == "not measured (no lessons of two people)"
    assert row["detected by colours"].value == 1


def test_a_false_accept_rate_that_too_few_impostors_can_give_is_not_measured(study):
    row = evaluate(study, [Original()]).rows["original"]
    assert row["colour, pipeline: verified at FAR"].note == "not measured (too few impostors)"


def test_two_systems_of_one_name_are_refused(study):
    with pytest.raises(ValueError, match="different names"):
        evaluate(study, [Original(), Original()])


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
