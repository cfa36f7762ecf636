import pytest
import torch

from graphgan.data import SyntheticFaces
from graphgan.faces import make_finder
from graphgan.landmarks import Detection
from graphgan.metrics import measure_pose
from graphgan.metrics._pose import DETECTION_SIZE

SIZE = 48


@pytest.fixture(scope="module")
def faces():
    drawn = SyntheticFaces(6, 1, size=SIZE)
    return [drawn[i] for i in range(len(drawn))]


@pytest.fixture(scope="module")
def sources(faces):
    return torch.stack([face.image for face in faces])


@pytest.fixture
def finding(faces):
    """A detector that finds the landmarks of the given faces, one after another; None is none."""

    def finding(*numbers):
        found = iter(numbers)

        class Detector:
            num_landmarks = 68

            def __call__(self, image):
                assert image.shape == (3, DETECTION_SIZE, DETECTION_SIZE)
                assert image.dtype == torch.uint8
                if (number := next(found)) is None:
                    return []
                return [Detection(torch.zeros(4), faces[number].landmarks * 4)]

        return Detector()

    return finding


def rows(text):
    """Name of a row to its cells."""
    return {line[:20].strip(): line[20:].split("  ") for line in text.splitlines()[2:]}


def cells(text, name):
    return [cell.strip() for cell in rows(text)[name] if cell.strip()]


def test_answers_that_keep_the_pose_correlate_fully(finding, sources):
    text = measure_pose(sources, {"ours": sources}, finding(*range(6), *range(6)))
    assert cells(text, "source") == ["6 of 6"]
    assert cells(text, "ours") == ["6 of 6", "1.000", "1.000"]


def test_faces_that_are_not_found_are_left_out_and_counted(finding, sources):
    text = measure_pose(
        sources, {"ours": sources}, finding(0, None, 2, 3, 4, 5, 0, 1, 2, None, 4, 5)
    )
    assert cells(text, "source") == ["5 of 6"]
    assert cells(text, "ours") == ["5 of 6", "1.000", "1.000"]  # beside their own sources


def test_the_pose_of_somebody_else_correlates_less(finding, sources):
    text = measure_pose(
        sources,
        {"ours": sources, "shuffled": sources},
        finding(*range(6), *range(6), 1, 2, 3, 4, 5, 0),
    )
    assert cells(text, "ours")[1] == "1.000"
    assert float(cells(text, "shuffled")[1]) < 0.9


def test_landmarks_that_are_not_known_are_no_face(sources):
    """A detector may be sure of a face whose landmarks it does not find."""

    class Detector:
        num_landmarks = 68

        def __call__(self, image):
            return [Detection(torch.zeros(4), torch.full((68, 2), torch.nan))]

    assert cells(measure_pose(sources, {}, Detector()), "source") == ["0 of 6"]


@pytest.mark.slow
def test_a_real_detector_finds_drawn_faces():
    pytest.importorskip("dlib")
    drawn = SyntheticFaces(8, 1, size=64)
    sources = torch.stack([drawn[i].image for i in range(8)])
    answers = {"the same": sources, "shifted": sources.roll(1, 0)}
    text = measure_pose(sources, answers, make_finder("dlib", "dlib"))
    found, same_yaw, same_mouth = cells(text, "the same")
    assert int(found.split()[0]) >= 6
    assert (same_yaw, same_mouth) == ("1.000", "1.000")
    assert float(cells(text, "shifted")[1]) < 0.9
