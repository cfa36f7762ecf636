import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.losses import WeakFeatureMatchingLoss

SHAPES = [(4, 8, 8), (6, 4, 4), (8, 2, 2), (8, 1, 1)]


def constant(*values: float, batch: int = 2) -> list[torch.Tensor]:
    """One map a layer, each of one value."""
    return [torch.full((batch, *shape), float(v)) for shape, v in zip(SHAPES, values, strict=False)]


def random_features(batch: int) -> list[torch.Tensor]:
    return [torch.randn(batch, *shape).double() for shape in SHAPES]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"first_layer": 1}, 1 + 2 + 4 + 8),
        ({}, 4 + 8),
        ({"first_layer": 2, "last_layer": 3}, 2 + 4),
        ({"first_layer": 4}, 8),
        ({"first_layer": 1, "last_layer": 1}, 1),
        ({"first_layer": 1, "weight": 0.8}, 12),
    ],
)
def test_worked_numbers(options, expected):
    loss = WeakFeatureMatchingLoss(**options)(constant(1, 2, 4, 8), constant(0, 4, 0, 0))
    assert loss.item() == pytest.approx(expected)


def test_equal_features_cost_nothing_and_worse_ones_more():
    loss, real = WeakFeatureMatchingLoss(first_layer=1), random_features(2)
    assert loss(real, real) == 0
    near, far = ([f + by * torch.ones_like(f) for f in real] for by in (0.1, 0.2))
    assert 0 < loss(near, real) < loss(far, real)


def test_only_selected_items_count():
    fake, real = constant(0, 0, 0, 0, batch=3), constant(0, 0, 0, 0, batch=3)
    for feature in fake:
        feature += torch.tensor([1.0, 10.0, 100.0])[:, None, None, None]
    loss = WeakFeatureMatchingLoss(first_layer=4)
    assert loss(fake, real).item() == pytest.approx(37)
    selected = torch.tensor([True, False, True])
    assert loss(fake, real, selected=selected).item() == pytest.approx(50.5)
    assert loss(fake, real, selected=selected, count=4.0).item() == pytest.approx(101 / 4)
    count = torch.tensor(8)
    assert loss(fake, real, selected=selected, count=count).item() == pytest.approx(101 / 8)


def test_no_gradient_reaches_the_real_features():
    fake, real = ([f.requires_grad_() for f in random_features(2)] for _ in range(2))
    WeakFeatureMatchingLoss(first_layer=1)(fake, real).backward()
    assert all(f.grad.any() for f in fake)
    assert all(r.grad is None for r in real)


@pytest.mark.parametrize("count", [None, 0.0, torch.tensor(0), 2.5])
def test_nothing_selected_is_nothing_with_a_graph(count):
    fake = [f.requires_grad_() for f in random_features(2)]
    selected = torch.zeros(2, dtype=torch.bool)
    loss = WeakFeatureMatchingLoss()(fake, random_features(2), selected=selected, count=count)
    assert loss.item() == 0
    loss.backward()
    assert not fake[-1].grad.any()


@given(selected=st.lists(st.booleans(), min_size=6, max_size=6), seed=st.integers(0, 99))
def test_two_processes_average_to_the_whole_batch(selected, seed):
    torch.manual_seed(seed)
    loss, chosen = WeakFeatureMatchingLoss(first_layer=1), torch.tensor(selected)
    real, fake = random_features(6), [f.requires_grad_() for f in random_features(6)]
    whole = loss(fake, real, selected=chosen)
    gradients = torch.autograd.grad(whole, fake)
    halves = [
        loss(
            [f[part] for f in fake],
            [r[part] for r in real],
            selected=chosen[part],
            count=chosen.sum() / 2,
        )
        for part in (slice(0, 2), slice(2, 6))
    ]
    average = (halves[0] + halves[1]) / 2
    torch.testing.assert_close(average, whole)
    torch.testing.assert_close(torch.autograd.grad(average, fake), gradients)


@pytest.mark.parametrize(
    ("options", "fake", "real", "message"),
    [
        ({}, 2, 2, "at least 3 feature maps, got 2 and 2"),
        ({"last_layer": 5}, 4, 4, "at least 5 feature maps, got 4 and 4"),
        ({}, 4, 3, "two lists of at least 4 feature maps, got 4 and 3"),
        ({"first_layer": 1}, 0, 0, "at least 1 feature maps, got 0 and 0"),
    ],
)
def test_refuses_missing_layers(options, fake, real, message):
    features = constant(1, 1, 1, 1)
    with pytest.raises(ValueError, match=message):
        WeakFeatureMatchingLoss(**options)(features[:fake], features[:real])


@pytest.mark.unhooked
@pytest.mark.parametrize("wrong", [0, 1])
def test_refuses_one_tensor_whose_items_would_pass_for_layers(wrong):
    features = [constant(1, 1, 1, 1), constant(1, 1, 1, 1)]
    features[wrong] = torch.ones(4, 8, 2, 2)
    name = ("fake", "real")[wrong]
    with pytest.raises(
        ValueError, match=rf"expected {name} as a list .* one tensor .*\(4, 8, 2, 2"
    ):
        WeakFeatureMatchingLoss()(*features)


@pytest.mark.unhooked
def test_refuses_unlike_features():
    fake, real = constant(1, 1, 1, 1), constant(1, 1, 1, 1)
    real[3] = torch.ones(2, 8, 2, 2)
    with pytest.raises(ValueError, match=r"of one shape, got \(2, 8, 1, 1\) and \(2, 8, 2, 2\)"):
        WeakFeatureMatchingLoss()(fake, real)


@pytest.mark.parametrize(
    "options", [{"first_layer": 0}, {"first_layer": 3, "last_layer": 2}, {"last_layer": 0}]
)
def test_refuses_layers_that_do_not_exist(options):
    with pytest.raises(ValueError, match="expected 1 <= first <= last"):
        WeakFeatureMatchingLoss(**options)
