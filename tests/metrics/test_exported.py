import pytest
import torch
from torch import nn

from graphgan.metrics import ExportedProgram


class Means(nn.Module):
    def forward(self, x):
        return x.float().mean((2, 3))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "means.pt2"
    images = torch.zeros(2, 3, 8, 4, dtype=torch.uint8)
    batch = torch.export.Dim.AUTO
    torch.export.save(torch.export.export(Means(), (images,), dynamic_shapes=({0: batch},)), path)
    return path


@pytest.mark.unhooked  # it exports
@torch.no_grad()
def test_it_computes_what_was_exported_for_any_batch(file):
    program = ExportedProgram(file).eval()
    for count in (2, 5):
        images = torch.randint(0, 256, (count, 3, 8, 4), dtype=torch.uint8)
        torch.testing.assert_close(program(images), Means()(images))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.pt2: no such file; expected a program"):
        ExportedProgram(tmp_path / "none.pt2")


def test_something_else_is_named(tmp_path):
    (tmp_path / "junk.pt2").write_text("no program")
    with pytest.raises(ValueError, match=r"junk\.pt2: expected a program of torch\.export"):
        ExportedProgram(tmp_path / "junk.pt2")


@pytest.mark.unhooked  # it exports
@pytest.mark.parametrize("shape", [(2, 3, 9, 4), (2, 1, 8, 4)])
def test_pictures_it_was_not_exported_for_are_named(file, shape):
    with pytest.raises(ValueError, match=r"means\.pt2: expected a program for 2 8-bit images of"):
        ExportedProgram(file)(torch.zeros(shape, dtype=torch.uint8))
