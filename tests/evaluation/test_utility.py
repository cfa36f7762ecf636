"""Is it still a face, in the source's place and pose: where every number can be worked out."""

import pytest
from colored_faces import (
    Shifted,
)

from graphgan.evaluation.evaluate import evaluate
from graphgan.evaluation.examiner import Examiner
from graphgan.evaluation.study import Settings, Study
from graphgan.evaluation.trials import make_trials


def test_detection_counts_faces_and_asks_where_they_are(value):
    for system, rate in (("original", 1), ("gray", 0), ("shifted", 1), ("recolored", 1)):
        assert value(system, "detected by colors") == rate
        assert value(system, "detected in place by colors") == rate
        assert value(system, "detected where the original is") == rate


def test_a_box_elsewhere_is_no_detection_in_place(pictures, tools):
    trials = make_trials(pictures.pictures)
    study = Study(pictures, trials, Examiner(tools), Settings(min_iou=0.9))
    row = evaluate(study, [Shifted(20)]).rows["shifted"]
    assert row["detected by colors"].value == 1
    assert row["detected in place by colors"].value == 0


def test_the_pose_error_is_the_shift_over_the_eyes_distance(study, value):
    landmarks = study.landmarks(study.trials.probes)
    eyes = (landmarks[:, 36] - landmarks[:, 45]).norm(dim=1)
    expected = float((1.5 / eyes).mean())  # 3 pixels in x, none in y
    assert value("original", "pose error") == pytest.approx(0, abs=1e-5)
    assert value("shifted", "pose error") == pytest.approx(expected, rel=1e-4)
    published = value("shifted", "pose error as published")
    assert published == pytest.approx(2 * expected, rel=1e-4)  # level eyes: |dx| / 2
    assert value("original", "pose error to detected") == 0


def test_where_no_face_is_found_the_pose_is_not_measured_and_says_so(evaluation):
    cell = evaluation.rows["gray"]["pose error"]
    assert cell.value is None
    assert cell.note == "not measured (no face is detected)"
