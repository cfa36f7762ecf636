import os

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from graphgan.losses import PerceptualLoss, vgg19_features


@pytest.fixture
def state():
    """What torchvision's VGG-19 would hold, as far as its second block, with other numbers."""
    torch.manual_seed(0)
    shapes = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128)}
    weights = {f"features.{i}.weight": torch.randn(*c, 3, 3) / 9 for i, c in shapes.items()}
    biases = {f"features.{i}.bias": torch.randn(c[0]) for i, c in shapes.items()}
    return weights | biases | {"classifier.0.bias": torch.zeros(4)}


@pytest.fixture
def file(state, tmp_path):
    torch.save(state, tmp_path / "vgg.pth")
    return tmp_path / "vgg.pth"


def test_it_is_the_mean_difference_of_features_of_normalized_pictures():
    features = nn.Conv2d(3, 4, 3)
    loss = PerceptualLoss(features)
    a, b = 2 * torch.rand(2, 2, 3, 8, 8) - 1
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    seen = [features((((x + 1) / 2).movedim(1, 3) - mean).div(std).movedim(3, 1)) for x in (a, b)]
    torch.testing.assert_close(loss(a, b), (seen[0] - seen[1]).abs().mean())


def test_only_the_output_learns():
    loss = PerceptualLoss(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.5)))
    output, target = torch.rand(2, 1, 3, 8, 8).requires_grad_().unbind()
    loss.train()
    assert not loss.features.training  # no dropout
    assert loss(output, output).item() == 0
    gradients = torch.autograd.grad(loss(output, target), [output, target], allow_unused=True)
    assert gradients[0].any()
    assert gradients[1] is None
    assert not any(p.requires_grad for p in loss.parameters())


@pytest.mark.parametrize("last", [0, 3, 4, 8])
def test_layers_are_numbered_as_torchvision_s(file, state, last):
    features = vgg19_features(file, last=last)
    assert len(features) == last + 1
    x = torch.randn(1, 3, 8, 8)
    for i in range(last + 1):
        if f"features.{i}.weight" in state:
            weight, bias = state[f"features.{i}.weight"], state[f"features.{i}.bias"]
            x_next = nn.functional.conv2d(x, weight, bias, padding=1)
        else:
            x_next = nn.functional.max_pool2d(x, 2) if i == 4 else x.relu()
        torch.testing.assert_close(features[i](x), x_next)
        x = x_next


def test_the_whole_network_has_16_convolutions():
    from graphgan.losses._perceptual import _layers

    layers = list(_layers())
    assert len(layers) == 37
    assert sum(isinstance(layer, nn.Conv2d) for layer in layers) == 16


def test_safetensors_and_features_alone_load_too(state, tmp_path):
    bare = {k.removeprefix("features."): v for k, v in state.items() if "features" in k}
    save_file(bare, tmp_path / "a.safetensors")
    assert torch.equal(vgg19_features(tmp_path / "a.safetensors")[0].bias, bare["0.bias"])


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is damaged or another kind of file"),
        ({"features.0.weight": torch.zeros(64, 3, 3, 3)}, "0.bias, 2.weight, 2.bias missing"),
        ({"0.weight": torch.zeros(64, 3, 5, 5)}, r"0.weight \(64, 3, 5, 5\) for \(64, 3, 3, 3\)"),
        ([1, 2], "got list"),
        ({"a": Harm()}, "it is damaged or another kind of file"),
        ({"a": 3}, "tensors by name, got int by 'a'"),
    ],
)
def test_a_file_without_the_weights_is_named(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "vgg.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(ValueError, match=f"vgg.pth: not VGG-19's weights: .*{message}"):
        vgg19_features(path)
    assert not (tmp_path / "harm").exists()


def test_no_file_is_an_error_of_the_machine(tmp_path):
    with pytest.raises(FileNotFoundError):
        vgg19_features(tmp_path / "none.pth")


def test_without_a_file_and_without_torchvision_it_says_so(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torchvision.models", None)
    with pytest.raises(ValueError, match="give a file, or install torchvision"):
        vgg19_features()


@pytest.mark.parametrize("last", [-1, 37])
def test_an_unknown_layer_is_refused(file, last):
    with pytest.raises(ValueError, match=f"a last layer from 0 to 36, got {last}"):
        vgg19_features(file, last=last)


@pytest.mark.unhooked
def test_unlike_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        PerceptualLoss(nn.Identity())(torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 4, 4))
