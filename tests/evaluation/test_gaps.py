from graphgan.evaluation.cells import Cell
from graphgan.evaluation.evaluate import Evaluation
from graphgan.evaluation.gaps import gaps


def test_gaps_are_named_where_intervals_do_not_overlap():
    found = {"detected where the original is": Cell(0.9, 0.85, 0.95), "pose error": Cell(0.1)}
    groups = {
        "sex: female": {"detected where the original is": Cell(0.99, 0.97, 1.0)},
        "sex: male": {"detected where the original is": Cell(0.8, 0.7, 0.9)},
        "age: below 30": {"detected where the original is": Cell(0.95, 0.9, 1.0)},
        "age: 30 or more": {"detected where the original is": Cell(0.85, 0.75, 0.92)},
    }
    evaluation = Evaluation({"mine": found}, {}, {}, groups={"mine": groups})
    assert list(gaps(evaluation)) == [
        "mine, by sex: faces found again, %: male 80.0 [70.0, 90.0], female 99.0 [97.0, 100.0]; "
        "the intervals do not overlap."
    ]


def test_intervals_that_touch_are_no_gap():
    found = {"pose error": Cell(0.1)}
    groups = {
        "light: dark": {"pose error": Cell(0.1, 0.08, 0.12)},
        "light: bright": {"pose error": Cell(0.14, 0.12, 0.16)},
    }
    evaluation = Evaluation({"mine": found}, {}, {}, groups={"mine": groups})
    assert not list(gaps(evaluation))
