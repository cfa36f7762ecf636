import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphgan.landmarks import one_hot_maps
from graphgan.layers import ImageEncoder, LandmarkEncoder

norms = pytest.mark.parametrize("norm", ["batch", "instance", "group"])


def by_hand(encoder, x: Tensor, stem: nn.Conv2d) -> Tensor:
    """7x7 over reflected borders, then twice 3x3 of stride 2 over zeros."""
    norm_1, _, conv_2, norm_2, _, conv_3, norm_3, _ = encoder.down
    x = F.conv2d(F.pad(x, (3, 3, 3, 3), mode="reflect"), stem.weight, stem.bias)
    x = norm_1(x).relu()
    x = norm_2(F.conv2d(x, conv_2.weight, conv_2.bias, stride=2, padding=1)).relu()
    return norm_3(F.conv2d(x, conv_3.weight, conv_3.bias, stride=2, padding=1)).relu()


@norms
def test_images_by_hand(norm):
    encoder, x = ImageEncoder(3, width=4, norm=norm).double(), torch.randn(2, 3, 9, 12).double()
    torch.testing.assert_close(encoder(x), by_hand(encoder, x, encoder.stem))
    assert encoder(x).shape == (2, encoder.out_channels, 3, 3)


@norms
def test_landmarks_by_hand(norm):
    encoder = LandmarkEncoder(5, width=4, norm=norm).double()
    landmarks, weights = 8 * torch.rand(2, 5, 2).double(), torch.rand(2, 5).double()
    maps = one_hot_maps(landmarks, (9, 12)) * weights[..., None, None]
    expected = by_hand(encoder, maps, encoder.stem.conv)
    torch.testing.assert_close(encoder(landmarks, (9, 12), weights), expected)
    torch.testing.assert_close(encoder(maps, (9, 12)), expected)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 4, 8, 8), r"image of shape \(b, 3, h, w\), got \(2, 4, 8, 8\)"),
        ((3, 8, 8), r"image of shape \(b, 3, h, w\), got \(3, 8, 8\)"),
        ((0, 3, 8, 8), "at least one item in image, got an empty batch"),
        ((2, 3, 3, 8), "image with sides of at least 4 pixels, got 3 x 8"),
    ],
)
def test_refuses_other_images(shape, message):
    with pytest.raises(ValueError, match=message):
        ImageEncoder(3, width=4)(torch.ones(shape))
