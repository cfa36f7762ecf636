"""Is the person still recognized: where every number can be worked out."""

import pytest
from colored_faces import (
    ColorDetector,
    ColorLandmarker,
    ColorRecognizer,
    Recolored,
    colored_folder,
    open_folder,
)

from graphgan.evaluation import (
    Original,
    Settings,
    Study,
    ToolRunner,
    Tools,
    draw_protocol,
    evaluate,
)


@pytest.mark.parametrize("attacker", ["pipeline", "pose known"])
def test_people_are_recognized_by_their_color_and_not_without_it(attacker, value):
    prefix = f"color, {attacker}: "
    for metric in ("rank-1", "verified", "verified at FAR 10 %"):
        assert value("original", prefix + metric) == 1
        assert value("recolored", prefix + metric) == 0
    assert value("gray", prefix + "rank-1") <= 0.25  # whose color is nearest to gray
    assert value("gray", prefix + "verified") == 0
    assert value("original", prefix + "rank-1, same image") == 1
    assert value("recolored", prefix + "rank-1, same image") == 0


def test_curves_reach_one_for_the_original_at_once(evaluation):
    false, true = evaluation.curves["pose known"]["original"]
    assert true[false == 0].max() == 1
    false, true = evaluation.curves["pose known"]["gray"]
    assert true[false == 0].max() == 0


def test_who_is_in_no_gallery_cannot_be_recognized(tmp_path):
    pictures = open_folder(colored_folder(tmp_path, videos=1, frames=3))
    tools = Tools(ColorDetector(), ColorLandmarker(), [ColorRecognizer()])
    study = Study(pictures, draw_protocol(pictures.pictures), ToolRunner(tools), Settings())
    evaluation = evaluate(study, [Original()])
    row = evaluation.rows["original"]
    why = "not measured (nobody has images from two videos)"
    assert row["color, pipeline: rank-1"].note == why
    nobody = "not measured (nobody else in the gallery)"
    assert row["color, pipeline: rank-1, same image"].note == nobody
    assert row["color, pipeline: verified, same image"].value == 1
    assert "not measured" in row["color, parrot, conditions drawn"].note
    assert evaluation.curves == {"pipeline": {}, "pose known": {}}


def test_one_person_alone_is_not_looked_for_in_a_gallery(make_study):
    row = evaluate(make_study(people=1), [Original()]).rows["original"]
    why = "not measured (only one person in the gallery, who is always the nearest)"
    assert row["color, pipeline: rank-1"].note == why
    assert (
        row["color, parrot, conditions drawn"].note
        == "not measured (no parrot images of two people)"
    )
    assert row["detected by colors"].value == 1


def test_a_false_accept_rate_that_too_few_impostors_can_give_is_not_measured(study):
    row = evaluate(study, [Original()]).rows["original"]
    why = "not measured (too few pairs of different people: 120)"  # 24 probes, 5 others each
    assert row["color, pipeline: verified at FAR 0.1 %"].note == why
    assert row["color, pipeline: verified at FAR 1 %"].value == 1


def test_results_are_taken_for_others_as_often_as_they_look_like_them(evaluation, study):
    taken = evaluation.rows["original"]["color, pipeline: accepted as others"]
    assert taken.value == 0  # nobody has another's color
    # Shown as the condition they are taken for nobody else; their own person is left out as well.
    shown = evaluation.rows["recolored"]["color, pose known: accepted as others"]
    assert shown.value == 0 and shown.count == int(study.asked.sum())


def test_a_gray_face_is_taken_for_everybody_by_who_accepts_all(pictures):
    class Lax(ColorRecognizer):
        threshold = 100.0

    tools = Tools(ColorDetector(), ColorLandmarker(), [Lax()])
    study = Study(pictures, draw_protocol(pictures.pictures), ToolRunner(tools))
    row = evaluate(study, [Recolored()]).rows["recolored"]
    assert row["color, pose known: accepted as others"].value == 1
