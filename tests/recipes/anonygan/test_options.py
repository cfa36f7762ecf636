from dataclasses import replace

import pytest
import yaml
from help_texts import without_help
from objective import LossOptions
from options import PRESETS, ModelOptions, PairOptions, TrainOptions

from graphgan.models import AnonyGAN
from graphgan.training.resuming import read_options, write_options


def test_the_paper_s_preset_is_the_paper():
    paper = PRESETS["paper"]
    assert (paper.optimizer.lr_g, paper.optimizer.lr_d) == (2e-4, 2e-6)
    assert (paper.optimizer.beta1, paper.optimizer.beta2) == (0.5, 0.999)
    assert paper.optimizer.decay == 0
    loss = paper.loss
    assert (loss.weight_app, loss.weight_lm, loss.weight_wfm, loss.weight_recon) == (1, 1, 1, 5)
    assert (loss.adversarial, loss.wfm_first_layer) == ("bce", 3)
    assert (loss.wfm_pairs, loss.recon_of) == ("different", "image")
    assert loss.r1 == loss.r2 == loss.gradient_penalty == loss.context_jitter == 0
    pairs = paper.pairs
    assert (pairs.same_image_share, pairs.same_person_share) == (0.75, 0)
    assert (pairs.num_pairs, pairs.batch_size) == (24_000, 32)
    model = paper.model
    assert (model.width, model.blocks, model.discriminator_width) == (64, 6, 64)
    assert (model.dropout, model.norm) == (0.5, "batch")
    assert (model.landmark_attention, model.attention_order) == ("gap", "source_first")
    assert (model.shape_encoding, model.context) == ("separate", True)
    assert (model.blend, model.base) == ("attend_base", "condition")
    assert model.upsampling == "transposed"


def test_presets_carry_their_names_and_grow():
    assert {name: preset.preset for name, preset in PRESETS.items()} == {n: n for n in PRESETS}
    sizes = [PRESETS[name].model.width for name in ("smoke", "small", "paper")]
    assert sizes == sorted(sizes)
    steps = [PRESETS[name].steps for name in ("smoke", "small", "paper")]
    assert steps == sorted(steps)


def test_ablations_change_what_they_are_named_after_and_nothing_else():
    for full in ("small", "paper"):
        whole = PRESETS[full]
        ablations = [
            PRESETS[f"{full}-{name}"].model
            for name in ("68lm-no-cm", "68lm-no-attention-no-cm", "29lm-no-attention-no-cm")
        ]
        no_context = replace(whole.model, context=False)
        no_attention = replace(no_context, landmark_attention="none")
        assert ablations == [no_context, no_attention, replace(no_attention, landmarks=29)]
        for name, preset in PRESETS.items():
            if name.startswith(f"{full}-"):
                kept = replace(preset.loss, context_jitter=whole.loss.context_jitter)
                assert replace(preset, preset=full, model=whole.model, loss=kept) == whole


def test_29_landmarks_reach_generator_and_discriminator():
    model = PRESETS["small-29lm-no-attention-no-cm"].model
    generator = model.generator().generator
    assert (generator.num_landmarks, generator.appearance_channels) == (29, 3)
    assert not hasattr(generator, "landmark_attention")
    assert model.discriminators()["lm"].in_channels == 3 + 29


def test_the_paper_s_networks_have_the_published_sizes():
    generator = PRESETS["paper"].model.generator()
    assert isinstance(generator, AnonyGAN)
    assert len(generator.generator.blocks) == 6
    assert generator.generator.appearance_channels == 6
    discriminators = PRESETS["paper"].model.discriminators()
    assert list(discriminators) == ["app", "lm"]
    assert discriminators["lm"].in_channels == 3 + 68


@pytest.mark.parametrize("kind", [ModelOptions, PairOptions, TrainOptions, LossOptions])
def test_every_option_has_a_help_text(kind):
    assert without_help(kind) == []


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.preset)
def test_a_preset_comes_back_from_a_file(preset):
    text = yaml.safe_dump(write_options(preset))
    assert read_options(TrainOptions, yaml.safe_load(text)) == preset


@pytest.mark.parametrize("values", [{"width": 3}, {"width": 0}, {"blocks": 0}, {"dropout": 1.5}])
def test_networks_that_cannot_be_are_refused(values):
    with pytest.raises(ValueError, match=r"expected|between"):
        ModelOptions(**values).generator()
