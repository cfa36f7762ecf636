"""Ten figures in plain words, and what follows from them."""

import re
from dataclasses import replace

from graphgan.evaluation import Evaluation, Measurement
from graphgan.evaluation._measurements import not_measured
from graphgan.evaluation._report.first_page import first_page, gaps

RANK = {
    "dlib-resnet, pipeline: rank-1": Measurement(0.1, 0.04, 0.16, 60, reference=0.05),
    "dlib-resnet, pose known: rank-1": Measurement(0.2, 0.1, 0.3, 60, reference=0.05),
    "other, pipeline: rank-1": Measurement(0.15, 0.1, 0.2, 60, reference=0.05),
}


def page(rows, **facts) -> str:
    facts = {"people in the gallery": 20} | facts
    return "\n".join(first_page(Evaluation(rows, {"pipeline": {}, "pose known": {}}, facts)))


def test_the_worst_judge_speaks_and_is_named():
    low = {name: replace(cell, value=0.01) for name, cell in RANK.items()}
    low["other, pipeline: rank-1"] = Measurement(0.12, 0.1, 0.2, 60, reference=0.05)
    text = page({"a": RANK, "b": low})
    (line,) = [line for line in text.splitlines() if "nearest of 20 people" in line]
    assert "| 20.0 [10.0, 30.0] (dlib-resnet\\*, pose known) |" in line
    assert "| 12.0 [10.0, 20.0] (other, pipeline) |" in line
    assert "at most 5.0 (chance)" in line and "(worst judge)" in line
    assert "graphgan-anonymize itself checks its results with dlib-resnet." in text
    assert "*pose known*: an attacker who" in text


def test_a_common_judge_stands_beside_the_words():
    text = page({"a": RANK, "b": RANK})
    assert "is the right one, % (by dlib-resnet\\*, pose known) |" in text


def test_good_and_bad_follow_from_limits():
    rows = {
        "good": {
            "detected where the original is": Measurement(0.97, 0.9, 1.0),
            "other, pipeline: rank-1": Measurement(0.12, 0.04, 0.2, reference=0.05),
            "FD-lite2": Measurement(19.0, reference=10.0),
            "mouth opening: correlation": Measurement(0.9),
        },
        "bad": {
            "detected where the original is": Measurement(0.5, 0.4, 0.6),
            "other, pipeline: rank-1": Measurement(0.12, 0.06, 0.2, reference=0.05),
            "FD-lite2": Measurement(21.0, reference=10.0),
            "mouth opening: correlation": Measurement(0.7),
        },
    }
    parts = page(rows).partition("## Strengths")[2]
    good, bad, undecided = re.split("## (?:Weaknesses|Not decided)", parts)
    assert "**good**" in good and "**bad**" not in good
    assert "**bad**" in bad and "**good**" not in bad
    assert "- Faces are found again: 97.0 [90.0, 100.0] % (target: at least 95.0)." in good
    assert "12.0 [4.0, 20.0] %; the interval includes chance, 5.0" in undecided
    assert "are far from real ones: 21 (target: at most 20, 2 x untouched)." in bad
    assert "- The mouth does not open as in the original: 0.7 (target: at least 0.8)." in bad


def test_the_original_is_not_judged():
    text = page({"original": {"detected where the original is": Measurement(1.0)}})
    assert text.count("None.") == 2


def test_what_was_not_measured_is_named_with_its_reason():
    missing = {"FID": not_measured("weights missing"), "KID": not_measured("weights missing")}
    text = page({"a": {"pose error": Measurement(0.1)} | missing})
    assert "Not measured: realism distance (weights missing)." in text
    assert "| realism" not in text


def test_a_kernel_distance_stands_in_where_the_other_is_refused():
    cells = {"FD-lite2": not_measured("too few"), "KID-lite2": Measurement(0.02, reference=0.001)}
    text = page({"a": cells})
    assert "| realism distance KID-lite2 | lower | 0.02 |" in text
    assert "Not measured" not in text
    text = page({"a": cells | {"FD-lite2": Measurement(12.0, reference=10.0)}})
    assert "| realism distance FD-lite2 | at most 20 (2 x untouched) | 12 |" in text
    assert "KD-lite2" not in text


def test_gaps_are_named_where_intervals_do_not_overlap():
    found = {
        "detected where the original is": Measurement(0.9, 0.85, 0.95),
        "pose error": Measurement(0.1),
    }
    groups = {
        "sex: female": {"detected where the original is": Measurement(0.99, 0.97, 1.0)},
        "sex: male": {"detected where the original is": Measurement(0.8, 0.7, 0.9)},
        "age: below 30": {"detected where the original is": Measurement(0.95, 0.9, 1.0)},
        "age: 30 or more": {"detected where the original is": Measurement(0.85, 0.75, 0.92)},
    }
    evaluation = Evaluation({"mine": found}, {}, {}, groups={"mine": groups})
    assert list(gaps(evaluation)) == [
        "mine, by sex: faces found again, %: male 80.0 [70.0, 90.0], female 99.0 [97.0, 100.0]; "
        "the intervals do not overlap."
    ]


def test_intervals_that_touch_are_no_gap():
    found = {"pose error": Measurement(0.1)}
    groups = {
        "light: dark": {"pose error": Measurement(0.1, 0.08, 0.12)},
        "light: bright": {"pose error": Measurement(0.14, 0.12, 0.16)},
    }
    evaluation = Evaluation({"mine": found}, {}, {}, groups={"mine": groups})
    assert not list(gaps(evaluation))
