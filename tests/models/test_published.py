"""Published checkpoints load, give the published numbers and go back."""

import os
import pickle
import subprocess
import sys

import golden
import pytest
import torch
from golden.edges import pass_messages
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
PATCH = {"D_gan": "anonygan_appearance_discriminator", "D_pose": "anonygan_landmark_discriminator"}


# There and back


@each_case
def test_every_kind_loads_and_goes_back_bit_for_bit(case):
    kind, cls, layout = CASES[case]
    state = golden.state(layout)
    module = load_published(kind, state)
    assert type(module) is cls
    assert not module.training
    back, expected = to_published(module), bare(kind, state)
    assert list(back) == list(expected)
    for key, value in expected.items():
        assert back[key].dtype == value.dtype
        assert torch.equal(back[key], value), key
        assert back[key].is_contiguous()


@each_case
def test_every_tensor_of_ours_comes_from_one_of_theirs(case):
    kind, _, layout = CASES[case]
    state = golden.state(layout)
    assert len(load_published(kind, state).state_dict()) == len(state)


def test_what_goes_back_is_a_copy():
    kind, _, layout = CASES["D_gan"]
    module = load_published(kind, golden.state(layout))
    to_published(module)["down1.0.bias"].zero_()
    assert module.first.bias.any()


# Numbers: see test_golden for AnonyGAN's discriminator and training step


def agree(found, expected, scale=1e-4):
    largest = max(1.0, expected.abs().max().item())
    torch.testing.assert_close(found, expected.to(found), rtol=0, atol=scale * largest)


