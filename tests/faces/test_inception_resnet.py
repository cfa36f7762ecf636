"""FaceNet's network; its numbers were compared with facenet-pytorch's on equal weights by hand."""

import functools
import hashlib

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from graphgan.faces import InceptionResnetV1

CLASSES = 7


@pytest.fixture(scope="module")
def network() -> InceptionResnetV1:
    """Random weights that keep people apart: the norms have seen data."""
    torch.manual_seed(0)
    network = InceptionResnetV1(CLASSES)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
                module.momentum = None
                module.weight.uniform_(0.7, 1.3)
                module.bias.normal_(0, 0.1)
        network.train().classify(pictures(6))
    return network.eval()


@pytest.fixture(scope="module")
def loaded(network, tmp_path_factory) -> InceptionResnetV1:
    """The same from a file."""
    path = tmp_path_factory.mktemp("weights") / "facenet.pt"
    torch.save(network.state_dict(), path)
    return InceptionResnetV1.from_weights(path)


def pictures(count: int, size: int = 80) -> torch.Tensor:
    coarse = 2 * torch.rand(count, 3, 8, 8) - 1
    return F.interpolate(coarse, size=(size, size), mode="bilinear")


@functools.cache
def shapes(num_classes: int | None) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        state = InceptionResnetV1(num_classes).state_dict()
    return {key: tuple(value.shape) for key, value in state.items()}


def light_state(num_classes: int | None = CLASSES) -> dict[str, torch.Tensor]:
    """The layout in a few bytes: each tensor is one number, repeated."""
    counters = {key for key in shapes(num_classes) if key.endswith("num_batches_tracked")}
    return {
        key: torch.tensor(3 if key in counters else 0.5).expand(shape)
        for key, shape in shapes(num_classes).items()
    }


# The layout of the well-known files


def test_the_well_known_keys_and_shapes(network):
    """Those of the file of CASIA-WebFace, as a checksum: all of them, by name."""
    own = shapes(10_575)
    assert own["repeat_2.9.branch1.1.conv.weight"] == (128, 128, 1, 7)
    assert own["last_linear.weight"] == (512, 1792) and "last_linear.bias" not in own
    norms = [m for m in network.modules() if hasattr(m, "running_var")]
    assert {norm.eps for norm in norms} == {1e-3}  # TensorFlow's
    layout = repr(sorted(own.items())).encode()
    assert hashlib.sha256(layout).hexdigest().startswith("07945ee225653285")


# What it computes


@pytest.mark.parametrize(
    ("name", "scale", "least"),
    [
        ("repeat_1.0", 0.17, 0.0),
        ("repeat_2.9", 0.1, 0.0),
        ("repeat_3.4", 0.2, 0.0),
        ("block8", 1.0, -torch.inf),
    ],
)
def test_a_block_adds_its_share(network, name, scale, least):
    block = network.get_submodule(name)
    x = torch.randn(1, block.conv2d.out_channels, 5, 5)
    joined = torch.cat([getattr(block, branch)(x) for branch in block.names], dim=1)
    expected = (x + scale * block.conv2d(joined)).clamp(min=least)
    torch.testing.assert_close(block(x), expected)
    assert (x < 0).any()


def test_features_shrink_as_in_the_paper(network):
    sizes = {}
    names = ("conv2d_2b", "conv2d_4b", "repeat_1", "mixed_6a", "repeat_2", "mixed_7a", "block8")
    hooks = [
        network.get_submodule(name).register_forward_hook(
            lambda module, args, out, name=name: sizes.update({name: tuple(out.shape[1:])})
        )
        for name in names
    ]
    network(pictures(1, 160))
    for hook in hooks:
        hook.remove()
    assert sizes == {
        "conv2d_2b": (64, 77, 77),
        "conv2d_4b": (256, 17, 17),
        "repeat_1": (256, 17, 17),
        "mixed_6a": (896, 8, 8),
        "repeat_2": (896, 8, 8),
        "mixed_7a": (1792, 3, 3),
        "block8": (1792, 3, 3),
    }


def test_pictures_are_standardized_as_8_bit_values_were(network):
    values = torch.arange(256.0).repeat(1, 3, 80, 1)[..., :256]
    seen = []
    hook = network.conv2d_1a.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    network(values / 127.5 - 1)
    hook.remove()
    torch.testing.assert_close(seen[0], (values - 127.5) / 128, rtol=0, atol=2e-7)
    assert seen[0].min() == pytest.approx(-127.5 / 128)


def test_logits_come_from_the_embedding_before_it_has_length_one(network):
    images, seen = pictures(2), []
    hook = network.logits.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    logits = network.classify(images)
    hook.remove()
    assert logits.shape == (2, CLASSES)
    torch.testing.assert_close(F.normalize(seen[0]), network(images))
    assert (seen[0].norm(dim=1) > 2).all()
    torch.testing.assert_close(logits, seen[0] @ network.logits.weight.T + network.logits.bias)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 1, 80, 80), r"expected images of shape \(b, 3, h, w\), got \(1, 1, 80, 80"),
        (torch.zeros(3, 80, 80), r"expected images of shape \(b, 3, h, w\)"),
        (torch.zeros(1, 3, 80, 80, dtype=torch.uint8), "floating-point images, got torch.uint8"),
        (torch.zeros(0, 3, 80, 80), "at least one item"),
    ],
)
def test_refuses_what_are_no_pictures(network, images, message):
    for call in (network, network.classify):
        with pytest.raises(ValueError, match=message):
            call(images)


# Files


def test_a_file_gives_its_network(network, loaded):
    images = pictures(2)
    assert loaded.num_classes == CLASSES
    assert not any(module.training for module in loaded.modules())
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert torch.equal(loaded(images), network(images))
    assert torch.equal(loaded.classify(images), network.classify(images))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"last_linear.weight": None}, "last_linear.weight missing"),
        ({"logits.weight": None}, "logits.bias left over"),
        ({"logits.bias": None}, "logits.bias missing"),
        ({"logits.weight": torch.tensor(1.0)}, "logits.weight, logits.bias left over"),
        ({"logits.weight": torch.zeros(0, 512)}, "num_classes of at least 1, got 0"),
        ({"logits.weight": torch.zeros(9, 512)}, r"logits.bias \(7,\) for \(9,\) of another shape"),
    ],
)
def test_a_layout_that_does_not_fit_is_named(tmp_path, change, message):
    state = {k: v for k, v in (light_state() | change).items() if v is not None}
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=rf"a\.pt: .*{message}"):
        InceptionResnetV1.from_weights(tmp_path / "a.pt")
