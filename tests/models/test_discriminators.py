import pytest
import torch
from torch import nn

from graphgan.landmarks import render_maps
from graphgan.models import (
    LandmarkDiscriminator,
    PatchDiscriminator,
)


def test_the_published_layers():
    discriminator = PatchDiscriminator(6)
    convolutions = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [64, 128, 256, 512, 512, 1]
    assert [m.stride[0] for m in convolutions] == [2, 2, 2, 2, 1, 1]
    assert {(m.kernel_size, m.padding, m.padding_mode) for m in convolutions} == {
        ((4, 4), (1, 1), "zeros")
    }
    assert all(m.bias is not None for m in convolutions)
    norms = [m.num_features for m in discriminator.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms == [128, 256, 512, 512]  # none in the first and the last


@pytest.mark.parametrize("norm", ["batch", "instance", "group"])
def test_features_follow_each_other(norm):
    discriminator = PatchDiscriminator(4, width=2, norm=norm).eval()
    x = torch.randn(2, 4, 64, 48)
    features = discriminator(x)
    assert len(features) == 6
    expected = nn.functional.leaky_relu(discriminator.first(x), 0.2)
    for feature, layer in zip(features, [*discriminator.layers, None], strict=False):
        assert torch.equal(feature, expected)
        if layer is not None:
            expected = layer(feature)
    assert torch.equal(features[-1], discriminator.to_logits(features[-2]))
    assert all((f < 0).any() for f in features[:5])  # LeakyReLU, not ReLU


@pytest.mark.parametrize("rendering", ["one_hot", "bilinear", "gaussian"])
def test_points_are_their_maps(rendering):
    options = {"width": 2, "rendering": rendering, "sigma": 1.5}
    discriminator = LandmarkDiscriminator(5, **options).double().eval()
    plain = PatchDiscriminator(8, width=2).double().eval()
    plain.load_state_dict(discriminator.state_dict())
    image, landmarks = torch.randn(2, 3, 50, 61).double(), 70 * torch.rand(2, 5, 2).double() - 8
    landmarks[0, 2] = torch.nan
    landmarks[0, 3], landmarks[1, 4] = torch.tensor([[0.0, 0.0], [60.0, 49.0]])
    maps = render_maps(landmarks, (50, 61), rendering=rendering, sigma=1.5)
    out, expected = discriminator(image, landmarks), plain(torch.cat([image, maps], dim=1))
    torch.testing.assert_close(out, expected)
    weights = [d.first.weight for d in (discriminator, plain)]
    gradients = (
        torch.autograd.grad(features[-1].sum(), weight)[0]
        for features, weight in zip((out, expected), weights, strict=True)
    )
    torch.testing.assert_close(*gradients)


def test_a_patch_sees_142_pixels_a_side():
    """4, 10, 22, 46 after the four layers of stride 2; two more of stride 1 add 3 x 16 each."""
    discriminator = PatchDiscriminator(1, width=2, norm="group").double()
    for layer in discriminator.layers:
        layer[1] = nn.Identity()  # a norm over the whole map sees everything
    x = torch.randn(1, 1, 256, 256).double().requires_grad_()
    discriminator(x)[-1][0, 0, 7, 7].backward()
    rows = x.grad[0, 0].abs().sum(1).nonzero()
    assert rows.max() - rows.min() + 1 == 142
