"""Which metrics the first page is of."""

import pytest

from graphgan.evaluation import Measurement
from graphgan.evaluation._measurements import not_measured
from graphgan.evaluation._report.figures import ROWS, figures, limit_of, verdict


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("seam", "edges along the outline"),
        ("sharpness", "sharpness"),
        ("gaze across: correlation", "gaze"),
        ("told from real by lite2", "can be told from real"),
        ("other: linked, conditions drawn", "linked"),
        ("other, parrot, conditions drawn", "parrot"),
        ("other, pipeline: verified at FAR 1 %", "1 % false accepts"),
    ],
)
def test_metrics_are_picked_up_by_their_names(metric, words):
    ((row, own),) = figures({"a": {metric: Measurement(0.5)}})
    assert words in row.words and own["a"].metric == metric


def test_a_figure_without_limit_or_value_is_neither_good_nor_bad():
    for row in ROWS:
        assert verdict(row, not_measured("x")) is None
        if row.limit is None or row.limit.kind != "fixed":
            assert (
                limit_of(row, Measurement(0.5)) is None and verdict(row, Measurement(0.5)) is None
            )


def test_beyond_chance_is_not_decided_while_the_interval_includes_it():
    (row,) = (row for row in ROWS if "rank-1" in row.patterns[0])
    for low, expected in ((0.04, "undecided"), (0.05, "undecided"), (0.06, "bad")):
        assert verdict(row, Measurement(0.2, low, 0.3, reference=0.05)) == expected
    assert verdict(row, Measurement(0.05, reference=0.05)) == "good"
    assert verdict(row, Measurement(0.06, reference=0.05)) == "bad"


def test_a_judge_beyond_the_limit_counts_before_a_larger_figure_that_may_be_chance():
    cells = {
        "a, pipeline: rank-1": Measurement(0.06, 0.0, 0.15, reference=0.02),
        "b, pipeline: rank-1": Measurement(0.055, 0.035, 0.075, reference=0.02),
    }
    ((row, own),) = figures({"x": cells})
    assert own["x"].judge == "b, pipeline" and verdict(row, own["x"].cell) == "bad"
