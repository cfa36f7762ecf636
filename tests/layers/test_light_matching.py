import pytest
import torch

from graphgan.layers import match_light

SIZE = 32


def face(batch: int = 2, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return 0.2 * torch.randn(batch, 3, SIZE, SIZE, generator=draw).clamp(-2, 2)


def disc() -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    return (torch.hypot(x - 15.5, y - 15.5) < 12).float().expand(2, 1, -1, -1)


def slope() -> torch.Tensor:
    """Light from the left, warmer than from the right."""
    u = torch.linspace(-1, 1, SIZE)
    return torch.stack([0.3 - 0.2 * u, 0.1 - 0.1 * u, -0.1 - 0.05 * u])[:, None]


def test_the_same_face_in_another_light_is_brought_into_it():
    x = face()
    source = (0.7 * x + slope()).clamp(-1, 1)
    torch.testing.assert_close(match_light(x, source, disc()), source, atol=0.02, rtol=0)


def test_what_is_outside_of_the_mask_is_not_looked_at():
    x, source, mask = face(), face(seed=1) + slope(), disc()
    expected = match_light(x, source, mask)
    changed = match_light(x, torch.where(mask.bool(), source, -1.0), mask)
    torch.testing.assert_close(changed, expected, atol=1e-5, rtol=0)


def test_a_beard_does_not_change_the_color_of_the_skin():
    x, source = face(), face() * 0.1 + 0.4
    bearded = source.clone()
    bearded[:, :, 22:] = -0.9
    cheeks = [match_light(x, s, disc())[:, :, 10:18, 10:22].mean() for s in (source, bearded)]
    assert abs(cheeks[0] - 0.4) < 0.03
    assert abs(cheeks[1] - cheeks[0]) < 0.12  # plain least squares: 0.3


def test_a_gray_source_takes_the_colors():
    x = face()
    gray = face(seed=1).mean(1, keepdim=True).expand(-1, 3, -1, -1)

    def colors(image: torch.Tensor) -> torch.Tensor:
        return (image - image.mean(1, keepdim=True)).square().mean().sqrt()

    assert colors(match_light(x, gray, disc())) < 0.25 * colors(x)


def test_it_can_be_differentiated_where_faces_are_flat():
    x = torch.zeros(2, 3, SIZE, SIZE, requires_grad=True)
    match_light(x, face(), disc()).sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("source", "mask", "message"),
    [
        ((2, 3, 16, 32), (2, 1, 32, 32), r"expected source of \(2, 3, 32, 32\)"),
        ((2, 3, 32, 32), (2, 1, 16, 32), r"expected mask of \(2, 1, 32, 32\)"),
    ],
)
def test_unlike_shapes_are_refused(source, mask, message):
    with pytest.raises(ValueError, match=message):
        match_light(face(), torch.zeros(source), torch.zeros(mask))


@pytest.mark.parametrize("factor", [4, 7])
def test_large_images_are_lit_as_small_ones(factor):
    """Planes are measured on shrunk images; what is outside of the mask is not looked at."""

    def grown(x: torch.Tensor) -> torch.Tensor:
        size = (SIZE * factor * 2, SIZE * factor * 2)
        return torch.nn.functional.interpolate(x, size, mode="bilinear")

    x, mask = face(), disc()
    source = (0.7 * face() + slope()).clamp(-1, 1)
    large = (grown(mask) > 0.5).float()
    expected = match_light(grown(x), grown(source), large)
    wild = torch.where(large.bool(), grown(source), 1.0)
    torch.testing.assert_close(match_light(grown(x), wild, large), expected, atol=1e-5, rtol=0)
    inside = (expected - grown(source)).abs()[large.expand(-1, 3, -1, -1).bool()]
    assert inside.max() < 0.03
