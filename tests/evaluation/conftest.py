"""A prepared folder of coloured faces, and a study of it."""

from pathlib import Path

import pytest
from coloured_faces import (
    ColourDetector,
    ColourLandmarker,
    ColourRecogniser,
    Grey,
    Recoloured,
    Shifted,
    coloured_folder,
    open_folder,
)

from graphgan.evaluation.evaluate import evaluate
from graphgan.evaluation.examiner import Examiner, Tools
from graphgan.evaluation.study import Settings, Study
from graphgan.evaluation.systems import Original
from graphgan.evaluation.trials import make_trials


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """Six people, four of them to test, with three frames of each of two videos."""
    return coloured_folder(tmp_path_factory.mktemp("coloured"))


@pytest.fixture(scope="session")
def pictures(folder):
    return open_folder(folder)


@pytest.fixture(scope="session")
def tools():
    return Tools(ColourDetector(), ColourLandmarker(), [ColourRecogniser()])


@pytest.fixture
def make_study(pictures, tools):
    def make(settings: Settings | None = None, **options) -> Study:
        trials = make_trials(pictures.pictures, **options)
        return Study(pictures, trials, Examiner(tools), settings or Settings())

    return make


@pytest.fixture
def study(make_study):
    return make_study()


@pytest.fixture(scope="session")
def evaluation(pictures, tools):
    """Of four systems, whose every number can be worked out."""
    settings = Settings(false_accept_rates=(0.1,))  # of one in 100 there are too few impostors
    study = Study(pictures, make_trials(pictures.pictures), Examiner(tools), settings)
    return evaluate(study, [Original(), Grey(), Shifted(3), Recoloured()])


@pytest.fixture(scope="session")
def value(evaluation):
    """The number in a cell of that evaluation."""
    return lambda system, metric: evaluation.rows[system][metric].value
