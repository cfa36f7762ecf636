import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.anonymize import carry_outward, soft_edges
from graphgan.anonymize.compositor._constants import CARRY, EDGE, LEAST_MARGIN, MARGIN
from graphgan.anonymize.compositor._edges import soften, spread


def disc(size: int, radius: float) -> torch.Tensor:
    away = torch.arange(size) - (size - 1) / 2
    return ((away[:, None] ** 2 + away**2) <= radius**2).float()[None, None]


@given(
    radius=st.one_of(st.just(0.0), st.floats(0.1, 6)),
    margin=st.floats(0, 3),
    seed=st.integers(0, 99),
    soft=st.booleans(),
)
def test_an_edge_is_the_formula_at_every_pixel(radius, margin, seed, soft):
    rng = torch.Generator().manual_seed(seed)
    mask = (torch.rand(2, 1, 11, 13, generator=rng) > 0.97).float()
    if soft:
        mask = torch.maximum(mask, 0.9 * torch.rand(2, 1, 11, 13, generator=rng))
    out = soften(mask, radius, margin=margin)
    for item, edge in zip(mask, out, strict=True):
        inside = (item[0] == 1).nonzero().tolist()
        for y in range(11):
            for x in range(13):
                away = min((math.hypot(y - v, x - u) for v, u in inside), default=math.inf)
                if radius == 0 and abs(away - margin) < 1e-5:
                    continue  # on the edge itself: float32 knows no side
                beyond = max(away - margin, 0)
                share = min(beyond / radius, 1) if radius else float(beyond > 0)
                expected = max(item[0, y, x].item(), (1 + math.cos(math.pi * share)) / 2)
                assert abs(edge[0, y, x].item() - expected) < 1e-4


@given(seed=st.integers(0, 99), radius=st.floats(0.5, 8))
def test_an_edge_keeps_the_mask_falls_outwards_and_ends(seed, radius):
    blocks = torch.rand(3, 1, 5, 5, generator=torch.Generator().manual_seed(seed)) > 0.6
    mask = blocks.float().repeat_interleave(6, 2).repeat_interleave(6, 3)
    out = soften(mask, radius)
    assert (out[mask == 1] == 1).all()
    assert (out >= mask).all() and (out <= 1).all()
    wider = soften(mask, radius + 1)
    assert (wider >= out - 1e-6).all()
    assert torch.equal(soften(mask.flip(3), radius), out.flip(3))


@pytest.mark.parametrize(("radius", "margin"), [(-1.0, 0.0), (math.nan, 0.0), (1.0, math.inf)])
def test_refuses_an_edge_without_a_width(radius, margin):
    with pytest.raises(ValueError, match="expected radius and margin of at least 0"):
        soften(disc(8, 2), radius, margin=margin)


def gaussian(away: torch.Tensor, sigma: float) -> torch.Tensor:
    """One that ends at four sigmas, rounded up, and whose sum is 1."""
    reach = math.ceil(4 * sigma)
    whole = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * sigma**2)).sum()
    return torch.exp(-(away**2) / (2 * sigma**2)) / whole * (away.abs() <= reach)


@given(seed=st.integers(0, 99), sigma=st.floats(0.6, 3))
def test_colors_carried_on_are_weighted_means_of_those_inside(seed, sigma):
    rng = torch.Generator().manual_seed(seed)
    mask = (torch.rand(2, 1, 11, 13, generator=rng) > 0.9).float()
    image = torch.rand(2, 3, 11, 13, generator=rng)
    out = spread(image, mask, sigma)
    inside = mask.bool().expand_as(image)
    assert torch.equal(out[inside], image[inside])
    anything = torch.where(inside, image, torch.randn(2, 3, 11, 13, generator=rng))
    torch.testing.assert_close(spread(anything, mask, sigma), out)
    rows, columns = torch.meshgrid(torch.arange(11.0), torch.arange(13.0), indexing="ij")
    for i in range(2):
        for y, x in ((0, 0), (5, 6), (10, 3)):
            weights = mask[i, 0] * sum(
                gaussian(rows - y, sigma / 2**k)
                * gaussian(columns - x, sigma / 2**k)
                / 8 ** (3 - k)
                for k in range(4)
            )
            if mask[i, 0, y, x] == 0 and weights.sum() > 1e-6:
                expected = (weights * image[i]).sum((1, 2)) / weights.sum()
                torch.testing.assert_close(out[i, :, y, x], expected, atol=1e-3, rtol=0)


