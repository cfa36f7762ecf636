from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from documentation import DOCS, commands
from help_texts import without_help
from objective import LossOptions
from options import PRESETS, ModelOptions, PairOptions, TrainOptions, like_weights

from graphgan.models import CIAGANGenerator
from graphgan.training import parse_train_options, read_options
from graphgan.training._resuming import write_options


def test_the_command_that_reproduces_a_row_of_anonygan_s_paper_is_understood():
    page = commands(DOCS / "reproduce.md")
    (words,) = [args for script, args in page if script == "recipes/ciagan/train.py"]
    assert parse_train_options(PRESETS, words) == replace(
        PRESETS["paper"], data=Path("prepared/celeba128"), out=Path("runs/ciagan")
    )


def test_the_paper_s_preset_is_the_paper():
    paper = PRESETS["paper"]
    assert (paper.size, paper.critic_steps, paper.pairs.batch_size) == (128, 5, 16)
    optimizer = paper.optimizer
    assert (optimizer.lr_g, optimizer.lr_d, optimizer.decay) == (1e-4, 1e-4, 0)
    assert (optimizer.beta1, optimizer.beta2) == (0.5, 0.999)
    assert (paper.loss.adversarial, paper.loss.margin) == ("lsgan", 3)
    assert (paper.loss.weight_critic, paper.loss.weight_identity) == (1, 1)
    assert paper.loss.weight_recon == 0  # not in the paper
    assert paper.pairs.same_person_share == 0.5
    assert (paper.model.width, paper.model.blocks) == (32, 4)


def test_presets_carry_their_names_and_grow():
    assert {name: preset.preset for name, preset in PRESETS.items()} == {n: n for n in PRESETS}
    presets = [PRESETS[name] for name in ("smoke", "small", "paper")]
    assert [p.size for p in presets] == sorted(p.size for p in presets)
    assert [p.model.width for p in presets] == sorted(p.model.width for p in presets)
    assert [p.steps for p in presets] == sorted(p.steps for p in presets)


def test_steps_and_rows_of_every_preset_end_with_the_generator():
    for preset in PRESETS.values():
        assert preset.steps % preset.critic_steps == preset.log_every % preset.critic_steps == 0


def test_the_critic_sees_two_pictures_and_the_identity_network_one():
    networks = ModelOptions(critic_width=4, identity_width=2, embedding=5).discriminators()
    assert list(networks) == ["critic", "identity"]
    assert networks["critic"].in_channels == 6
    assert networks["identity"].to_embedding.out_features == 5


@pytest.mark.parametrize("kind", [ModelOptions, PairOptions, TrainOptions, LossOptions])
def test_every_option_has_a_help_text(kind):
    assert without_help(kind) == []


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.preset)
def test_a_preset_comes_back_from_a_file(preset):
    text = yaml.safe_dump(write_options(preset))
    assert read_options(TrainOptions, yaml.safe_load(text)) == preset


def test_weights_tell_the_options_that_they_were_made_with(tmp_path):
    CIAGANGenerator(3, width=4, num_blocks=1, size=64).save_pretrained(tmp_path / "w.safetensors")
    smoke = PRESETS["smoke"]
    model = replace(smoke.model, width=4, blocks=1)
    assert like_weights(smoke, tmp_path / "w.safetensors") == replace(smoke, model=model)
