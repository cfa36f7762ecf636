"""Is it still a face, in the source's place and pose: where every number can be worked out."""

import pytest
from colored_faces import Shifted, colored_folder

from graphgan.data import PreparedPictures
from graphgan.evaluation import Original, Settings, Study, ToolRunner, draw_protocol, evaluate
from graphgan.evaluation._measures.utility import measure_expressions, measure_utility
from graphgan.evaluation._study import Subject
from graphgan.evaluation._systems import obscuring_system
from graphgan.landmarks import CIAGAN_29


def test_detection_counts_faces_and_asks_where_they_are(value):
    for system, rate in (("original", 1), ("gray", 0), ("shifted", 1), ("recolored", 1)):
        assert value(system, "detected by colors") == rate
        assert value(system, "detected in place by colors") == rate
        assert value(system, "detected where the original is") == rate


def test_a_box_elsewhere_is_no_detection_in_place(pictures, tools):
    protocol = draw_protocol(pictures.pictures)
    study = Study(pictures, protocol, ToolRunner(tools), Settings(min_iou=0.9))
    row = evaluate(study, [Shifted(20)]).rows["shifted"]
    assert row["detected by colors"].value == 1
    assert row["detected in place by colors"].value == 0


def test_the_pose_error_is_the_shift_over_the_eyes_distance(study, value):
    landmarks = study.landmarks(study.protocol.probes)
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


def test_of_other_schemes_the_pose_error_to_detected_landmarks_is_measured(
    study, tools, value, tmp_path
):
    pictures = PreparedPictures(colored_folder(tmp_path, scheme=CIAGAN_29))
    others = Study(pictures, study.protocol, ToolRunner(tools))
    row, name = measure_utility(Subject(others, Shifted(3))), "pose error to detected"
    assert row["pose error"].note == (
        "not measured (the folder has ciagan-29 landmarks, but the landmarker finds ibug-68; see "
        "pose error to detected)"
    )
    for metric in (name, "pose error as published", "detected in place by colors"):
        assert row[metric].value == pytest.approx(value("shifted", metric))


def test_the_original_keeps_its_expression_and_a_black_face_has_none(drawn_study, monkeypatch):
    monkeypatch.setattr("graphgan.evaluation._measures.utility._LEAST_FACES", 6)
    cells = measure_expressions(Subject(drawn_study, Original()))
    assert cells["mouth opening: correlation"].value == pytest.approx(1)
    assert cells["yaw: difference, degrees"].value == 0
    assert cells["gaze across: correlation"].count == 6
    covered = measure_expressions(Subject(drawn_study, obscuring_system("solid")))
    assert covered["mouth opening: correlation"].value is None
    assert "found in both" in covered["mouth opening: correlation"].note


def test_a_correlation_of_few_faces_is_not_given(drawn_study):
    cell = measure_expressions(Subject(drawn_study, Original()))["yaw: correlation"]
    assert cell.value is None
    assert cell.note == "not measured (6 faces are found in both, fewer than 20)"


def test_without_a_reader_nothing_is_measured(study):
    assert measure_expressions(Subject(study, Original())) == {}
