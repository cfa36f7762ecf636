"""Published checkpoints load and go back; for their numbers see test_golden."""

import os
import pickle
from functools import lru_cache

import golden
import pytest
import torch
from running import failure, run_here
from safetensors.torch import save_file
from torch import nn

from graphgan.models import (
    AnonyGAN,
    AppearanceDiscriminator,
    BiGraphGAN,
    CIAGANGenerator,
    LandmarkDiscriminator,
    LandmarkGenerator,
    ResNetDiscriminator,
    published,
)
from graphgan.models.published import Kind, load_published, to_published

STEP = golden.layout("anonygan_training_step")["manifests"]
CASES: dict[str, tuple[Kind, type, dict]] = {
    "anonygan, 68 landmarks": (
        "anonygan_generator",
        AnonyGAN,
        golden.layout("anonygan_generator_68"),
    ),
    "anonygan, 29 landmarks": (
        "anonygan_generator",
        AnonyGAN,
        golden.layout("anonygan_generator_29_no_attention"),
    ),
    "D_gan": ("anonygan_appearance_discriminator", AppearanceDiscriminator, STEP["D_gan"]),
    "D_pose": ("anonygan_landmark_discriminator", LandmarkDiscriminator, STEP["D_pose"]),
    "market": (
        "bigraphgan_market_generator",
        BiGraphGAN,
        golden.layout("bigraphgan_market_1501_generator"),
    ),
    "deepfashion": (
        "bigraphgan_deepfashion_generator",
        BiGraphGAN,
        golden.layout("bigraphgan_deepfashion_generator"),
    ),
    "bigraphgan's discriminator": (
        "bigraphgan_discriminator",
        ResNetDiscriminator,
        golden.layout("bigraphgan_discriminator"),
    ),
    "ciagan": ("ciagan_generator", CIAGANGenerator, golden.layout("ciagan_generator")),
}
each_case = pytest.mark.parametrize("case", CASES)


def bare(kind: Kind, state: dict) -> dict:
    """Without what wraps BiGraphGAN's generators."""
    prefix = "model." if kind in ("bigraphgan_market_generator", DEEPFASHION) else ""
    return {key.removeprefix(prefix): value for key, value in state.items()}


DEEPFASHION = "bigraphgan_deepfashion_generator"


# There and back


@each_case
def test_every_kind_loads_and_goes_back_bit_for_bit(case):
    kind, cls, _ = CASES[case]
    state = state_of(case)
    module = load_published(kind, state)
    assert type(module) is cls
    assert not module.training
    back, expected = to_published(module), bare(kind, state)
    assert list(back) == list(expected)
    for key, value in expected.items():
        assert back[key].dtype == value.dtype
        assert torch.equal(back[key], value), key
        assert back[key].is_contiguous()


# Wrappings


@lru_cache(maxsize=1)  # drawing them is slow; those of a case follow each other
def state_of(case: str) -> dict:
    return golden.state(CASES[case][2])


def prefixed(prefix: str, state: dict) -> dict:
    return {f"{prefix}{key}": value for key, value in state.items()}


WRAPPINGS = {
    "state_dict": ("D_gan", lambda state: {"epoch": 3, "state_dict": state}),
    "module": ("D_gan", lambda state: prefixed("module.", state)),
    "a checkpoint of all three": (
        "D_pose",
        lambda state: {
            "epoch": 699,
            "hyper_parameters": {"lr": 2e-4},
            "state_dict": prefixed("D_pose.", state)
            | prefixed("D_gan.", state_of("D_gan"))
            | prefixed("G.", shapes_of(CASES["anonygan, 68 landmarks"][2])),
        },
    ),
    "module in G": ("anonygan, 29 landmarks", lambda state: prefixed("G.module.", state)),
    "module around model": ("market", lambda state: prefixed("module.", state)),
    "netG": ("market", lambda state: {"netG": prefixed("module.", state), "epoch": 7}),
    "module in all three, the longest first": (
        "anonygan, 29 landmarks",
        lambda state: prefixed("D_pose.module.", state_of("D_pose")) | prefixed("G.module.", state),
    ),
    "InstanceNorm with scale": (
        "ciagan",
        lambda state: state | {"in0_e.running_mean": torch.zeros(32)},
    ),
    "a state_dict in a state_dict": ("D_gan", lambda state: {"state_dict": {"state_dict": state}}),
    "no model": ("market", lambda state: bare("bigraphgan_market_generator", state)),
    "old InstanceNorm": (
        "deepfashion",
        lambda state: (
            state
            | {"model.stream1_down.2.running_mean": torch.zeros(64)}
            | {"model.stream1_down.2.running_var": torch.ones(64)}
            | {"model.att.0.conv_block_stream1.2.num_batches_tracked": torch.tensor(5)}
        ),
    ),
}


