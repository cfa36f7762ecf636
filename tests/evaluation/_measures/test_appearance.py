import pytest
import torch

from graphgan.evaluation import Original
from graphgan.evaluation._measures.appearance import measure_appearance
from graphgan.evaluation._measures.comparing import SEAM, SHARPNESS, SKIN
from graphgan.evaluation._study import Subject
from graphgan.evaluation._systems import PublishedBlur


def test_untouched_pictures_have_no_seam_and_are_as_sharp_as_before(drawn_study):
    cells = measure_appearance(Subject(drawn_study, Original()))
    assert cells[SEAM].value == pytest.approx(1) and cells[SHARPNESS].value == pytest.approx(1)
    assert cells[SEAM].count == len(drawn_study.protocol.probes)
    assert cells[SKIN].value == pytest.approx(cells[SKIN].reference)


def test_a_blur_is_less_sharp(drawn_study):
    cells = measure_appearance(Subject(drawn_study, PublishedBlur()))
    assert cells[SHARPNESS].value < 0.6


def test_only_those_who_are_asked_about_count(drawn_study):
    subject = Subject(drawn_study, PublishedBlur())
    some = torch.arange(len(drawn_study.protocol.probes)) < 3
    assert measure_appearance(subject.among(some))[SEAM].count == 3
