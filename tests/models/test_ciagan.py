import pytest
import torch

from graphgan.models import CIAGANGenerator


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    return CIAGANGenerator(5, width=4, num_blocks=1).eval()


def pictures(batch=2):
    return (2 * torch.rand(2, batch, 3, 128, 128) - 1).unbind()


@torch.no_grad()
def test_the_person_decides_and_the_drawing_too(generator):
    drawing, masked = pictures(1)
    first = generator(drawing, masked, torch.tensor([0]))
    assert not torch.allclose(first, generator(drawing, masked, torch.tensor([1])), atol=1e-3)
    assert not torch.allclose(first, generator(masked, drawing, torch.tensor([0])), atol=1e-3)


def test_the_file_has_all_that_it_takes(generator, tmp_path):
    generator.save_pretrained(tmp_path / "a.safetensors")
    again = CIAGANGenerator.from_pretrained(tmp_path / "a.safetensors")
    assert again.config == generator.config
    inputs = (*pictures(), torch.tensor([2, 4]))
    with torch.no_grad():
        assert torch.equal(again(*inputs), generator(*inputs))


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("shapes", "people", "message"),
    [
        (((2, 3, 64, 64), (2, 3, 64, 64)), 2, r"shape \(b, 3, 128, 128\), got \(2, 3, 64, 64\)"),
        (((2, 3, 128, 128), (1, 3, 128, 128)), 2, r"and \(1, 3, 128, 128\)"),
        (((2, 6, 128, 128), (2, 6, 128, 128)), 2, r"drawing of shape \(b, 3, h, w\)"),
        (
            ((2, 3, 128, 128), (2, 3, 128, 128)),
            3,
            r"expected 2 identities, got a tensor of shape \(3,\)",
        ),
    ],
)
def test_refuses_other_pictures(generator, shapes, people, message):
    with pytest.raises(ValueError, match=message):
        generator(*map(torch.zeros, shapes), torch.zeros(people).long())


@pytest.mark.parametrize("width", [0, 3])
def test_refuses_an_odd_width(width):
    with pytest.raises(ValueError, match=f"an even width, got {width}"):
        CIAGANGenerator(5, width=width)
