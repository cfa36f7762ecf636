import pose_check
import pytest
import torch
from pose_check import DETECTION_SIZE, measure_pose

from graphgan.data.batches import to_float_image
from graphgan.data.pairs import next_person_pairs
from graphgan.data.synthetic_faces import SyntheticFaces
from graphgan.extras import MissingExtraError
from graphgan.landmarks.detection import Detection
from graphgan.models import AnonyGAN, LandmarkGenerator


@pytest.fixture(scope="module")
def faces():
    return SyntheticFaces(3, 2, size=48)


@pytest.fixture(scope="module")
def model():
    return AnonyGAN(LandmarkGenerator(width=4, num_blocks=1))


class Detector:
    """Knows the answers: the landmarks of the sources, in order; or none at all."""

    num_landmarks = 68

    def __init__(self, found):
        self.found = iter(found)

    def __call__(self, image):
        assert image.shape == (3, DETECTION_SIZE, DETECTION_SIZE)
        assert image.dtype == torch.uint8
        landmarks = next(self.found)
        return [] if landmarks is None else [Detection(torch.zeros(4), landmarks)]


@pytest.fixture
def detect(monkeypatch):
    def detect(found):
        monkeypatch.setattr(pose_check, "DlibDetector", lambda upsample: Detector(found))

    return detect


def sources(faces):
    scale = DETECTION_SIZE / faces.size
    return [faces[i].landmarks * scale for i in next_person_pairs(faces.persons).source.tolist()]


def test_results_that_keep_the_pose_correlate_fully(detect, model, faces):
    detect(sources(faces))
    assert measure_pose(model, faces).splitlines() == [
        "dlib finds a face in 6 of 6 results",
        "correlation of yaw with the source's: 1.000",
        "correlation of mouth opening with the source's: 1.000",
    ]


def test_faces_that_are_not_found_are_left_out_and_counted(detect, model, faces):
    found = sources(faces)
    found[2] = None
    detect(found)
    lines = measure_pose(model, faces).splitlines()
    assert lines[0] == "dlib finds a face in 5 of 6 results"
    assert lines[1].endswith("1.000")  # beside their own sources


def test_the_pose_of_somebody_else_correlates_less(detect, model, faces):
    detect([*sources(faces)[1:], sources(faces)[0]])
    yaw = measure_pose(model, faces).splitlines()[1]
    assert float(yaw.split()[-1]) < 0.9


def test_two_faces_are_too_few(detect, model, faces):
    detect([*sources(faces)[:2], None, None, None, None])
    text = measure_pose(model, faces)
    assert text == "dlib finds a face in 2 of 6 results: too few for correlations"


def test_without_a_detector_it_says_so(monkeypatch, model, faces):
    def missing(upsample):
        raise MissingExtraError("dlib is not installed: pip install 'graphgan[faces]'")

    monkeypatch.setattr(pose_check, "DlibDetector", missing)
    text = measure_pose(model, faces)
    assert text.startswith("pose not measured: dlib is not installed")


def test_one_person_is_not_enough(detect, model):
    detect([])
    text = measure_pose(model, SyntheticFaces(1, 2, size=48))
    assert text == "pose not measured: it takes test faces of two people or more"


def test_dlib_itself_finds_drawn_faces(model, faces, monkeypatch):
    pytest.importorskip("dlib")

    def sources_as_they_are(model, images, *rest, **masks):
        return images

    monkeypatch.setattr(pose_check, "anonymize_crops", sources_as_they_are)
    lines = measure_pose(model, SyntheticFaces(8, 1, size=64)).splitlines()
    assert int(lines[0].split()[5]) >= 6
    assert float(lines[1].split()[-1]) > 0.9  # yaw


def test_the_model_is_asked_for_the_sources_it_is_measured_on(monkeypatch, detect, model, faces):
    seen = []

    def watch(model, images, landmarks, conditions, condition_landmarks, *, masks):
        seen.extend(images)
        return images

    monkeypatch.setattr(pose_check, "anonymize_crops", watch)
    detect(sources(faces))
    measure_pose(model, faces, num_pairs=6)
    expected = [to_float_image(faces[i].image) for i in range(6)]
    torch.testing.assert_close(torch.stack(seen), torch.stack(expected))
