import pytest
import torch
from efficientnet_weights import published
from torch import nn

from graphgan.models import EfficientNetLite, FeatureNetwork


def small(**options) -> FeatureNetwork:
    stages = {
        "fine": nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.Dropout(0.5)),
        "coarse": nn.Conv2d(4, 6, 3, stride=2),
    }
    return FeatureNetwork(stages, channels=(4, 6), **options)


def test_each_stage_continues_where_the_last_one_ended():
    network, images = small(), torch.randn(2, 3, 16, 20)
    fine, coarse = network(images)
    first, second = network.stages.values()
    torch.testing.assert_close(fine, first(images))
    torch.testing.assert_close(coarse, second(first(images)))
    assert [maps.shape[1] for maps in (fine, coarse)] == list(network.channels)


@pytest.mark.parametrize(
    ("scale", "shift"), [(0.5, -0.25), ((0.5, 1.0, 2.0), (0.0, 0.25, -0.5)), (2.0, 1.0)]
)
def test_images_are_brought_to_what_the_network_knows(scale, shift):
    images = torch.randn(2, 3, 8, 8)
    network = FeatureNetwork({"all": nn.Identity()}, channels=(3,), scale=scale, shift=shift)
    factors, offsets = (torch.tensor(x).expand(3)[:, None, None] for x in (scale, shift))
    torch.testing.assert_close(network(images)[0], images * factors + offsets)


def test_it_stays_as_it_is_whoever_trains_around_it():
    network = nn.Sequential(small()).train()[0]
    assert not any(module.training for module in network.stages.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images = torch.randn(4, 3, 16, 16)
    first, again = network(images), network(images)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))  # no dropout
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("stages", "channels"), [({}, ()), ({"one": nn.Identity()}, (3, 3)), ({}, (3,))]
)
def test_refuses_no_stage_and_other_numbers_of_channels(stages, channels):
    expected = f"as many numbers of channels, got {len(stages)} and {len(channels)}"
    with pytest.raises(ValueError, match=expected):
        FeatureNetwork(stages, channels=channels)


# EfficientNet-lite


def test_its_maps_are_those_of_the_network_that_a_file_holds(tmp_path):
    torch.manual_seed(0)
    network = EfficientNetLite("lite0").eval()
    torch.save(published(network), tmp_path / "lite0.pth")
    features = FeatureNetwork.efficientnet_lite("lite0", tmp_path / "lite0.pth")
    assert (features.name, features.channels) == ("lite0", network.stage_channels)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in features.modules())
    images = 2 * torch.rand(1, 3, 48, 40) - 1
    for maps, expected in zip(features(images), network.stage_features(images), strict=True):
        torch.testing.assert_close(maps, expected, atol=1e-4, rtol=1e-4)