class Generator:
    """A published AnonyGAN generator, with what passes through it."""

    def __init__(self, case: str, double: bool = False) -> None:
        self.case, self.expected = case, golden.expected(case)
        self.model = load_published("anonygan_generator", golden.state(golden.layout(case)))
        channels = self.model.generator.appearance_channels
        k = self.model.generator.num_landmarks
        images = [
            golden.images(f"{case}/{name}", 2, 3, 48, 40) for name in ("condition", "context")
        ]
        self.appearance = torch.cat(images[: channels // 3], dim=1)
        self.base = images[channels // 3 - 1]
        self.landmarks = [
            golden.landmarks(f"{case}/{which}_landmarks", 2, k, 48, 40)
            for which in ("condition", "source")
        ]
        if double:
            self.model.double()
            self.appearance, self.base = self.appearance.double(), self.base.double()
            self.landmarks = [points.double() for points in self.landmarks]

    def maps(self):
        """The landmarks as dense maps."""
        height, width = self.base.shape[2:]
        found = [
            golden.weights.one_hot_maps(points.long().numpy(), height, width)
            for points in self.landmarks
        ]
        return [torch.from_numpy(maps).to(self.base) for maps in found]

    @torch.no_grad()
    def run(self, landmarks=None) -> dict[str, torch.Tensor]:
        generator, codes = self.model.generator, {}

        def keep(name):
            def hook(module, inputs, output):
                codes[name] = output[0] if isinstance(output, tuple) else output

            return hook

        hooks = [
            generator.appearance_encoder.register_forward_hook(keep("appearance_0")),
            generator.shape_encoder.register_forward_hook(keep("shape_0")),
        ]
        for i, block in enumerate(generator.blocks, 1):
            hooks.append(block.register_forward_hook(keep(f"appearance_{i}")))
        if hasattr(generator, "landmark_attention"):
            attention = generator.landmark_attention
            hooks.append(
                attention.register_forward_hook(
                    lambda module, inputs, output: codes.update(
                        weighted_landmarks_sum=torch.cat(output, dim=1)
                    )
                )
            )
        output = generator(self.appearance, tuple(landmarks or self.landmarks), self.base)
        for hook in hooks:
            hook.remove()
        return codes | {
            "intermediate": output.intermediate,
            "attention": output.attention,
            "output": output.image,
        }

    def check(self, found, scale=1e-4):
        assert found.keys() == self.expected.keys()
        for name, expected in self.expected.items():
            every = found[name].shape[1] // expected.shape[1]
            agree(found[name][:, ::every], expected, scale)


GENERATORS = pytest.mark.parametrize(
    "case", ["anonygan_generator_68", "anonygan_generator_29_no_attention"]
)


@GENERATORS
@pytest.mark.parametrize("double", [False, True])
def test_anonygan_agrees_code_by_code(case, double):
    generator = Generator(case, double)
    generator.check(generator.run())


@GENERATORS
def test_anonygan_agrees_on_dense_maps(case):
    generator = Generator(case)
    generator.check(generator.run(generator.maps()))


@GENERATORS
def test_anonygan_agrees_by_message_passing_over_complete_edge_lists(case):
    generator = Generator(case)
    passed = pass_messages(generator.model)
    generator.check(generator.run())
    assert len(passed) == 6


@pytest.mark.parametrize(("name", "width"), [("market_1501", 16), ("deepfashion", 32)])
@pytest.mark.parametrize("how", ["float32", "float64", "message passing"])
@torch.no_grad()
def test_bigraphgan_agrees(name, width, how):
    case, kind = f"bigraphgan_{name}_generator", f"bigraphgan_{name.split('_')[0]}_generator"
    model = load_published(kind, golden.state(golden.layout(case)))
    image = golden.images(f"bigraphgan_{name}/image", 2, 3, 32, width)
    maps = (golden.images(f"bigraphgan_{name}/pose_maps", 2, 36, 32, width) + 1) / 2
    if how == "float64":
        model, image, maps = model.double(), image.double(), maps.double()
    if how == "message passing":
        pass_messages(model)
    given, wanted = maps.chunk(2, dim=1)
    agree(model(image, given, wanted).image, golden.expected(case)["output"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@torch.no_grad()
def test_bigraphgan_s_discriminator_agrees(dtype):
    case = "bigraphgan_discriminator"
    model = load_published(case, golden.state(golden.layout(case))).to(dtype)
    found = model(golden.images(f"{case}/input", 2, 6, 32, 16).to(dtype))
    agree(found, golden.expected(case)["output"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@torch.no_grad()
def test_ciagan_agrees(dtype):
    case = "ciagan_generator"
    model = load_published(case, golden.state(golden.layout(case))).to(dtype)
    drawing, masked = golden.images(f"{case}/input", 2, 6, 128, 128).to(dtype).chunk(2, dim=1)
    found = model(drawing, masked, torch.tensor([3, 777]))
    agree(found[:, :, ::4, ::4], golden.expected(case)["output"])


# Wrappings


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
            | prefixed("G.", state_of("anonygan, 68 landmarks")),
        },
    ),
    "module in G": ("anonygan, 29 landmarks", lambda state: prefixed("G.module.", state)),
    "module around model": ("market", lambda state: prefixed("module.", state)),
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


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_wrappings_come_off(wrapping):
    case, wrap = WRAPPINGS[wrapping]
    kind, state = CASES[case][0], state_of(case)
    back = to_published(load_published(kind, wrap(state)))
    assert {k: v.tolist() for k, v in back.items() if v.ndim < 2} == {
        k: v.tolist() for k, v in bare(kind, state).items() if v.ndim < 2
    }


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
    return state_of("D_gan")


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
        (b"", "expected a checkpoint of tensors"),
        (b"no archive", "expected a checkpoint of tensors"),
        (None, "found no such file"),
    ],
)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_what_is_no_checkpoint_is_named(tmp_path, content, message, suffix):
    path = tmp_path / f"a{suffix}"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"a{suffix}: .*{message}"):
        load_published("ciagan_generator", path)


def test_a_tensor_alone_is_no_checkpoint(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "a.pt")
    with pytest.raises(ValueError, match="expected a checkpoint, got Tensor"):
        load_published("ciagan_generator", tmp_path / "a.pt")


# What does not fit


def without(key):
    return lambda state: {k: v for k, v in state.items() if k != key}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            without("down2.1.running_var"),
            "anonygan_appearance_discriminator: down2.1.running_var m",
        ),
        (without("down1.0.weight"), "down1.0.weight missing"),
        (lambda s: s | {"wing": torch.ones(1)}, "discriminator: wing left over$"),
        (
            lambda s: s | {"down2.0.bias": torch.ones(3)},
            r"down2.0.bias \(3,\) for \(128,\) of another shape$",
        ),
        (
            lambda s: without("conv2.0.bias")(s) | {"conv2.0.b": torch.ones(1)},
            "conv2.0.bias missing; conv2.0.b left over$",
        ),
        (
            lambda s: s | {"down2.0.bias": torch.full((128,), torch.nan)},
            "expected finite weights, got others in down2.0.bias",
        ),
        (lambda s: {}, "expected tensors by name, got none"),
        (lambda s: {"netG": s}, "expected tensors by name, got netG"),
        (lambda s: s | {"down1.0.weight": torch.tensor(1.0)}, "down1.0.weight missing"),
        (lambda s: prefixed("D_pose.", s), "down1.0.weight missing"),
    ],
)
def test_keys_that_do_not_fit_are_listed(state, spoil, message):
    with pytest.raises(ValueError, match=message):
        load_published("anonygan_appearance_discriminator", spoil(state))


