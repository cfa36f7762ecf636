import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.landmarks import bilinear_maps, gaussian_maps, one_hot_maps, render_maps

H, W = 7, 9
coordinates = st.tuples(st.floats(-20, 20), st.floats(-20, 20))
missing = pytest.mark.parametrize("point", [(math.nan, 3.0), (3.0, math.nan), (math.inf, 3.0)])


def at(x: float, y: float) -> torch.Tensor:
    return torch.tensor([[[x, y]]], dtype=torch.float64)


@given(point=coordinates)
def test_one_hot_is_the_nearest_pixel(point):
    (image,) = one_hot_maps(at(*point), (H, W))[0]
    x, y = round(point[0]), round(point[1])  # halves to even, as Python rounds
    expected = torch.zeros(H, W).double()
    if 0 <= x < W and 0 <= y < H:
        expected[y, x] = 1
    assert torch.equal(image, expected)


@given(point=coordinates)
def test_bilinear_shares_are_those_of_the_formula(point):
    (image,) = bilinear_maps(at(*point), (H, W))[0]
    for v in range(H):
        for u in range(W):
            share = max(0.0, 1 - abs(u - point[0])) * max(0.0, 1 - abs(v - point[1]))
            assert image[v, u].item() == pytest.approx(share, abs=1e-12)


@given(point=coordinates, sigma=st.floats(0.5, 9))
def test_gaussians_are_those_of_the_formula(point, sigma):
    (image,) = gaussian_maps(at(*point), (H, W), sigma=sigma)[0]
    for v in range(H):
        for u in range(W):
            square = (u - point[0]) ** 2 + (v - point[1]) ** 2
            expected = math.exp(-square / (2 * sigma**2))
            assert image[v, u].item() == pytest.approx(expected, abs=1e-12)


@missing
@pytest.mark.parametrize("render", [one_hot_maps, bilinear_maps, gaussian_maps])
def test_a_missing_landmark_is_an_empty_map_with_no_gradient(render, point):
    landmarks = torch.tensor([[point, (2.2, 3.3)]]).double().requires_grad_()
    maps = render(landmarks, (H, W))
    assert not maps[0, 0].any()
    assert maps[0, 1].any()
    if maps.requires_grad:
        (maps * torch.randn_like(maps)).sum().backward()
        assert landmarks.grad.isfinite().all()
        assert not landmarks.grad[0, 0].any()


def test_a_batch_is_its_items():
    landmarks = 9 * torch.rand(3, 4, 2)
    for render in (one_hot_maps, bilinear_maps, gaussian_maps):
        maps = render(landmarks, (H, W))
        assert maps.shape == (3, 4, H, W)
        assert maps.dtype == landmarks.dtype
        assert torch.equal(maps[1:2, 2:3], render(landmarks[1:2, 2:3], (H, W)))


@pytest.mark.unhooked
def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="one_hot, bilinear or gaussian, got 'disc'"):
        render_maps(at(1, 1), (H, W), rendering="disc")


@pytest.mark.unhooked
@pytest.mark.parametrize("render", [one_hot_maps, bilinear_maps, gaussian_maps])
@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (torch.ones(4, 2), r"\(b, k, 2\), got \(4, 2\)"),
        (torch.ones(1, 4, 3), r"\(b, k, 2\), got \(1, 4, 3\)"),
        (torch.ones(1, 4, 2).int(), r"floating-point landmarks, got torch\.int32"),
        (torch.ones(0, 4, 2), "at least one set of landmarks, got an empty batch"),
    ],
)
def test_refuses_what_are_no_landmarks(render, landmarks, message):
    with pytest.raises(ValueError, match=message):
        render(landmarks, (H, W))