@pytest.mark.parametrize("wrapping", sorted(WRAPPINGS, key=lambda name: WRAPPINGS[name][0]))
def test_wrappings_come_off(wrapping):
    case, wrap = WRAPPINGS[wrapping]
    kind, state = CASES[case][0], state_of(case)
    back, expected = to_published(load_published(kind, wrap(state))), bare(kind, state)
    assert back.keys() == expected.keys()
    assert all(torch.equal(back[key], value) for key, value in expected.items())


def test_more_or_fewer_blocks_and_people_are_seen():
    state = {k: v for k, v in state_of("ciagan").items() if not k.startswith("res4.")}
    state["encode_one_hot.0.weight"] = torch.zeros(256, 7)
    assert load_published("ciagan_generator", state).config == {
        "num_identities": 7,
        "width": 32,
        "num_blocks": 3,
    }


# Files


@pytest.fixture
def state():
    return golden.state(CASES["D_gan"][2])


@pytest.mark.parametrize("suffix", [".pt", ".safetensors", ".ckpt"])
def test_files_load(state, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": prefixed("D_gan.", state)}, path)
    module = load_published("anonygan_appearance_discriminator", path)
    assert torch.equal(module.first.weight, state["down1.0.weight"])


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


def test_a_pickle_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pt").write_bytes(pickle.dumps({"down1.0.weight": Harm()}))
    torch.save({"down1.0.weight": Harm()}, tmp_path / "b.pt")
    for name in ("a.pt", "b.pt"):
        with pytest.raises(ValueError, match=f"^{name}: expected a checkpoint of tensors"):
            load_published("anonygan_appearance_discriminator", name)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a checkpoint of tensors|expected safetensors"),
        (b"no archive", "expected a checkpoint of tensors|expected safetensors"),
    ],
)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_what_is_no_checkpoint_is_named(tmp_path, content, message, suffix):
    path = tmp_path / f"a{suffix}"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"a{suffix}: (.*{message})"):
        load_published("ciagan_generator", path)


def test_a_file_of_ours_is_opened_in_another_way(tmp_path):
    AppearanceDiscriminator(width=4).save_pretrained(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"load these by AppearanceDiscriminator.from_pretrained"):
        load_published("anonygan_appearance_discriminator", tmp_path / "a.safetensors")


# What does not fit


def without(key):
    return lambda state: {k: v for k, v in state.items() if k != key}


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            without("down2.1.running_var"),
            "anonygan_appearance_discriminator: down2.1.running_var m",
        ),
        (without("down1.0.weight"), "down1.0.weight is missing or not a matrix, of 3"),
        (lambda s: s | {"wing": torch.ones(1)}, "discriminator: wing left over$"),
        (lambda s: {}, "expected tensors by name, got none"),
        (lambda s: {"a": {"b": {"c": {"d": {"e": s}}}}}, "expected tensors by name, got e"),
        (lambda s: circle(), "expected tensors by name, got state_dict"),
        (lambda s: [1, 2], "expected tensors by name, got list"),
        (lambda s: s | {"down1.0.weight": torch.tensor(1.0)}, "weight is missing or not a m"),
        (lambda s: prefixed("D_pose.", s), "down1.0.weight is missing"),
        (lambda s: prefixed("D_gan.", s) | {"wing": torch.ones(1)}, "wing left over$"),
        (lambda s: prefixed("D_gan.", s) | s, "one network, got .* with and without D_gan."),
        (
            lambda s: s | {"down1.0.weight": torch.ones(1).expand(10**6, 6, 4, 4)},
            "missing|another shape",
        ),
    ],
)
def test_keys_that_do_not_fit_are_listed(state, spoil, message):
    with pytest.raises(ValueError, match=message):
        load_published("anonygan_appearance_discriminator", spoil(state))


def shapes_of(layout: dict) -> dict:
    """Zeros that take no memory."""
    return {key: torch.zeros(()).expand(shape) for key, shape in layout.items()}


def circle() -> dict:
    content: dict = {}
    content["state_dict"] = content
    return content


