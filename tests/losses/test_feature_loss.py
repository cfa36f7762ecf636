import pytest
import torch

from graphgan.losses import FeatureLoss


def maps(batch: int = 3, seed: int = 0) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    shapes = [(batch, 4, 8, 12), (batch, 6, 4, 6)]
    return [torch.randn(shape, generator=draw) for shape in shapes]


def relative(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Of each item, as the formula says."""
    return (x - y).abs().mean((1, 2, 3)) / y.abs().mean()


@pytest.mark.parametrize("weights", [None, (2.0, 0.5)])
def test_by_hand(weights):
    x, y = maps(seed=0), maps(seed=1)
    expected = sum(
        w * relative(a, b).mean() for w, a, b in zip(weights or (0.5, 0.5), x, y, strict=True)
    )
    torch.testing.assert_close(FeatureLoss(weights)(x, y), expected)


def test_of_equal_features_it_is_nothing():
    assert FeatureLoss()(maps(), maps()) == 0


def test_nearer_features_cost_less():
    x, y = maps(seed=0), maps(seed=1)
    nearer = [a.lerp(b, 0.5) for a, b in zip(x, y, strict=True)]
    torch.testing.assert_close(FeatureLoss()(nearer, y), FeatureLoss()(x, y) / 2)


def test_the_size_of_a_map_does_not_matter():
    x, y = maps(seed=0), maps(seed=1)
    larger = [100 * x[0], x[1]], [100 * y[0], y[1]]
    torch.testing.assert_close(FeatureLoss()(*larger), FeatureLoss()(x, y))


def test_only_the_output_learns():
    x, y = ([m.requires_grad_() for m in maps(seed=seed)] for seed in (0, 1))
    FeatureLoss()(x, y).backward()
    assert all(m.grad.any() for m in x)
    assert all(m.grad is None for m in y)


def test_features_that_are_all_zero_give_a_number():
    zeros = [torch.zeros_like(m) for m in maps()]
    assert FeatureLoss()(maps(), zeros).isfinite()


def test_a_region_is_all_that_counts():
    x, y = maps(seed=0), maps(seed=1)
    region = torch.zeros(3, 1, 16, 24)
    region[..., :12] = 1
    expected = sum(
        (a - b).abs()[..., : a.shape[-1] // 2].mean() / b.abs().mean()
        for a, b in zip(x, y, strict=True)
    )
    torch.testing.assert_close(FeatureLoss()(x, y, region=region), expected / 2)
    elsewhere = [
        torch.cat([m[..., : m.shape[-1] // 2], -7 * m[..., m.shape[-1] // 2 :]], -1) for m in x
    ]
    torch.testing.assert_close(FeatureLoss()(elsewhere, y, region=region), expected / 2)


def test_a_region_s_weights_are_shares():
    x, y, region = maps(seed=0), maps(seed=1), torch.rand(3, 1, 16, 24)
    once, twice = (FeatureLoss()(x, y, region=times * region) for times in (1, 2))
    torch.testing.assert_close(once, twice)
    everywhere = FeatureLoss()(x, y, region=torch.ones_like(region))
    torch.testing.assert_close(everywhere, FeatureLoss()(x, y))


def test_a_region_that_is_empty_costs_nothing():
    assert FeatureLoss()(maps(seed=0), maps(seed=1), region=torch.zeros(3, 1, 16, 24)) == 0


def test_items_that_are_not_selected_do_not_count():
    x, y = maps(seed=0), maps(seed=1)
    selected = torch.tensor([True, False, True])
    expected = sum(relative(a, b)[selected].mean() for a, b in zip(x, y, strict=True)) / 2
    torch.testing.assert_close(FeatureLoss()(x, y, selected=selected), expected)
    halved = FeatureLoss()(x, y, selected=selected, count=4.0)
    torch.testing.assert_close(halved, expected / 2)
    assert FeatureLoss()(x, y, selected=torch.zeros(3).bool()) == 0


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("weights", "output", "target"),
    [(None, maps(), maps()[:1]), (None, maps(), maps(2)), ((1.0,), maps(), maps()), (None, [], [])],
)
def test_refuses_unlike_lists(weights, output, target):
    with pytest.raises(ValueError, match=r"expected two lists of . maps of the same shapes, got"):
        FeatureLoss(weights)(output, target)


def test_refuses_no_weights():
    with pytest.raises(ValueError, match="at least one weight, got none"):
        FeatureLoss(())
