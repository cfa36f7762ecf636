import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from graphgan.landmarks.maps import render_maps
from graphgan.layers.landmark_convolution import landmark_convolution

SIZE = (12, 15)


def drawn(seed, rendering):
    """Landmarks inside, outside and missing, a kernel, weights; in float64."""
    generator = torch.Generator().manual_seed(seed)
    uniform = torch.rand(2, 6, 2, generator=generator, dtype=torch.float64)
    landmarks = uniform * torch.tensor([19.0, 16.0]) - 2
    landmarks[0, 0] = torch.nan
    landmarks[1, 1] = torch.tensor([0.0, 11.0])
    landmarks[1, 2] = torch.tensor([14.0, 1.0])
    return landmarks.requires_grad_(rendering == "bilinear"), generator


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 999),
    rendering=st.sampled_from(["one_hot", "bilinear"]),
    reflect=st.booleans(),
    stride=st.sampled_from([1, 2]),
    kernel_size=st.sampled_from([3, 4, 7]),
)
def test_agrees_with_drawing_and_convolving_the_maps(seed, rendering, reflect, stride, kernel_size):
    landmarks, generator = drawn(seed, rendering)
    kernel = torch.randn(3, 6, kernel_size, kernel_size, generator=generator, dtype=torch.float64)
    weights = torch.rand(2, 6, generator=generator, dtype=torch.float64)
    kernel.requires_grad_()
    weights.requires_grad_()
    padding = kernel_size // 2
    maps = render_maps(landmarks, SIZE, rendering=rendering) * weights[:, :, None, None]
    mode = "reflect" if reflect else "constant"
    dense = F.conv2d(F.pad(maps, 4 * (padding,), mode=mode), kernel, stride=stride)
    sparse = landmark_convolution(
        landmarks,
        kernel,
        SIZE,
        rendering=rendering,
        padding=padding,
        reflect=reflect,
        stride=stride,
        weights=weights,
    )
    torch.testing.assert_close(sparse, dense)
    upstream = torch.randn(dense.shape, generator=generator, dtype=torch.float64)
    for a, b in zip(
        torch.autograd.grad(sparse, [kernel, weights], upstream),
        torch.autograd.grad(dense, [kernel, weights], upstream),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_bilinear_coordinates_have_the_gradient_of_the_maps():
    landmarks = torch.tensor([[[3.3, 4.6], [9.8, 0.4], [13.2, 10.7]]], dtype=torch.float64)
    landmarks.requires_grad_()
    kernel = torch.randn(2, 3, 7, 7, dtype=torch.float64)
    sparse = landmark_convolution(
        landmarks, kernel, SIZE, rendering="bilinear", padding=3, reflect=True
    )
    maps = render_maps(landmarks, SIZE, rendering="bilinear")
    dense = F.conv2d(F.pad(maps, 4 * (3,), mode="reflect"), kernel)
    (a,) = torch.autograd.grad(sparse.square().sum(), landmarks)
    (b,) = torch.autograd.grad(dense.square().sum(), landmarks)
    torch.testing.assert_close(a, b)


@pytest.mark.parametrize("rendering", ["one_hot", "bilinear"])
def test_no_landmark_in_the_picture_gives_nothing(rendering):
    landmarks = torch.tensor([[[torch.nan, torch.nan], [-40.0, 3.0], [3.0, 99.0]]])
    out = landmark_convolution(
        landmarks, torch.randn(4, 3, 7, 7), SIZE, rendering=rendering, padding=3, reflect=True
    )
    assert out.shape == (1, 4, *SIZE)
    assert not out.any()
