"""Two anonymized images: of one person, or of two."""

import pytest
from colored_faces import Gray, Recolored

from graphgan.evaluation.linkability import measure_links
from graphgan.evaluation.study import Settings
from graphgan.evaluation.subject import Subject
from graphgan.evaluation.systems import Original

DRAWN, FIXED = "color: linked, conditions drawn", "color: linked, one condition a person"


def test_one_condition_a_person_links_pictures_and_drawn_ones_do_not(make_study, tools):
    study = make_study(Settings(condition_split="all"))
    cells = measure_links(Subject(study, Recolored()), tools.recognizers[0])
    assert cells[FIXED].value > 0.85  # two people may have drawn the same condition
    assert cells[DRAWN].value < 0.65
    assert cells[DRAWN].reference == 0.5
    assert cells[DRAWN].note == "36 mated and 216 non-mated pairs"


def test_what_stays_links_and_what_is_gone_does_not(study, tools):
    for system, expected in ((Original(), 1), (Gray(), 0.5)):
        cells = measure_links(Subject(study, system), tools.recognizers[0])
        assert cells[DRAWN].value == cells[FIXED].value == pytest.approx(expected)
