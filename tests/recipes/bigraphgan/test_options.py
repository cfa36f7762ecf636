from dataclasses import replace
from pathlib import Path

import golden
import pytest
import torch
import yaml
from help_texts import without_help
from objective import LossOptions
from options import PRESETS, ModelOptions, PairOptions, TrainOptions

from graphgan.models.published import load_published
from graphgan.training import read_options
from graphgan.training._resuming import write_options


@pytest.mark.parametrize("name", ["market", "deepfashion"])
def test_the_published_presets_are_what_was_published(name):
    preset = PRESETS[name]
    optimizer, loss, model = preset.optimizer, preset.loss, preset.model
    assert (optimizer.lr_g, optimizer.lr_d, optimizer.beta1) == (2e-4, 2e-4, 0.5)
    assert optimizer.decay == pytest.approx(200 / 700)
    assert (loss.weight_gan, loss.weight_l1, loss.weight_perceptual) == (5, 10, 10)
    assert loss.perceptual == "vgg19"
    assert preset.pairs.batch_size == 32
    assert preset.steps == 700 * 4000 / 32
    assert (model.width, model.blocks, model.dropout, model.sigma) == (64, 9, 0.5, 6)
    assert model.init_std == 0.02
    particular = (preset.size, model.norm, model.blend, loss.adversarial, loss.history)
    assert (
        particular
        == {
            "market": ((128, 64), "batch", "two_maps", "bce", 50),
            "deepfashion": ((256, 176), "instance", "none", "lsgan", 0),
        }[name]
    )


@pytest.mark.parametrize(
    ("preset", "case"), [("market", "market_1501"), ("deepfashion", "deepfashion")]
)
def test_published_weights_fit_the_preset_s_own_generator(preset, case):
    """The numbers of published weights are compared in tests/models/test_golden.py."""
    kinds = {True: torch.long, False: torch.float}
    published = load_published(
        f"bigraphgan_{preset}_generator",
        {
            key: torch.zeros((), dtype=kinds[key.endswith("num_batches_tracked")]).expand(shape)
            for key, shape in golden.layout(f"bigraphgan_{case}_generator").items()
        },
    )
    with torch.device("meta"):
        model = PRESETS[preset].model.generator()
    own, theirs = ({k: v.shape for k, v in x.state_dict().items()} for x in (model, published))
    assert own == theirs
    assert model.config["generator"] | {"num_nodes": 64} == published.config["generator"]


def test_a_published_discriminator_loads_into_the_preset_s_own():
    published = load_published(
        "bigraphgan_discriminator", golden.state(golden.layout("bigraphgan_discriminator"))
    )
    discriminators = PRESETS["market"].model.discriminators()
    discriminators["app"].load_state_dict(published.state_dict())
    assert discriminators["pose"].config["in_channels"] == 3 + 18


@pytest.mark.parametrize("kind", [ModelOptions, PairOptions, TrainOptions, LossOptions])
def test_every_option_has_a_help_text(kind):
    assert without_help(kind) == []


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.preset)
def test_a_preset_comes_back_from_a_file(preset):
    preset = replace(preset, vgg19=Path("/weights/vgg19.pth"))
    text = yaml.safe_dump(write_options(preset))
    assert read_options(TrainOptions, yaml.safe_load(text)) == preset
    assert PRESETS[preset.preset] == replace(preset, vgg19=None)


@pytest.mark.parametrize("name", PRESETS)
def test_weights_tell_the_options_that_they_were_made_with(name):
    preset = PRESETS[name]
    with torch.device("meta"):
        model = preset.model.generator(trained_with=preset.trained_with)
    told = preset.model.like(model)
    assert told == replace(preset.model, trained_with=",".join(model.trained_with))
    others = ModelOptions(
        discriminator_width=preset.model.discriminator_width, projected=preset.model.projected
    )
    assert others.like(model) == told
