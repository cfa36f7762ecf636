import pytest
import torch
import torch.nn.functional as F

from graphgan.layers.tone_matching import ToneMatching

SIZE = 32
ROUND = 12.0


def outline(batch: int) -> torch.Tensor:
    angles = torch.arange(17) / 17 * 2 * torch.pi
    points = 15.5 + ROUND * torch.stack([angles.cos(), angles.sin()], dim=-1)
    return points.expand(batch, -1, -1)


def hole(batch: int) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    inside = torch.hypot(x - 15.5, y - 15.5) < ROUND
    return inside.float().expand(batch, 1, -1, -1)


def scenes(batch: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures in one light, and the same in another: a gain and an offset for each colour."""
    random = torch.Generator().manual_seed(seed)
    pictures = torch.rand(batch, 3, 1, 1, generator=random) * 0.6 - 0.3
    pictures = pictures + 0.1 * torch.randn(batch, 3, SIZE, SIZE, generator=random)
    offset = torch.rand(batch, 3, 1, 1, generator=random) * 0.8 - 0.4
    return pictures, pictures + offset


def test_untaught_it_leaves_a_picture_as_it_is():
    picture, other = scenes(2, 0)
    assert torch.equal(ToneMatching(17)(picture, other, hole(2), outline(2)), picture)


def taught(steps: int = 150) -> ToneMatching:
    torch.manual_seed(0)
    matching = ToneMatching(17)
    optimizer = torch.optim.Adam(matching.parameters(), lr=3e-3)
    for step in range(steps):
        picture, answer = scenes(32, step + 1)
        loss = (matching(picture, answer * (1 - hole(32)), hole(32), outline(32)) - answer).abs()
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
    return matching


def test_it_learns_to_bring_a_picture_into_the_light_around_the_hole():
    picture, answer = scenes(64, 0)
    made = taught()(picture, answer * (1 - hole(64)), hole(64), outline(64))
    before, after = ((x - answer).abs().mean() for x in (picture, made))
    assert after < before / 4


@torch.no_grad()
def test_nothing_in_the_hole_is_looked_at():
    torch.manual_seed(0)
    matching = ToneMatching(17)
    torch.nn.init.normal_(matching.mlp[-1].weight)
    picture, surroundings = scenes(2, 0)
    expected = matching(picture, surroundings, hole(2), outline(2))
    inside = torch.where(hole(2).bool(), torch.rand(2, 3, SIZE, SIZE), surroundings)
    assert torch.equal(matching(picture, inside, hole(2), outline(2)), expected)
    outside = torch.where(hole(2).bool(), surroundings, -surroundings)
    assert not torch.equal(matching(picture, outside, hole(2), outline(2)), expected)


@torch.no_grad()
@pytest.mark.parametrize("beyond", [-500.0, 500.0, torch.nan])
def test_an_outline_outside_of_the_picture_gives_numbers(beyond):
    matching = ToneMatching(17)
    torch.nn.init.normal_(matching.mlp[-1].weight)
    picture, surroundings = scenes(1, 0)
    points = outline(1).clone()
    points[:, 3] = beyond
    assert matching(picture, surroundings, hole(1), points).isfinite().all()


@torch.no_grad()
def test_terms_are_gain_offset_and_slopes_of_each_color():
    gain, offset, slope_x, slope_y = 0.3 * torch.rand(4, 2, 3, 1, 1) - 0.15
    terms = torch.cat([x.flatten(1) for x in (gain, offset, slope_x, slope_y)], 1)
    picture = 0.5 * torch.rand(2, 3, 8, 12)
    u, v = torch.linspace(-1, 1, 12), torch.linspace(-1, 1, 8)[:, None]
    expected = (1 + gain) * picture + offset + slope_x * u + slope_y * v
    torch.testing.assert_close(ToneMatching.apply_terms(picture, terms), expected.clamp(-1, 1))


@torch.no_grad()
def test_terms_then_their_use_are_the_whole_at_any_resolution():
    torch.manual_seed(0)
    matching = ToneMatching(17)
    torch.nn.init.normal_(matching.mlp[-1].weight, std=0.02)
    given = (*scenes(2, 0), hole(2), outline(2))
    terms = matching.terms(*given)
    assert terms.shape == (2, 12) and terms.abs().max() > 0
    toned = matching(*given)
    assert torch.equal(matching.apply_terms(given[0], terms), toned)
    larger = F.interpolate(given[0], scale_factor=4, mode="bilinear")
    back = F.interpolate(matching.apply_terms(larger, terms), scale_factor=1 / 4, mode="area")
    assert (back - F.interpolate(larger, scale_factor=1 / 4, mode="area")).abs().max() > 0.02
    smaller = F.interpolate(larger, scale_factor=1 / 4, mode="area")
    torch.testing.assert_close(back, matching.apply_terms(smaller, terms), atol=0.02, rtol=0)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({1: torch.zeros(2, 3, 8, 8)}, "surroundings of"),
        ({2: torch.zeros(2, 1, 8, 8)}, "mask of"),
        ({3: torch.zeros(2, 5, 2)}, "outline of"),
        ({0: torch.zeros(2, 4, SIZE, SIZE)}, "3"),
    ],
)
def test_refuses_what_does_not_fit(changed, message):
    given = [*scenes(2, 0), hole(2), outline(2)]
    for i, x in changed.items():
        given[i] = x
    with pytest.raises(ValueError, match=message):
        ToneMatching(17)(*given)