def test_loading_draws_no_number_and_takes_no_memory_of_the_caller(state):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    module = load_published("anonygan_appearance_discriminator", state)
    assert torch.equal(torch.get_rng_state(), before)
    state["down1.0.weight"].zero_()
    assert module.first.weight.any()
    assert all(p.requires_grad for p in module.parameters())


def test_a_discriminator_of_deepfashion_s_norm_loads_and_goes_back():
    norm = ResNetDiscriminator(6, width=4, norm="instance")
    state = to_published(norm)
    again = load_published("bigraphgan_discriminator", state)
    assert again.config["norm"] == "instance"
    assert all(torch.equal(v, state[k]) for k, v in to_published(again).items())


@pytest.mark.unhooked
def test_an_unknown_kind_lists_the_known_ones(state):
    with pytest.raises(ValueError, match="'ciagan_generator'; got 'stylegan'"):
        load_published("stylegan", state)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("module", "message"),
    [
        (AnonyGAN(LandmarkGenerator(width=4, num_blocks=1)), "shape_encoding 'separate'"),
        (
            AnonyGAN(LandmarkGenerator(width=4, num_blocks=1, shape_encoding="joint")),
            "attention_order 'source_first', blend 'attend_base'",
        ),
        (AppearanceDiscriminator(width=4, norm="group"), "a norm of the published code, got 'gr"),
        (
            ResNetDiscriminator(6, width=4, norm="group"),
            "a norm of the published code, got 'group'",
        ),
        (
            AnonyGAN.published(width=4, num_blocks=1, norm="group"),
            "a norm of the published code, got 'group'",
        ),
        (
            BiGraphGAN.published("market", width=4, num_blocks=1, upsampling="resize"),
            "expected a network of the published code, it has no generator.image_head.up.0.weight",
        ),
        (
            AnonyGAN.published(width=4, num_blocks=1, reasoning="pose_attention"),
            "expected a network of the published code, it has no generator.blocks.0.reasoning.",
        ),
        (LandmarkDiscriminator(5, width=4, rendering="bilinear"), "rendering 'bilinear'"),
        (nn.Linear(1, 1), "expected a network of the papers, got Linear"),
    ],
)
def test_what_the_published_code_lacks_does_not_go_back(module, message):
    with pytest.raises(ValueError, match=message):
        to_published(module)


# The command


def test_the_command_converts_once_and_for_all(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    kind, cls, layout = CASES["D_pose"]
    torch.save({"state_dict": prefixed("D_pose.", golden.state(layout))}, tmp_path / "a.ckpt")
    flags = ["a.ckpt", "--kind", kind, "--out", "b.safetensors"]
    done = run_here(published._command, *flags, monkeypatch=monkeypatch, capsys=capsys)
    assert (done.status, done.errors) == (0, [])
    lines = done.out.splitlines()
    assert len(lines) == len(layout) + 1
    assert lines[0].split() == ["down1.0.weight", "64x71x4x4", "first.weight"]
    assert lines[-1].endswith("LandmarkDiscriminator.from_pretrained('b.safetensors')")
    opened, loaded = cls.from_pretrained(tmp_path / "b.safetensors"), golden.state(layout)
    assert all(torch.equal(v, loaded[k]) for k, v in to_published(opened).items())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("none.pt --kind ciagan_generator --out b.safetensors", "none.pt: No such file"),
        ("a.pt --kind ciagan_generator --out b.safetensors", "encode_one_hot.0.weight is missing"),
        (
            "a.pt --kind anonygan_appearance_discriminator --out a.pt",
            "--out to be a new FILE.safetensors",
        ),
        ("a.pt --kind ciagan_generator", "expected --out (see --help)"),
        ("a.pt --kind anonygan_appearance_discriminator --out b.pt", "new FILE.safetensors"),
        ("a.pt --kind stylegan --out b.safetensors", "invalid choice 'stylegan'"),
        (
            "a.pt --kind anonygan_appearance_discriminator --out no/b.safetensors",
            "no/b.safetensors",
        ),
    ],
)
def test_the_command_s_errors_are_one_line_and_nothing_is_written(
    tmp_path, state, args, message, monkeypatch, capsys
):
    torch.save(state, tmp_path / "a.pt")
    monkeypatch.chdir(tmp_path)
    done = run_here(published._command, *args.split(), monkeypatch=monkeypatch, capsys=capsys)
    assert message in failure(done, done.status) and done.status in (1, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]
