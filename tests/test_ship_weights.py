"""A run becomes a file of the shipped ones; what landmark attention learned becomes a picture."""

from pathlib import Path

import pytest
import torch
from loading import load

from graphgan.data import read_image
from graphgan.models import AnonyGAN, ConditionFitting, LandmarkGenerator


def script(name: str):
    return load(f"scripts/{name}.py")


@pytest.fixture
def weights(tmp_path) -> Path:
    torch.manual_seed(0)
    generator = LandmarkGenerator(width=4, num_blocks=1, landmark_attention="position")
    path = tmp_path / "generator.safetensors"
    fitting = ConditionFitting(68, bend=0.5)
    AnonyGAN(generator, fitting=fitting, size=(64, 64)).save_pretrained(path)
    return path


@pytest.fixture
def ship(monkeypatch, tmp_path):
    ship = script("ship_weights")
    monkeypatch.setattr(ship, "FOLDER", tmp_path)
    return ship


@torch.no_grad()
def test_weights_are_kept_in_16_bits_and_compute_nearly_the_same(ship, weights, tmp_path, capsys):
    ship.main(ship.Options(checkpoint=weights, name="people-128", detail=0.1, mirror=True))
    before, after = (
        AnonyGAN.from_pretrained(path) for path in (weights, tmp_path / "people-128.safetensors")
    )
    assert (before.detail, after.detail, after.size) == (0.0, 0.1, (64, 64))
    assert after.config["fitting"] == {"bend": 0.5, "mirror": True}
    for name, values in before.state_dict().items():
        assert torch.equal(after.state_dict()[name], values.half().to(values.dtype))
    size = (tmp_path / "people-128.safetensors").stat().st_size
    assert size < 0.75 * weights.stat().st_size
    assert "changes pictures in [-1, 1] by 0.00" in capsys.readouterr().out


def test_a_name_that_the_catalog_does_not_have_is_refused(ship, weights):
    with pytest.raises(ValueError, match="expected --name among people-128"):
        ship.main(ship.Options(checkpoint=weights, name="nobody"))


def test_what_attention_learned_is_drawn(weights, tmp_path, capsys):
    draw = script("draw_landmark_attention")
    draw.FACES_DRAWN = 2
    draw.main(draw.Options(checkpoint=weights, out=tmp_path / "attention.png"))
    picture = read_image(tmp_path / "attention.png")
    assert picture.shape[1] > 300 and picture.float().std() > 10
    assert "source: 0." in capsys.readouterr().out
