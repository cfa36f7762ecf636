import pytest
import torch

from graphgan.data import read_image
from graphgan.training import write_sheet
from graphgan.training._sheets import _lines, draw_sheet


def test_a_row_a_sample_and_a_column_a_stage_below_their_titles(tmp_path):
    red = torch.tensor([1.0, -1, -1]).view(1, 3, 1, 1).expand(2, 3, 40, 40)
    mask = torch.zeros(2, 1, 40, 40)
    mask[1] = 1
    path = tmp_path / "sheet.png"
    write_sheet(path, {"source": red, "mask": mask})
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["sheet.png"]
    sheet = read_image(path)
    title = sheet.shape[1] - (2 + 2 * 42)
    assert sheet.shape == (3, 17 + 2 + 2 * 42, 2 + 2 * 42)
    tiles = sheet[:, title + 2 :, 2:]
    assert (tiles[:, :40, :40] == torch.tensor([255, 0, 0]).view(3, 1, 1)).all()
    assert (tiles[:, :40, 42:82] == 0).all()
    assert (tiles[:, 42:82, 42:82] == 255).all()
    for half in sheet[:, :title].split(43, dim=2):  # both titles are written
        assert half.float().std() > 10


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("", [""]),
        ("68lm", ["68lm"]),
        ("ab cd", ["ab cd"]),
        ("68lm-no-attention", ["68lm-", "no-", "atten", "tion"]),
        ("a  -- b", ["a  --", "b"]),
    ],
)
def test_long_titles_are_broken_within_their_columns(name, lines):
    assert [line.rstrip() for line in _lines(name, lambda text: len(text) <= 5)] == lines


@pytest.mark.parametrize(
    "columns", [{}, {"a": torch.zeros(2, 3, 8, 8), "b": torch.ones(1, 3, 8, 8)}]
)
def test_columns_of_unlike_length_are_refused(columns):
    with pytest.raises(ValueError, match="expected columns of one length"):
        draw_sheet(columns)
