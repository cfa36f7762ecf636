import pytest
import torch
from kornia.filters import gaussian_blur2d

from graphgan.layers import match_grain, match_sharpness

SIZE = 64


def texture(seed: int = 0) -> torch.Tensor:
    """Structures of every size."""
    draw = torch.Generator().manual_seed(seed)
    octaves = [torch.randn(1, 3, SIZE // s, SIZE // s, generator=draw) for s in (1, 2, 4, 8)]
    grown = [torch.nn.functional.interpolate(x, (SIZE, SIZE), mode="bilinear") for x in octaves]
    return 0.15 * torch.stack(grown).sum(0)


def blurred(x: torch.Tensor, sigma: float) -> torch.Tensor:
    return gaussian_blur2d(x, (17, 17), (sigma, sigma))


def fine(x: torch.Tensor) -> float:
    return float((x - blurred(x, 1.0)).std())


EVERYWHERE = torch.ones(1, 1, SIZE, SIZE)


def test_it_becomes_as_blurred_as_the_source():
    x, source = texture(), blurred(texture(1), 2.0)
    matched = match_sharpness(x, source, EVERYWHERE)
    assert fine(matched) < 0.2 * fine(x)
    assert fine(matched) < 3 * fine(source)  # by bands that overlap, never less than a tenth


def test_it_is_not_sharpened():
    blunt = blurred(texture(), 2.0)
    matched = match_sharpness(blunt, texture(1), EVERYWHERE)
    torch.testing.assert_close(matched, blunt, atol=1e-5, rtol=0)


def test_noise_counts_for_details_as_far_as_coarser_octaves_have_it():
    draw = torch.Generator().manual_seed(2)
    source = blurred(texture(1), 2.0)
    noisy = source + 0.1 * torch.randn(source.shape, generator=draw)
    matched = match_sharpness(texture(), noisy, EVERYWHERE)
    assert fine(texture()) > fine(noisy)
    assert fine(matched) < 0.9 * fine(noisy)


def test_strengths_are_those_inside_the_mask():
    x, source, mask = texture(), blurred(texture(1), 2.0), EVERYWHERE.clone()
    mask[..., 32:] = 0
    beside = source.clone()
    beside[..., 32:] = texture(3)[..., 32:]
    both = [match_sharpness(x, s, mask) for s in (source, beside)]
    torch.testing.assert_close(fine(both[1]), fine(both[0]), rtol=0.1, atol=0)


def noise(seed: int, size: int = 128) -> torch.Tensor:
    return torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(seed))


def grained(smooth: torch.Tensor, source: torch.Tensor, *, mask: float = 1.0) -> torch.Tensor:
    """``smooth`` with the grain of ``source``."""
    masks = torch.full_like(smooth[:, :1], mask)
    return match_grain(smooth, source, masks, noise(9))


@pytest.mark.parametrize("strength", [0.02, 0.06])
def test_a_smooth_face_in_a_noisy_image_gets_most_of_its_noise(strength):
    smooth = 0.3 * torch.linspace(-1, 1, 128).expand(1, 3, 128, 128)
    result = grained(smooth, smooth + strength * noise(1))
    spread = float((result - smooth).std())
    assert 0.3 * strength < spread < 0.8 * strength
    assert float((result - smooth).mean()) == pytest.approx(0, abs=0.1 * strength)


def test_edges_of_the_source_are_no_grain():
    smooth, edges = torch.zeros(1, 3, 128, 128), torch.zeros(1, 3, 128, 128)
    edges[..., ::32] = 1.0
    torch.testing.assert_close(grained(smooth, edges), smooth, atol=1e-3, rtol=0)


def test_a_face_that_has_grain_or_no_mask_gets_none():
    smooth = torch.zeros(1, 3, 128, 128)
    rough = smooth + 0.1 * noise(2)
    torch.testing.assert_close(grained(rough, smooth + 0.05 * noise(1)), rough, atol=5e-3, rtol=0)
    torch.testing.assert_close(grained(smooth, rough, mask=0.0), smooth)
