"""A prepared folder of coloured faces, and a study of it."""

from pathlib import Path

import pytest
from coloured_faces import ColourDetector, ColourEmbedder, coloured_folder, open_folder

from graphgan.evaluation.examiner import Examiner, Tools
from graphgan.evaluation.study import Settings, Study
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
    return Tools(ColourDetector(), [ColourEmbedder()])


@pytest.fixture
def make_study(pictures, tools):
    def make(settings: Settings | None = None, **options) -> Study:
        trials = make_trials(pictures.pictures, **options)
        return Study(pictures, trials, Examiner(tools), settings or Settings())

    return make


@pytest.fixture
def study(make_study):
    return make_study()
