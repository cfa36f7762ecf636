"""Tools by name: what is in the tables is what commands offer."""

import sys
from typing import get_args

import pytest
import torch
from colored_faces import ColorDetector, ColorLandmarker, color_of, draw_face

from graphgan.extras import MissingExtraError
from graphgan.faces import (
    FaceDetector,
    make_detector,
    make_finder,
    make_landmarker,
    make_recognizer,
)
from graphgan.faces import _registry as registry

MAKERS = {
    "detector": (make_detector, registry.DETECTORS, registry.DetectorName),
    "landmarker": (make_landmarker, registry.LANDMARKERS, registry.LandmarkerName),
    "recognizer": (make_recognizer, registry.RECOGNIZERS, registry.RecognizerName),
}


@pytest.mark.parametrize(("make", "table", "choices"), MAKERS.values(), ids=MAKERS)
def test_the_choices_of_a_flag_are_the_names_of_the_table(make, table, choices):
    assert get_args(choices) == tuple(table)
    for name in table:
        assert make(name).name == name


def test_a_detector_of_the_table_is_used_with_any_landmarker(monkeypatch):
    monkeypatch.setitem(registry.DETECTORS, "colors", lambda options: ColorDetector())
    monkeypatch.setitem(registry.LANDMARKERS, "places", lambda options: ColorLandmarker())
    assert isinstance(make_detector("colors"), FaceDetector)
    image, landmarks = draw_face(color_of(0), (20, 30, 80, 90))
    (found,) = make_finder("colors", "places")(image)
    torch.testing.assert_close(found.landmarks, landmarks)


@pytest.mark.parametrize(("kind", "make"), [(kind, MAKERS[kind][0]) for kind in MAKERS])
def test_an_unknown_name_is_told_with_those_that_are_known(kind, make):
    known = ", ".join(map(repr, MAKERS[kind][1]))
    with pytest.raises(ValueError, match="eyes") as told:
        make("eyes")
    assert kind in str(told.value)
    assert all(name in str(told.value) for name in MAKERS[kind][1]), known


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    for make in (make_detector, make_landmarker):
        with pytest.raises(MissingExtraError, match=r"graphgan\[dlib\]"):
            make("dlib")
    make_finder()  # what is used by default does not need it
