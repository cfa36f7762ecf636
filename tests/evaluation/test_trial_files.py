"""The pairs.csv of a report: the same trials again."""

import pytest

from graphgan.evaluation.trial_files import read_trials, write_trials
from graphgan.evaluation.trials import make_trials

COLUMNS = "role,image,condition,video,not_asked"


@pytest.fixture
def rows(pictures):
    return pictures.pictures


@pytest.mark.parametrize("options", [{}, {"lessons": 0}, {"videos": r"(v\d/\d)", "count": 7}])
def test_trials_come_back_from_a_file(rows, tmp_path, options):
    trials = make_trials(rows, seed=5, **options)
    write_trials(tmp_path / "pairs.csv", rows, trials)
    assert read_trials(tmp_path / "pairs.csv", rows) == trials


def test_trials_without_conditions_come_back(rows, tmp_path):
    alone = [row for row in rows if row.person == "p5"]
    write_trials(tmp_path / "pairs.csv", alone, make_trials(alone))
    assert read_trials(tmp_path / "pairs.csv", alone) == make_trials(alone)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["probe,images/x.png,,v,"], "line 2: no image images/x.png"),
        (["winner,a,b,v,"], "line 2: expected role, image, condition, video, not_asked"),
        (["probe,{first},{last},v"], "line 2: expected role"),
        (["probe,{first},{last},v,lazy"], "line 2: expected not_asked to be empty or one of"),
        (["probe,{first},,v,", "probe,{last},{first},v,"], "a condition beside every probe"),
        ([], "expected probes"),
        (
            ["gallery,{first},,,", "probe,{first},{last},v,"],
            "line 3: .* is a gallery image and a probe that is asked",
        ),
        (
            ["probe,{first},{last},v,", "lesson,{first},,,"],
            "line 2: .* is a lesson image and a probe that is asked",
        ),
        (["probe,{first},{first},v,"], "line 2: expected a condition of another person"),
    ],
)
def test_a_file_that_is_none_is_refused(rows, tmp_path, lines, message):
    text = "\n".join([COLUMNS, *lines, ""])
    text = text.replace("{first}", rows[0].image).replace("{last}", rows[-1].image)
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_trials(tmp_path / "pairs.csv", rows)


def test_a_missing_file_is_refused(rows, tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        read_trials(tmp_path / "pairs.csv", rows)


def test_other_columns_are_refused(rows, tmp_path):
    (tmp_path / "pairs.csv").write_text("role,image,condition\n")
    with pytest.raises(ValueError, match=f"expected the columns {COLUMNS}"):
        read_trials(tmp_path / "pairs.csv", rows)
