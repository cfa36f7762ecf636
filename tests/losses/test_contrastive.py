import math

import pytest
import torch

from graphgan.losses import contrastive_loss


def test_the_two_forms_by_hand():
    a = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    b = torch.tensor([[3.0, 4.0], [0.0, 1.0], [1.0, 6.0]])
    same = torch.tensor([True, False, False])  # 5 apart; 1 apart; 5 apart, beyond the margin
    expected = (25 / 2 + (3 - 1) ** 2 / 2 + 0) / 3
    assert contrastive_loss(a, b, same).item() == pytest.approx(expected)
    wider = (25 / 2 + (7 - 1) ** 2 / 2 + (7 - 5) ** 2 / 2) / 3
    assert contrastive_loss(a, b, same, margin=7.0).item() == pytest.approx(wider)


def test_gradients_are_those_of_finite_differences():
    a, b = torch.randn(2, 4, 3, dtype=torch.float64).requires_grad_().unbind()
    same = torch.tensor([True, False, True, False])
    assert torch.autograd.gradcheck(lambda a, b: contrastive_loss(a, b, same, margin=5.0), (a, b))


@pytest.mark.parametrize("same", [True, False])
def test_embeddings_that_coincide_have_a_gradient_of_zero(same):
    a = torch.ones(1, 3, requires_grad=True)
    loss = contrastive_loss(a, torch.ones(1, 3), torch.tensor([same]))
    loss.backward()
    assert loss.item() == pytest.approx(0 if same else 9 / 2)
    assert torch.equal(a.grad, torch.zeros(1, 3))


def test_steps_downhill_bring_one_person_together_and_part_two_by_the_margin():
    torch.manual_seed(0)
    points = torch.randn(4, 2, requires_grad=True)  # 0 and 1 are one person, 2 and 3 two
    for _ in range(300):
        loss = contrastive_loss(points[::2], points[1::2], torch.tensor([True, False]))
        (gradient,) = torch.autograd.grad(loss, points)
        points = (points - 0.1 * gradient).detach().requires_grad_()
    assert (points[0] - points[1]).norm() < 0.01
    assert (points[2] - points[3]).norm().item() == pytest.approx(3, abs=0.01)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("a", "b", "same"),
    [((2, 3), (2, 4), 2), ((2, 3), (2, 3), 3), ((3,), (3,), 3), ((0, 3), (0, 3), 0)],
)
def test_other_shapes_are_refused(a, b, same):
    with pytest.raises(ValueError, match=r"expected two sets of embeddings of shape \(b, d\)"):
        contrastive_loss(torch.zeros(a), torch.zeros(b), torch.ones(same).bool())


@pytest.mark.parametrize("margin", [0.0, -1.0])
def test_a_margin_of_nothing_is_refused(margin):
    a = torch.zeros(1, 2)
    with pytest.raises(ValueError, match=f"expected a margin above 0, got {margin}"):
        contrastive_loss(a, a, torch.tensor([True]), margin=margin)
    assert math.isfinite(contrastive_loss(a, a, torch.tensor([True])))
