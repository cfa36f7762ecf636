"""What the commands make of their options; `test_command` runs them."""

from pathlib import Path

import pytest
import torch

from graphgan.anonymize import GeneratedFaces, ObscuredFaces
from graphgan.anonymize._conditions import people_conditions
from graphgan.anonymize._options import (
    AnonymizeOptions,
    _make_method,
    describe_run,
    make_anonymizer,
    make_file_anonymizer,
    parse_box,
)
from graphgan.data import write_image
from graphgan.faces import CenterFace, DlibDetector, DlibLandmarks, DlibResNetRecognizer, FaceMesh
from graphgan.models import AnonyGAN, LandmarkGenerator


@pytest.fixture
def weights(tmp_path):
    model = AnonyGAN(LandmarkGenerator(width=4, num_blocks=1), size=(64, 64))
    model.save_pretrained(tmp_path / "a.safetensors")
    return tmp_path / "a.safetensors"


def test_people_are_shown_unless_another_mode_is_asked_for(weights):
    method = _make_method(AnonymizeOptions(checkpoint=weights))
    assert isinstance(method, GeneratedFaces) and method.size == (64, 64)
    assert AnonymizeOptions().mode == method.name == "people"
    chosen = _make_method(AnonymizeOptions(mode="blur", checkpoint=weights))
    assert isinstance(chosen, ObscuredFaces) and chosen.name == "blur"


def test_a_network_that_is_asked_for_without_a_file_is_the_shipped_one():
    method = _make_method(AnonymizeOptions())
    assert isinstance(method, GeneratedFaces) and method.size == (128, 128)
    other = _make_method(AnonymizeOptions(checkpoint=Path("people-128")))
    assert isinstance(other, GeneratedFaces) and other.size == (128, 128)


def test_the_tools_are_those_that_were_asked_for():
    anonymizer = make_anonymizer(AnonymizeOptions(mode="pixelate", min_face=50))
    finder, recognizer = anonymizer.detector, anonymizer.recognizer
    assert isinstance(finder.detector, CenterFace) and finder.detector.min_face == 50
    assert isinstance(finder.landmarker, FaceMesh) and isinstance(recognizer, DlibResNetRecognizer)
    second = anonymizer.second_detector
    assert isinstance(second, CenterFace) and second.min_face == 150


def test_dlib_s_tools_can_be_asked_for():
    pytest.importorskip("dlib")
    options = AnonymizeOptions(mode="pixelate", detector="dlib", landmarker="dlib", min_face=40)
    finder = make_anonymizer(options).detector
    assert isinstance(finder.detector, DlibDetector) and finder.detector.upsample == 1
    assert isinstance(finder.landmarker, DlibLandmarks)


def test_an_anonymizer_has_what_the_options_say(weights):
    options = AnonymizeOptions(
        checkpoint=weights,
        fallback="solid",
        only=("1,2,30,40.5",),
        threshold=0.7,
        tries=2,
        seed=3,
        copy_unmatched=True,
        audio="drop",
    )
    anonymizer = make_anonymizer(options)
    assert anonymizer.fallback.name == "solid" and anonymizer.tries == 2
    assert anonymizer.threshold == 0.7 and anonymizer.order.seed == 3
    assert anonymizer.selection.only == ((1.0, 2.0, 30.0, 40.5),)
    assert [c.name for c in anonymizer.order.conditions] == [c.name for c in people_conditions()]
    files = make_file_anonymizer(options, anonymizer)
    assert files.copy_unmatched and files.audio == "drop" and files.anonymizer is anonymizer


def test_what_reports_say_names_no_path(weights, tmp_path):
    write_image(tmp_path / "who.png", torch.zeros(3, 8, 8, dtype=torch.uint8))
    options = AnonymizeOptions(checkpoint=weights, only=("1,2,3,4",), match="look")
    anonymizer = make_anonymizer(options)
    assert anonymizer.order.match == "look"
    said = describe_run(options, anonymizer)
    assert said["match"] == "look"  # a run with another one is another run
    assert str(tmp_path) not in repr(said)
    assert (said["mode"], said["only"]) == ("people", [[1, 2, 3, 4]])
    tools = ("centerface", "face-mesh", "dlib-resnet")
    assert (said["detector"], said["landmarker"], said["recognizer"]) == tools


@pytest.mark.parametrize("text", ["a.jpg", "1,2,3", "1,2,3,4,5", "1,2,3,x"])
def test_a_box_is_four_numbers(text):
    assert parse_box("1, 2,3.5,4") == (1.0, 2.0, 3.5, 4.0)
    assert parse_box(text) is None
