import torch
from colored_faces import Gray, Recolored

from graphgan.data import to_uint8_image
from graphgan.evaluation import Original
from graphgan.evaluation._report.sheet import SHEET_ROWS, sheet_columns
from graphgan.evaluation._study import Subject


def test_columns_are_the_source_the_condition_and_the_systems(study):
    systems = (Gray(), Original(), Recolored())
    columns = sheet_columns([Subject(study, system) for system in systems])
    assert list(columns) == ["original", "condition", "gray", "recolored"]
    assert {len(images) for images in columns.values()} == {SHEET_ROWS}
    assert torch.unique(to_uint8_image(columns["gray"])).tolist() == [128]


def test_without_the_original_its_column_is_the_source(study):
    columns = sheet_columns([Subject(study, Gray())])
    assert list(columns) == ["source", "gray"]


def test_few_pictures_make_few_rows(make_study):
    columns = sheet_columns([Subject(make_study(count=2), Gray())])
    assert len(columns["source"]) == 2
