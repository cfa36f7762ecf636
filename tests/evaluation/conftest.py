"""A prepared folder of colored faces, and a study of it."""

from pathlib import Path

import pytest
import torch
from colored_faces import (
    ColorDetector,
    ColorLandmarker,
    ColorRecognizer,
    Gray,
    Recolored,
    Shifted,
    colored_folder,
    open_folder,
)
from drawn_folder import drawn_folder

from graphgan.data import SyntheticFaces, to_float_image
from graphgan.data._prepared import PreparedPicture
from graphgan.evaluation import (
    Original,
    Request,
    Settings,
    Study,
    ToolRunner,
    Tools,
    draw_protocol,
    evaluate,
)
from graphgan.faces import CenterFace, ExpressionReader, FaceMesh
from graphgan.landmarks import Crop, face_mask


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """Six people, four of them to test, with three frames of each of two videos."""
    return colored_folder(tmp_path_factory.mktemp("colored"))


@pytest.fixture(scope="session")
def pictures(folder):
    return open_folder(folder)


@pytest.fixture(scope="session")
def tools():
    return Tools(ColorDetector(), ColorLandmarker(), [ColorRecognizer()])


@pytest.fixture
def make_study(pictures, tools):
    def make(settings: Settings | None = None, **options) -> Study:
        protocol = draw_protocol(pictures.pictures, **options)
        return Study(pictures, protocol, ToolRunner(tools), settings or Settings())

    return make


@pytest.fixture
def study(make_study):
    return make_study()


@pytest.fixture(scope="session")
def evaluation(pictures, tools):
    """Of four systems, whose every number can be worked out."""
    settings = Settings(false_accept_rates=(0.1,))  # of one in 100 there are too few impostors
    study = Study(pictures, draw_protocol(pictures.pictures), ToolRunner(tools), settings)
    return evaluate(study, [Original(), Gray(), Shifted(3), Recolored()])


@pytest.fixture(scope="session")
def value(evaluation):
    """The number in a cell of that evaluation."""
    return lambda system, metric: evaluation.rows[system][metric].value


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> Path:
    """Drawn faces of three people, two each."""
    root = tmp_path_factory.mktemp("drawn")
    return drawn_folder(root, 3, 2, size=128, drawn_at=160, test_people=1)


@pytest.fixture
def drawn_study(drawn):
    """All of them, looked at by networks."""
    pictures = open_folder(drawn)
    tools = Tools(CenterFace(40), FaceMesh(), [ColorRecognizer()], (), ExpressionReader())
    return Study(pictures, draw_protocol(pictures.pictures, split="all"), ToolRunner(tools))


def row(image: str, photo: str) -> PreparedPicture:
    """A face that was cut out of the upper left quarter of a photo of 128 x 128 pixels."""
    crop = Crop(-0.5, -0.5, 64.0, 64.0)
    person = image.split("/")[0]
    return PreparedPicture(f"images/{image}", person, "test", photo, crop, 0, torch.zeros(68, 2))


@pytest.fixture(scope="module")
def request_() -> Request:
    """Three drawn faces, each under the next one's condition."""
    faces = SyntheticFaces(3, 1, size=64)
    images = torch.stack([to_float_image(faces[i].image) for i in range(3)])
    points = torch.stack([faces[i].landmarks for i in range(3)])
    return Request(
        images,
        points,
        face_mask(points, (64, 64)),
        images.roll(-1, 0),
        points.roll(-1, 0),
        [
            row("anna/1.png", "anna/1.jpg"),
            row("bert/1.png", "bert/1.JPG"),
            row("carl/2-x.png", "carl/2/x.png"),
        ],
        ["bert", "carl", "anna"],
    )
