import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from graphgan.losses import interpolated_gradient_penalty, zero_centered_gradient_penalty

seeds = st.integers(0, 999)


def images(seed: int, batch: int = 3) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.randn(batch, 2, 4, 5).double()


@given(seed=seeds)
def test_a_plane_has_the_same_slope_everywhere(seed):
    x, slope = images(seed), images(seed + 1, 1)[0].requires_grad_()

    def critic(x):
        return (x * slope).sum((1, 2, 3)) + 7

    r1 = zero_centered_gradient_penalty(critic, x)
    torch.testing.assert_close(r1, slope.square().sum())
    torch.testing.assert_close(torch.autograd.grad(r1, slope)[0], 2 * slope)
    gp = interpolated_gradient_penalty(critic, x, -x)
    torch.testing.assert_close(gp, (slope.norm() - 1).square())
    expected = 2 * (slope.norm() - 1) * slope / slope.norm()
    torch.testing.assert_close(torch.autograd.grad(gp, slope)[0], expected)


@given(seed=seeds)
def test_a_bowl_is_steeper_further_out(seed):
    x = images(seed)
    penalty = zero_centered_gradient_penalty(lambda x: x.square().sum((1, 2, 3)) / 2, x)
    torch.testing.assert_close(penalty, x.square().sum((1, 2, 3)).mean())
    same = interpolated_gradient_penalty(lambda x: x.square().sum((1, 2, 3)) / 2, x, x)
    torch.testing.assert_close(same, (x.flatten(1).norm(dim=1) - 1).square().mean())


def test_many_logits_an_item_are_summed():
    x = images(0)
    one = zero_centered_gradient_penalty(lambda x: x.sum((1, 2, 3)), x)
    many = zero_centered_gradient_penalty(lambda x: x[:, :, None], x)
    torch.testing.assert_close(one, many)
    torch.testing.assert_close(one, torch.tensor(40.0).double())  # a slope of 1 in 40 directions


def test_points_lie_between_real_and_fake_each_item_at_its_own():
    real, fake, seen = images(0, 50), images(1, 50), []

    def critic(x):
        seen.append(x)
        return x.sum((1, 2, 3))

    interpolated_gradient_penalty(critic, real, fake)
    share = ((seen[0] - real) / (fake - real)).flatten(1)
    torch.testing.assert_close(share, share[:, :1].expand_as(share))  # one share an item
    assert ((share[:, 0] > 0) & (share[:, 0] < 1)).all()
    assert share[:, 0].std() > 0.1


@pytest.mark.parametrize("kind", ["zero", "interpolated"])
def test_a_gradient_reaches_the_critic_and_not_the_images(kind):
    critic = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Softplus(), nn.Flatten(), nn.Linear(18, 1))
    critic.double()
    x = images(0).requires_grad_()
    if kind == "zero":
        penalty = zero_centered_gradient_penalty(critic, x)
    else:
        penalty = interpolated_gradient_penalty(critic, x, 2 * x)
    penalty.backward()
    assert x.grad is None
    assert all(p.grad is None or p.grad.isfinite().all() for p in critic.parameters())
    assert critic[0].weight.grad.abs().sum() > 0
    assert critic[3].weight.grad.abs().sum() > 0


def test_the_penalty_agrees_with_finite_differences():
    critic = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Softplus()).double()
    x = images(0, 1)
    penalty, slopes = zero_centered_gradient_penalty(critic, x), []
    for i in range(x.numel()):
        step = torch.zeros_like(x)
        step.view(-1)[i] = 1e-5
        with torch.no_grad():
            slopes.append((critic(x + step).sum() - critic(x - step).sum()) / 2e-5)
    torch.testing.assert_close(penalty, torch.stack(slopes).square().sum(), rtol=1e-6, atol=0)


@pytest.mark.unhooked
def test_refuses_unlike_shapes():
    with pytest.raises(ValueError, match=r"one shape, got \(3, 2, 4, 5\) and \(2, 2, 4, 5\)"):
        interpolated_gradient_penalty(lambda x: x, images(0), images(0, 2))