def test_far_from_the_mask_there_is_nothing():
    out = spread(torch.ones(1, 3, 9, 40), disc(9, 2) @ torch.eye(9, 40), 1.0)
    assert (out[..., 14:] == 0).all() and (out[..., 4, :8] == 1).all()
    with pytest.raises(ValueError, match="expected sigma above 0, got 0"):
        spread(torch.ones(1, 3, 9, 9), disc(9, 2), 0.0)


@pytest.mark.parametrize("height", [64, 128, 512])
def test_the_edge_of_a_region_has_the_lengths_of_the_constants(height):
    region = disc(height, height / 8)
    edge = soft_edges(region)
    exact = soften(region, height * EDGE, margin=LEAST_MARGIN + height * MARGIN)
    if height <= 128:
        assert torch.equal(edge, exact)
    assert (edge - exact).abs().max() < 0.2  # of a large crop, it is computed coarsely
    assert (edge[region > 0] == 1).all()
    far = height / 8 + LEAST_MARGIN + height * (MARGIN + EDGE)
    assert edge[0, 0, height // 2, int(height / 2 + far + 2 + 2 * (height // 128))] == 0


def beside(region: torch.Tensor, outside: float) -> torch.Tensor:
    """Images of skin in the region and of something else around it."""
    return (0.3 * region + outside * (1 - region)).expand(-1, 3, -1, -1)


@pytest.mark.parametrize("height", [64, 128, 512])
def test_where_skin_goes_on_the_edge_is_soft(height):
    region = disc(height, height / 8)
    torch.testing.assert_close(soft_edges(region, beside(region, 0.3)), soft_edges(region))


@pytest.mark.parametrize("height", [64, 128, 512])
def test_where_skin_ends_the_edge_ends(height):
    region = disc(height, height / 8)
    edge = soft_edges(region, beside(region, -0.7))
    assert (edge[region > 0] == 1).all()
    wide = soft_edges(region)
    step = max(1, height // 128)
    row = height // 2
    ends = [int((x[0, 0, row] > 0.01).sum()) for x in (region, edge, wide)]
    assert ends[1] - ends[0] <= 6 * step
    assert ends[2] - ends[0] >= 2 * height * EDGE


def test_larger_pixels_of_the_image_are_given_more_margin():
    region = disc(128, 30)
    image = beside(region, -0.7)
    covered = [
        int((soft_edges(region, image, pixels=[x]) > 0.99).sum()) for x in (0.2, 1.0, 2.0, 4.0)
    ]
    assert covered[0] == covered[1] < covered[2] < covered[3]


@pytest.mark.parametrize("height", [64, 128, 512])
def test_under_the_whole_edge_there_is_a_color(height):
    region = disc(height, height / 8)
    out = carry_outward(torch.full((1, 3, height, height), 0.5), region)
    under = (soft_edges(region) > 0).expand_as(out)
    torch.testing.assert_close(out[under], torch.tensor(0.5).expand(int(under.sum())))
    if height <= 128:
        exact = spread(torch.full((1, 3, height, height), 0.5), region, height * CARRY)
        assert torch.equal(out, exact)


def test_a_large_crop_carries_the_colors_of_a_small_one():
    region, ramp = disc(512, 160), torch.linspace(-1, 1, 512).expand(1, 3, 512, 512)
    out = carry_outward(ramp, region)
    exact = spread(ramp, region, 512 * CARRY)
    under = (soft_edges(region) > 0.05).expand_as(out)
    assert (out - exact)[under].abs().max() < 0.05
    assert torch.equal(out[region.expand_as(out) > 0], ramp[region.expand_as(out) > 0])


def test_no_line_is_seen_where_the_region_ends():
    # Darker toward the edge, as the shaded side of a face.
    region = disc(64, 20)
    away = torch.arange(64) - 31.5
    image = (1 - (away[:, None] ** 2 + away**2).sqrt() / 20).expand(1, 3, 64, 64)
    out = carry_outward(image, region)[0, 0, 32]
    (edge,) = torch.nonzero(region[0, 0, 32]).flatten()[-1:]
    assert abs(out[edge + 1] - out[edge]) < 0.08  # a pixel's step inside is 0.05
