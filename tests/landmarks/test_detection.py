import sys

import pytest
import torch

from graphgan.data.synthetic_faces import SyntheticFaces
from graphgan.extras import MissingExtraError
from graphgan.landmarks.detection import DlibDetector

pytest.importorskip("dlib")


@pytest.fixture(scope="module")
def face():
    return SyntheticFaces(1, 1, size=200)[0]


@pytest.fixture(scope="module")
def detector():
    return DlibDetector(upsample=0)


def test_finds_a_face_and_its_landmarks(detector, face):
    (found,) = detector(face.image)
    eyes = (face.landmarks[36:42].mean(0) - face.landmarks[42:48].mean(0)).norm()
    assert (found.landmarks - face.landmarks).norm(dim=1).mean() < 0.1 * eyes
    left, top, right, bottom = found.box.tolist()
    assert left < face.landmarks[30, 0] < right
    assert top < face.landmarks[30, 1] < bottom


def test_finds_nothing_on_an_even_picture(detector):
    assert detector(torch.full((3, 100, 120), 128, dtype=torch.uint8)) == []


def test_a_large_photo_is_searched_small_and_answered_in_its_own_pixels(face):
    (direct,) = DlibDetector(upsample=0)(face.image)
    large = torch.nn.functional.interpolate(face.image[None], scale_factor=4, mode="nearest")[0]
    (found,) = DlibDetector(upsample=0, max_side=200)(large)
    expected = (direct.landmarks + 0.5) * 4 - 0.5
    assert (found.landmarks - expected).norm(dim=1).mean() < 4  # one pixel of the small photo


def test_refuses_weights_that_are_no_predictor(tmp_path):
    (tmp_path / "weights.dat").write_bytes(b"not a predictor")
    with pytest.raises(ValueError, match=r"weights\.dat: not a dlib shape predictor"):
        DlibDetector(weights=tmp_path / "weights.dat")


def test_names_the_extra_when_dlib_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(MissingExtraError, match=r"dlib .*graphgan\[faces\]"):
        DlibDetector()


def test_names_the_extra_when_the_weights_are_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"graphgan\[faces\]"):
        DlibDetector()
