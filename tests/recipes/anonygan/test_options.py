import ast
import dataclasses
from pathlib import Path

import objective
import options
import pytest
from options import PRESETS, ModelOptions, OptimizerOptions, PairOptions, TrainOptions

from graphgan.models import AnonyGAN


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


def test_the_paper_s_networks_have_the_published_sizes():
    generator = PRESETS["paper"].model.generator(68)
    assert isinstance(generator, AnonyGAN)
    assert len(generator.generator.blocks) == 6
    assert generator.generator.appearance_channels == 6
    discriminators = PRESETS["paper"].model.discriminators(68)
    assert list(discriminators) == ["app", "lm"]
    assert discriminators["lm"].in_channels == 3 + 68


def fields_and_texts(module, name):
    """Each field of a dataclass with the string below it."""
    tree = ast.parse(Path(module.__file__).read_text())
    body = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name).body
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign):
            value = after.value if isinstance(after, ast.Expr) else None
            text = value.value if isinstance(value, ast.Constant) else None
            yield statement.target.id, statement.annotation, text


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (options, "ModelOptions"),
        (options, "PairOptions"),
        (options, "OptimizerOptions"),
        (options, "TrainOptions"),
        (objective, "LossOptions"),
    ],
)
def test_every_option_has_a_help_text(module, name):
    found = list(fields_and_texts(module, name))
    assert [field for field, _, _ in found] == [
        field.name for field in dataclasses.fields(getattr(module, name))
    ]
    for field, annotation, text in found:
        grouped = ast.unparse(annotation).endswith("Options")
        assert grouped or (text and text.strip().endswith(".")), field


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (OptimizerOptions, {"lr_g": 0.0}, "lr_g between 0 and 1, got 0.0"),
        (OptimizerOptions, {"lr_d": float("nan")}, "lr_d between 0 and 1, got nan"),
        (OptimizerOptions, {"beta1": 1.0}, "beta1 from 0 to below 1, got 1.0"),
        (OptimizerOptions, {"ema": -0.1}, "ema from 0 to below 1, got -0.1"),
        (TrainOptions, {"devices": 0}, "--devices of at least 1, got 0"),
        (TrainOptions, {"workers": -1}, "--workers of 0 and more, got -1"),
        (TrainOptions, {"seed": -1}, r"--seed from 0 to below 2\^32, got -1"),
        (TrainOptions, {"seed": 2**32}, "--seed from 0"),
        (TrainOptions, {"more": 5}, "--more together with --resume"),
        (TrainOptions, {"resume": Path("a"), "more": 0}, "--more of at least 1, got 0"),
        (TrainOptions, {"resume": Path("a"), "out": Path("b")}, "--resume or --out, got both"),
    ],
)
def test_values_out_of_range_are_named(kind, values, message):
    with pytest.raises(ValueError, match=message):
        kind(**values)


@pytest.mark.parametrize("values", [{"width": 3}, {"width": 0}, {"blocks": 0}, {"dropout": 1.5}])
def test_networks_that_cannot_be_are_refused(values):
    with pytest.raises(ValueError, match=r"expected|between"):
        ModelOptions(**values).generator(68)


def test_options_cannot_be_changed_on_the_way():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PairOptions().batch_size = 3
