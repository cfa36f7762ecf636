"""Whoever has a name, a fingerprint and the right call is a tool."""

import pytest
import torch
from colored_faces import ColorDetector, ColorLandmarker, ColorRecognizer

from graphgan.faces import (
    DETECTORS,
    LANDMARKERS,
    RECOGNIZERS,
    FaceDetector,
    Faces,
    Landmarker,
    NamingRecognizer,
    Recognizer,
    ToolOptions,
)
from graphgan.faces import _contracts as contracts

EVERY_TOOL = [
    *((FaceDetector, make) for make in DETECTORS.values()),
    *((Landmarker, make) for make in LANDMARKERS.values()),
    *((Recognizer, make) for make in RECOGNIZERS.values()),
]


def test_of_boxes_alone_the_rest_is_empty():
    faces = Faces.of_boxes(torch.tensor([[0.0, 0, 9, 9], [2, 3, 5, 6]]))
    assert faces.scores.tolist() == [1, 1]
    assert faces.points.shape == (2, 0, 2)
    assert [len(values) for values in Faces.of_boxes(torch.zeros(0, 4))] == [0, 0, 0]


@pytest.mark.parametrize(
    ("where", "left"), [([2, 0], [2, 0]), ([False, True, True], [1, 2]), ([], [])]
)
def test_faces_are_chosen_by_index_or_mask(where, left):
    numbers = torch.arange(3.0)
    faces = Faces(numbers[:, None].expand(3, 4), numbers, numbers[:, None, None].expand(3, 2, 2))
    chosen = faces.at(torch.tensor(where, dtype=torch.bool if where[:1] == [False] else torch.long))
    assert chosen.scores.tolist() == left
    assert chosen.boxes[:, 0].tolist() == chosen.points[:, 1, 1].tolist() == left


@pytest.mark.parametrize(("contract", "make"), EVERY_TOOL)
def test_every_tool_that_is_offered_keeps_its_contract(contract, make):
    tool = make(ToolOptions())
    assert isinstance(tool, contract)
    assert tool.name and tool.fingerprint


@pytest.mark.parametrize("tool", [ColorDetector(), ColorLandmarker(), ColorRecognizer()])
def test_tools_need_no_base_class(tool):
    assert isinstance(tool, FaceDetector | Landmarker | Recognizer)
    assert isinstance(tool, Recognizer) == isinstance(tool, ColorRecognizer)
    assert not isinstance(tool, NamingRecognizer)


def test_the_example_of_the_page_is_a_detector():
    names = {"torch": torch, "Faces": Faces}
    example = contracts.__doc__[contracts.__doc__.index("    class ") :].split("\n\nA tool is")[0]
    exec("if True:\n" + example, names)
    detector = names["WholeImage"]()
    assert isinstance(detector, FaceDetector)
    assert detector(torch.zeros(3, 30, 40, dtype=torch.uint8)).boxes.tolist() == [[0, 0, 39, 29]]
