from dataclasses import replace
from typing import get_args, get_type_hints

import pytest
import torch
import yaml
from help_texts import without_help
from objective import AnonyGANObjective, LossOptions
from options import PRESETS, ModelOptions, PairOptions, TrainOptions

from graphgan.data import FaceBatch, PairKind
from graphgan.landmarks import CIAGAN_29, IBUG_68, MESH_468, POINTS_5
from graphgan.layers._aggregation import Reasoning
from graphgan.models import AnonyGAN
from graphgan.training import read_options
from graphgan.training._resuming import write_options


def test_the_paper_s_preset_is_the_paper():
    paper = PRESETS["paper"]
    assert (paper.optimizer.lr_g, paper.optimizer.lr_d) == (2e-4, 2e-6)
    assert (paper.optimizer.beta1, paper.optimizer.beta2) == (0.5, 0.999)
    assert paper.optimizer.decay == 0
    loss = paper.loss
    assert (loss.weight_app, loss.weight_lm, loss.weight_wfm, loss.weight_recon) == (1, 1, 1, 5)
    assert (loss.adversarial, loss.wfm_first_layer) == ("bce", 3)
    assert (loss.wfm_pairs, loss.recon_of) == ("different", "image")
    assert (loss.halve_d, loss.wfm_logits, paper.model.attention_kernel) == (True, False, 3)
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
    assert model.reasoning == "bipartite"


def test_presets_carry_their_names_and_grow():
    assert {name: preset.preset for name, preset in PRESETS.items()} == {n: n for n in PRESETS}
    sizes = [PRESETS[name].model.width for name in ("smoke", "small", "paper")]
    assert sizes == sorted(sizes)
    steps = [PRESETS[name].steps for name in ("smoke", "small", "paper")]
    assert steps == sorted(steps)


def test_ablations_change_what_they_are_named_after_and_nothing_else():
    for full in ("small", "paper"):
        whole = PRESETS[full]
        no_matching = replace(whole.loss, weight_wfm=0)
        no_attention = replace(whole.model, landmark_attention="none")
        expected = {
            "68lm-no-cm": whole.model,
            "68lm-no-attention-no-cm": no_attention,
            "29lm-no-attention-no-cm": replace(no_attention, landmarks=29),
        }
        for name, model in expected.items():
            preset = PRESETS[f"{full}-{name}"]
            assert preset == replace(whole, preset=preset.preset, model=model, loss=no_matching)


PAPER_ROWS = {  # weak feature matching, landmark attention, landmarks
    "paper": (True, True, 68),
    "paper-68lm-no-cm": (False, True, 68),
    "paper-68lm-no-attention-no-cm": (False, False, 68),
    "paper-29lm-no-attention-no-cm": (False, False, 29),
}


@pytest.mark.parametrize("name", PAPER_ROWS)
def test_terms_of_equation_5_and_inputs_of_the_paper_s_four_variants(name):
    matching, attention, landmarks = PAPER_ROWS[name]
    preset = replace(PRESETS[name].model, width=4, blocks=1, discriminator_width=4)
    objective = AnonyGANObjective(PRESETS[name].loss)
    kinds = torch.tensor([PairKind.SAME_IMAGE, PairKind.DIFFERENT])
    points, images = 20 + 20 * torch.rand(2, 68, 2), torch.rand(2, 3, 64, 64)
    batch = FaceBatch(images, images.flip(0), points, points, torch.ones(2, 1, 64, 64), kinds)
    batch = batch.for_network(landmarks)
    generator, discriminators = preset.generator(), preset.discriminators()
    terms = objective.generator_losses(discriminators, batch, objective.generate(generator, batch))
    expected = {"g_app", "g_lm", "g_recon"} | ({"g_wfm"} if matching else set())
    assert set(terms) == expected
    assert generator.sees_context  # I_sc goes in always
    assert hasattr(generator.generator, "landmark_attention") == attention
    assert generator.generator.num_landmarks == landmarks


def test_people_128_learns_from_portraits_by_features():
    people, shipped = PRESETS["people-128"], PRESETS["shipped"]
    kept = replace(
        people.model,
        projected=False,
        discriminator_width=24,
        detail=1 / 32,
        face_alone=False,
        forehead=0.7,
    )
    assert kept == shipped.model
    assert people.model.projected and people.model.face_alone and people.model.detail == 0
    assert (people.pairs.degraded, people.pairs.flip, people.pairs.num_pairs) == (True, True, None)
    assert people.loss.weight_features > 0 and people.loss.augmentation > 0
    assert not people.loss.penalizes_gradients  # the projected objective has none
    assert people.loss.weight_identity == 0


@pytest.mark.parametrize("reasoning", get_args(Reasoning))
def test_the_reasoning_reaches_the_generator_and_every_one_can_be_chosen(reasoning):
    assert get_type_hints(ModelOptions)["reasoning"] == Reasoning
    generator = ModelOptions(width=4, blocks=1, reasoning=reasoning).generator().generator
    assert generator.config["reasoning"] == reasoning


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


@pytest.mark.parametrize("name", PRESETS)
def test_weights_tell_the_options_that_they_were_made_with(name):
    preset = PRESETS[name]
    with torch.device("meta"):
        model = preset.model.generator((128, 128))
    told = preset.model.like(model)
    count = preset.model.num_landmarks
    used = ",".join(model.trained_with)
    assert told == replace(preset.model, landmarks=count, trained_with=used)
    others = ModelOptions(
        discriminator_width=preset.model.discriminator_width, projected=preset.model.projected
    )
    assert others.like(model) == told


@pytest.mark.parametrize(
    ("wanted", "scheme", "expected"),
    [(None, IBUG_68, 68), (29, IBUG_68, 29), (None, MESH_468, 468), (29, CIAGAN_29, 29)],
)
def test_networks_are_given_the_landmarks_that_faces_have(wanted, scheme, expected):
    model = ModelOptions(landmarks=wanted, width=4, blocks=1).for_faces(scheme)
    assert model.landmarks == model.generator().generator.num_landmarks == expected


@pytest.mark.parametrize(
    ("options", "scheme", "message"),
    [
        ({"landmarks": 68}, POINTS_5, "of 5 landmarks for faces with points-5, got one of 68 "),
        ({"landmarks": 5}, IBUG_68, "of 68 or 29 landmarks for faces with ibug-68, got one of 5 "),
        ({"mirror_condition": True}, POINTS_5, "--mirror-condition False with 5 landmarks of poi"),
        (
            {"mirror_condition": True, "keep_openings": True},
            MESH_468,
            "--mirror-condition False --keep-openings False with 468 landmarks of mesh-468",
        ),
        ({"landmarks": 29, "keep_openings": True}, IBUG_68, "--keep-openings False with 29 land"),
    ],
)
def test_landmarks_that_faces_do_not_have_are_refused(options, scheme, message):
    with pytest.raises(ValueError, match=message):
        ModelOptions(**options).for_faces(scheme)