@pytest.mark.parametrize("kind", sorted({kind for kind, _, _ in CASES.values()}))
def test_another_network_s_checkpoint_is_refused(kind):
    for other, _, layout in CASES.values():
        if other != kind:
            with pytest.raises(ValueError, match=r"expected"):
                load_published(kind, golden.state(layout))


@pytest.mark.unhooked
def test_an_unknown_kind_lists_the_known_ones(state):
    with pytest.raises(ValueError, match="'ciagan_generator'; got 'stylegan'"):
        load_published("stylegan", state)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (AnonyGAN(LandmarkGenerator(width=4, num_blocks=1)), "shape_encoding 'separate'"),
        (
            AnonyGAN(LandmarkGenerator(width=4, num_blocks=1, shape_encoding="joint")),
            "attention_order 'source_first', blend 'attend_base'",
        ),
        (AppearanceDiscriminator(width=4, norm="group"), "it has no|norm"),
        (BiGraphGAN.of("market", width=4, num_blocks=1, upsampling="resize"), "it has no|upsamp"),
        (LandmarkDiscriminator(5, width=4, rendering="bilinear"), "rendering 'bilinear'"),
        (nn.Linear(1, 1), "expected a network of the papers, got Linear"),
    ],
)
def test_what_the_published_code_lacks_does_not_go_back(module, message):
    with pytest.raises(ValueError, match=message):
        to_published(module)


# The command


def run(*args, cwd):
    command = [sys.executable, "-m", "graphgan.models.published", *map(str, args)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_the_command_converts_once_and_for_all(tmp_path):
    kind, cls, layout = CASES["D_pose"]
    torch.save({"state_dict": prefixed("D_pose.", golden.state(layout))}, tmp_path / "a.ckpt")
    done = run("a.ckpt", "--kind", kind, "--out", "b.safetensors", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(layout) + 1
    assert lines[0].split() == ["down1.0.weight", "64x71x4x4", "first.weight"]
    assert lines[-1].endswith("LandmarkDiscriminator.from_pretrained('b.safetensors')")
    opened, loaded = cls.from_pretrained(tmp_path / "b.safetensors"), golden.state(layout)
    assert all(torch.equal(v, loaded[k]) for k, v in to_published(opened).items())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("none.pt --kind ciagan_generator --out b.safetensors", "none.pt: expected a checkpoint"),
        ("a.pt --kind ciagan_generator --out b.safetensors", "encode_one_hot.0.weight missing"),
        ("a.pt --kind anonygan_appearance_discriminator --out b.pt", "--out FILE.safetensors"),
        ("a.pt --kind stylegan --out b.safetensors", "invalid choice 'stylegan'"),
        (
            "a.pt --kind anonygan_appearance_discriminator --out no/b.safetensors",
            "no/b.safetensors",
        ),
    ],
)
def test_the_command_s_errors_are_one_line_and_nothing_is_written(tmp_path, state, args, message):
    torch.save(state, tmp_path / "a.pt")
    done = run(*args.split(), cwd=tmp_path)
    assert done.returncode in (1, 2)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and message in line
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]
