"""All metrics of all systems together."""

import math

import pytest

from graphgan.evaluation.evaluate import evaluate
from graphgan.evaluation.examiner import Examiner
from graphgan.evaluation.study import Settings, Study
from graphgan.evaluation.systems import FolderOfResults, Original
from graphgan.evaluation.trials import make_trials


def test_there_is_never_a_nan(evaluation):
    for row in evaluation.rows.values():
        for cell in row.values():
            assert cell.value is None or math.isfinite(cell.value)
            assert cell.value is not None or cell.note


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
