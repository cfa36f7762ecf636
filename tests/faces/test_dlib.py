"""dlib's detector and predictor on drawn faces, which it finds."""

import pickle
import sys

import pytest
import torch
import torch.nn.functional as F

from graphgan.data import SyntheticFaces
from graphgan.extras import MissingExtraError
from graphgan.faces import DlibDetector, DlibLandmarks, FaceDetector, Landmarker

pytest.importorskip("dlib")


@pytest.fixture(scope="module")
def face():
    return SyntheticFaces(1, 1, size=200)[0]


@pytest.fixture(scope="module")
def detector():
    return DlibDetector(0)


def test_finds_a_face_and_its_landmarks(detector, face):
    landmarker = DlibLandmarks()
    assert isinstance(detector, FaceDetector) and isinstance(landmarker, Landmarker)
    found = detector(face.image)
    assert [tuple(values.shape) for values in found] == [(1, 4), (1,), (1, 0, 2)]
    assert 0 < found.scores[0] < 1
    left, top, right, bottom = found.boxes[0].tolist()
    assert left < face.landmarks[30, 0] < right
    assert top < face.landmarks[30, 1] < bottom
    points, confidences = landmarker(face.image, found)
    eyes = (face.landmarks[36:42].mean(0) - face.landmarks[42:48].mean(0)).norm()
    assert (points[0] - face.landmarks).norm(dim=1).mean() < 0.1 * eyes
    assert confidences.tolist() == [1]


def test_a_large_photo_is_searched_small_and_answered_in_its_own_pixels(detector, face):
    large = F.interpolate(face.image[None], scale_factor=4, mode="nearest")[0]
    found = DlibDetector(0, max_side=200)(large)
    expected = (detector(face.image).boxes + 0.5) * 4 - 0.5
    assert (found.boxes - expected).abs().max() < 4  # one pixel of the small photo


def test_a_small_face_is_found_in_a_doubled_image(face):
    small = F.interpolate(face.image[None], (80, 80), mode="bilinear", antialias=True)[0]
    assert len(DlibDetector.for_faces_from(80)(small).boxes) == 0
    assert len(DlibDetector.for_faces_from(30)(small).boxes) == 1


def test_they_can_be_sent_to_other_processes(detector, face):
    found = detector(face.image)
    sent, landmarker = pickle.loads(pickle.dumps((detector, DlibLandmarks())))
    assert torch.equal(sent(face.image).boxes, found.boxes)
    expected = DlibLandmarks()(face.image, found).points
    assert torch.equal(landmarker(face.image, found).points, expected)


def test_refuses_weights_that_are_no_predictor(tmp_path):
    (tmp_path / "weights.dat").write_bytes(b"not a predictor")
    with pytest.raises(ValueError, match=r"weights\.dat: not a dlib shape predictor"):
        DlibLandmarks(weights=tmp_path / "weights.dat")


@pytest.mark.parametrize("tool", [DlibDetector, DlibLandmarks])
def test_names_the_extra_when_dlib_is_missing(tool, monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(MissingExtraError, match=r"dlib .*graphgan\[dlib\]"):
        tool()
