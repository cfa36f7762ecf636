import pytest

from graphgan.evaluation.expressions import measure_expressions
from graphgan.evaluation.subject import Subject
from graphgan.evaluation.systems import Original, obscuring_system


def test_the_original_keeps_its_expression_and_a_black_face_has_none(drawn_study, monkeypatch):
    monkeypatch.setattr("graphgan.evaluation.expressions._LEAST_FACES", 6)
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
