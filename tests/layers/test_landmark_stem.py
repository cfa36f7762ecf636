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
def test_an_image_without_a_landmark_is_the_bias(rendering):
    stem = stem_of(2, bias=True, rendering=rendering)
    for away in (math.nan, -50.0, 1e9, -1e9):
        out = stem(torch.full((1, 2, 2), away).double(), (8, 8))
        torch.testing.assert_close(out, stem.conv.bias[:, None, None].expand(1, -1, 8, 8))


@renderings
@given(seed=seeds, order=st.permutations(range(5)))
def test_the_order_of_the_landmarks_is_that_of_the_kernel(rendering, seed, order):
    torch.manual_seed(seed)
    stem, other = stem_of(5, rendering=rendering), stem_of(5, rendering=rendering)
    with torch.no_grad():
        other.conv.weight.copy_(stem.conv.weight[:, order])
    landmarks, weights = anywhere(2, 5, 9, 8), torch.rand(2, 5).double()
    out = other(landmarks[:, order], (9, 8), weights[:, order])
    torch.testing.assert_close(out, stem(landmarks, (9, 8), weights))


@given(seed=seeds)
def test_bilinear_is_one_hot_at_whole_pixels(seed):
    torch.manual_seed(seed)
    one_hot, bilinear = stem_of(4), stem_of(4, rendering="bilinear")
    bilinear.load_state_dict(one_hot.state_dict())
    landmarks = anywhere(2, 4, 9, 8).round()
    torch.testing.assert_close(bilinear(landmarks, (9, 8)), one_hot(landmarks, (9, 8)))


@pytest.mark.parametrize("rendering", ["bilinear", "gaussian"])
def test_coordinates_have_a_gradient(rendering):
    stem = stem_of(4, rendering=rendering, sigma=1.0)
    # Away from whole pixels, where bilinear shares have a kink; one landmark lies on the border.
    landmarks = torch.tensor([[[2.3, 1.6], [-0.4, 3.3], [6.7, 7.6], [7.8, 4.5]]]).double()
    landmarks.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: stem(x, (9, 8)), landmarks)
    assert torch.autograd.gradgradcheck(lambda x: stem(x, (9, 8)), landmarks)


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
def test_half_a_missing_landmark_is_missing(rendering):
    stem = stem_of(1, rendering=rendering)
    for point in ([math.nan, 3.0], [3.0, math.nan], [math.inf, 3.0]):
        assert not stem(torch.tensor([[point]]).double(), (8, 8)).any()


@renderings
def test_weights_multiply_the_maps(rendering):
    stem, size = stem_of(3, rendering=rendering), (8, 9)
    landmarks, weights = 7 * torch.rand(2, 3, 2).double(), torch.rand(2, 3).double()
    maps = render_maps(landmarks, size, rendering=rendering)
    expected = stem(maps * weights[:, :, None, None], size)
    torch.testing.assert_close(stem(landmarks, size, weights), expected)
    ones = torch.ones(2, 3).double()
    torch.testing.assert_close(stem(landmarks, size, ones), stem(landmarks, size))


def test_two_landmarks_on_one_pixel_add_up():
    stem = stem_of(2)
    both = stem(torch.full((1, 2, 2), 4.0).double(), (9, 9))
    kernels = stem.conv.weight.sum(1).flip(1, 2)  # a convolution shows its kernel turned round
    torch.testing.assert_close(both[0, :, 1:8, 1:8], kernels)


def test_the_width_of_gaussians_is_in_pixels():
    stem, wide = (stem_of(1, 1, kernel_size=1, rendering="gaussian", sigma=s) for s in (2.0, 4.0))
    wide.load_state_dict(stem.state_dict())
    near = stem(torch.tensor([[[5.0, 5.0]]]).double(), (21, 21))[0, 0]
    far = wide(torch.tensor([[[10.0, 10.0]]]).double(), (21, 21))[0, 0]
    torch.testing.assert_close(near[:11, :11], far[::2, ::2])


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("landmarks", "size", "weights", "message"),
    [
        ((2, 4, 2), (8, 8), None, r"\(b, 5, 2\) or maps \(b, 5, 8, 8\), got \(2, 4, 2\)"),
        ((2, 5, 3), (8, 8), None, r"\(b, 5, 2\) .*, got \(2, 5, 3\)"),
        ((5, 2), (8, 8), None, r"\(b, 5, 2\) .*, got \(5, 2\)"),
        ((2, 5, 8, 9), (8, 8), None, r"maps \(b, 5, 8, 8\), got \(2, 5, 8, 9\)"),
        ((2, 5, 2), (3, 8), None, r"above the padding of 3 pixels, got \(3, 8\)"),
        ((2, 5, 2), (8, 8), (5,), r"weights of shape \(2, 5\), got \(5,\)"),
        ((2, 5, 2), (8, 8), (2, 1), r"weights of shape \(2, 5\), got \(2, 1\)"),
        ((2, 5, 2), (8, 8), (3, 5), r"weights of shape \(2, 5\), got \(3, 5\)"),
        ((0, 5, 2), (8, 8), None, "empty batch"),
    ],
)
@renderings
def test_refuses_other_shapes(rendering, landmarks, size, weights, message):
    stem = LandmarkStem(5, 4, rendering=rendering)
    with pytest.raises(ValueError, match=message):
        stem(torch.ones(landmarks), size, None if weights is None else torch.ones(weights))


@pytest.mark.unhooked
@renderings
def test_refuses_whole_numbers(rendering):
    with pytest.raises(ValueError, match=r"floating-point .*got torch\.int64"):
        LandmarkStem(5, 4, rendering=rendering)(torch.ones(2, 5, 2).long(), (8, 8))


@pytest.mark.unhooked
def test_unknown_renderings_list_the_known_ones():
    with pytest.raises(ValueError, match="'one_hot', 'bilinear', 'gaussian'; got 'disc'"):
        LandmarkStem(5, 4, rendering="disc")


@pytest.mark.parametrize(
    ("options", "message"),
    [({"kernel_size": 4}, "odd kernel_size, got 4"), ({"kernel_size": 0}, "at least 1, got 0")],
)
def test_refuses_a_kernel_without_a_middle(options, message):
    with pytest.raises(ValueError, match=message):
        LandmarkStem(5, 4, **options)


@pytest.mark.parametrize("sigma", [0.0, -1.0])
def test_refuses_gaussians_without_a_width(sigma):
    with pytest.raises(ValueError, match="sigma above 0"):
        LandmarkStem(5, 4, rendering="gaussian", sigma=sigma)
