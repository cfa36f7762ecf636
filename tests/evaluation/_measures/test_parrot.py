"""An attacker who learns: where every number can be worked out."""

import pytest
from colored_faces import Gray, Recolored

from graphgan.evaluation import Original, Settings, Study, ToolRunner, draw_protocol, evaluate
from graphgan.evaluation._measures.parrot import measure_parrots
from graphgan.evaluation._study import Subject

DRAWN = "color, parrot, conditions drawn"


@pytest.mark.slow
def test_the_parrot_learns_a_fixed_condition_and_not_a_drawn_one(pictures, tools):
    settings = Settings(condition_split="all")
    study = Study(pictures, draw_protocol(pictures.pictures), ToolRunner(tools), settings)
    row = evaluate(study, [Recolored(), Original(), Gray()]).rows
    drawn, fixed = (
        row["recolored"][f"color, parrot, {rule}"].value
        for rule in ("conditions drawn", "one condition a person")
    )
    assert fixed > 0.7  # two people may have drawn the same condition
    assert drawn < fixed
    assert row["original"]["color, parrot, conditions drawn"].value == 1
    assert row["gray"]["color, parrot, conditions drawn"].value <= 0.25


def test_the_parrot_is_asked_about_what_it_has_not_learned_from(study, tools):
    cell = measure_parrots(Subject(study, Original()), tools.recognizers[0])[DRAWN]
    assert cell.count == int(study.asked.sum()) == 12
    assert (cell.value, cell.reference) == (1, 0.25)
    assert cell.note == "chance 0.25, 3 parrot images a person"


def test_without_parrot_images_there_is_no_parrot(make_study, tools):
    subject = Subject(make_study(parrot_images=0), Original())
    cell = measure_parrots(subject, tools.recognizers[0])[DRAWN]
    assert cell.note.startswith("not measured (no parrot images")
