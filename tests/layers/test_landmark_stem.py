import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.landmarks import render_maps
from graphgan.layers import LandmarkStem

seeds = st.integers(0, 999)
renderings = pytest.mark.parametrize("rendering", ["one_hot", "bilinear", "gaussian"])


def stem_of(k: int, channels: int = 3, **options) -> LandmarkStem:
    return LandmarkStem(k, channels, **options).double()


def anywhere(batch: int, k: int, height: int, width: int) -> torch.Tensor:
    """Landmarks in and around the image, some exactly on pixels, half pixels and its borders."""
    points = torch.rand(batch, k, 2).double() * torch.tensor([width + 9, height + 9]) - 5
    grid = torch.tensor([1.0, 2.0, 0.0])[torch.randint(3, (batch, k, 1))]
    return torch.where(grid > 0, (points * grid).round() / grid.clamp(min=1), points)


@renderings
@given(
    seed=seeds,
    k=st.integers(1, 4),
    kernel=st.sampled_from([1, 3, 7]),
    height=st.integers(4, 12),
    width=st.integers(4, 12),
    weighted=st.booleans(),
)
def test_points_are_their_maps(rendering, seed, k, kernel, height, width, weighted):
    torch.manual_seed(seed)
    stem = stem_of(k, kernel_size=kernel, rendering=rendering, sigma=1.5, bias=weighted)
    landmarks, size = anywhere(2, k, height, width), (height, width)
    weights = torch.randn(2, k).double() if weighted else None
    maps = render_maps(landmarks, size, rendering=rendering, sigma=1.5)
    torch.testing.assert_close(stem(landmarks, size, weights), stem(maps, size, weights))


@renderings
@given(seed=seeds)
def test_gradients_through_points_are_those_through_maps(rendering, seed):
    torch.manual_seed(seed)
    stem, size = stem_of(3, rendering=rendering), (7, 9)
    landmarks = (anywhere(2, 3, *size) + 0.0123).requires_grad_()
    weights = torch.rand(2, 3).double().requires_grad_()
    wrt = [stem.conv.weight, weights, *([landmarks] if rendering != "one_hot" else [])]
    upstream = torch.randn(2, 3, *size).double()
    maps = render_maps(landmarks, size, rendering=rendering)
    direct, through_maps = (
        torch.autograd.grad(stem(x, size, weights), wrt, upstream) for x in (landmarks, maps)
    )
    torch.testing.assert_close(direct, through_maps)


@renderings
def test_a_missing_landmark_has_an_empty_map_and_poisons_no_gradient(rendering):
    stem, present = stem_of(3, rendering=rendering), stem_of(2, rendering=rendering)
    with torch.no_grad():
        present.conv.weight.copy_(stem.conv.weight[:, [0, 2]])
    landmarks = (7 * torch.rand(2, 3, 2).double()).requires_grad_()
    missing = landmarks.clone()
    missing[:, 1] = math.nan
    out = stem(missing, (8, 8))
    torch.testing.assert_close(out, present(landmarks[:, [0, 2]], (8, 8)))
    out.square().sum().backward()
    assert stem.conv.weight.grad.isfinite().all()
    assert not stem.conv.weight.grad[:, 1].any()
    assert landmarks.grad is None or landmarks.grad.isfinite().all()


@renderings
def test_weights_multiply_the_maps(rendering):
    stem, size = stem_of(3, rendering=rendering), (8, 9)
    landmarks, weights = 7 * torch.rand(2, 3, 2).double(), torch.rand(2, 3).double()
    maps = render_maps(landmarks, size, rendering=rendering)
    expected = stem(maps * weights[:, :, None, None], size)
    torch.testing.assert_close(stem(landmarks, size, weights), expected)
    ones = torch.ones(2, 3).double()
    torch.testing.assert_close(stem(landmarks, size, ones), stem(landmarks, size))
