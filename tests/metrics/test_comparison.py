import pytest
import torch

from graphgan.metrics import bootstrap_mean, compare

PEOPLE = torch.tensor([0, 0, 1, 1, 2, 2])


@pytest.fixture
def answers():
    """Ours errs a little less at every question, and questions differ far more than answers."""
    hard = torch.tensor([0.0, 10.0, 20.0, 30.0, 40.0, 50.0])
    gap = torch.tensor([0.5, 1.0, 1.5, 0.5, 1.0, 1.5])
    return {"ours": {"error": hard, "score": -hard}, "other": {"error": hard + gap, "score": -hard}}


def test_every_measure_of_every_answer_has_its_mean_and_interval(answers):
    comparison = compare(answers, PEOPLE, by="error")
    for name, measures in answers.items():
        for measure, values in measures.items():
            expected = bootstrap_mean(values.numpy(), PEOPLE.numpy())
            assert comparison.rows[name][measure] == expected


def test_margins_are_question_by_question(answers):
    margin = compare(answers, PEOPLE, by="error", lower_is_better=True).margins["other"]
    assert margin.mean == pytest.approx(1.0)
    assert 0.5 <= margin.low < margin.high <= 1.5  # the spread of the questions is not in it


def test_questions_without_a_value_are_left_out_of_both(answers):
    answers["ours"]["error"][1] = torch.nan
    comparison = compare(answers, PEOPLE, by="error")
    assert comparison.rows["ours"]["error"].mean == pytest.approx(28.0)
    assert comparison.margins["other"].mean == pytest.approx(-1.0)


def test_as_text_it_names_everything(answers):
    lines = str(compare(answers, PEOPLE, by="error", lower_is_better=True)).splitlines()
    assert lines[0].split() == ["error", "score"]
    assert [line.split()[0] for line in lines[1:3]] == ["ours", "other"]
    assert lines[3] == "error: how much better ours is, question by question"
    assert lines[4].split()[:2] == ["other", "1"]
    assert len(lines) == 5
