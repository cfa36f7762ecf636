import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from graphgan.losses import AdversarialLoss

MODES = ("bce", "lsgan", "hinge", "wasserstein", "relativistic")
each_mode = pytest.mark.parametrize("mode", MODES)
logit = st.floats(-20, 20)


def softplus(x: float) -> float:
    return math.log(1 + math.exp(x))


REAL, FAKE = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -2.0])
BY_HAND = {
    "bce": (
        ((softplus(-2) + softplus(1)) / 2 + (softplus(0.5) + softplus(-2)) / 2) / 2,
        (softplus(-0.5) + softplus(2)) / 2,
    ),
    "lsgan": (((1 + 4) / 2 + (0.25 + 4) / 2) / 2, (0.25 + 9) / 2),
    "hinge": ((0 + 2) / 2 + (1.5 + 0) / 2, 0.75),
    "wasserstein": (-0.75 - 0.5, 0.75),
    "relativistic": (
        (softplus(0.5 - 2) + softplus(-2 + 1)) / 2,
        (softplus(2 - 0.5) + softplus(-1 + 2)) / 2,
    ),
}


@each_mode
def test_worked_numbers(mode):
    discriminator, generator = AdversarialLoss(mode)(REAL, FAKE)
    assert discriminator.item() == pytest.approx(BY_HAND[mode][0], abs=1e-6)
    assert generator.item() == pytest.approx(BY_HAND[mode][1], abs=1e-6)


@each_mode
@given(real=logit, fake=logit, step=st.floats(0.1, 5))
def test_telling_better_costs_the_discriminator_less_and_the_generator_more(mode, real, fake, step):
    loss = AdversarialLoss(mode)
    if mode == "lsgan":  # its labels are 1 and 0: beyond them it costs again
        real, fake = min(real, 1 - step), max(fake, step)
    r, f, s = torch.tensor([[real], [fake], [step]], dtype=torch.float64)
    assert loss.discriminator(r + s, f - s) <= loss.discriminator(r, f)
    if mode == "lsgan":
        f = f.clamp(max=1)
    assert loss.generator(f - s, r) >= loss.generator(f, r)


def test_bce_is_that_of_torch():
    real, fake = torch.randn(4, 1, 3, 3), torch.randn(4, 1, 3, 3)
    ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
    bce = F.binary_cross_entropy_with_logits
    discriminator, generator = AdversarialLoss("bce")(real, fake)
    torch.testing.assert_close(discriminator, (bce(real, ones) + bce(fake, zeros)) / 2)
    torch.testing.assert_close(generator, bce(fake, ones))


@given(real=logit, fake=logit, shift=logit)
def test_relativistic_sees_differences_only(real, fake, shift):
    r, f, by = torch.tensor([[real], [fake], [shift]], dtype=torch.float64)
    loss = AdversarialLoss("relativistic")
    torch.testing.assert_close(loss(r + by, f + by), loss(r, f))


@given(real=logit, fake=logit)
def test_relativistic_sides_exchange_roles(real, fake):
    r, f = torch.tensor([[real], [fake]], dtype=torch.float64)
    loss = AdversarialLoss("relativistic")
    assert loss.discriminator(r, f) == loss.generator(r, f)  # real logits in the place of fake
    torch.testing.assert_close(loss.discriminator(r, f) - loss.generator(f, r), (f - r).mean())


@each_mode
def test_extreme_logits_give_finite_losses_and_gradients(mode):
    logits = torch.tensor([1e4, -1e4, 0.0], requires_grad=True)
    sum(AdversarialLoss(mode)(logits, logits.flip(0))).backward()
    assert logits.grad.isfinite().all()


@each_mode
def test_every_patch_counts_alike(mode):
    loss, real, fake = AdversarialLoss(mode), torch.randn(2, 1, 3, 4), torch.randn(2, 1, 3, 4)
    flat = loss(real.flatten(), fake.flatten())
    torch.testing.assert_close(loss(real, fake), flat)


@each_mode
def test_only_the_relativistic_generator_needs_real_logits(mode):
    loss = AdversarialLoss(mode)
    assert loss.needs_real == (mode == "relativistic")
    if loss.needs_real:
        with pytest.raises(ValueError, match=r"real logits of shape \(2,\), got None"):
            loss.generator(FAKE)
    else:
        torch.testing.assert_close(loss.generator(FAKE), loss.generator(FAKE, REAL))


def test_relativistic_pairs_are_of_one_shape():
    loss = AdversarialLoss("relativistic")
    with pytest.raises(ValueError, match=r"shape \(2,\), got \(1,\)"):
        loss.discriminator(torch.zeros(1), FAKE)


@pytest.mark.unhooked
def test_an_unknown_mode_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'bce', .*'relativistic'.*, got 'gan'"):
        AdversarialLoss("gan")


@each_mode
def test_without_halves_a_discriminator_minimizes_the_sum(mode):
    whole, loss = AdversarialLoss(mode, halve=False), AdversarialLoss(mode)
    factor = 2 if mode in ("bce", "lsgan") else 1
    assert whole.discriminator(REAL, FAKE) == factor * loss.discriminator(REAL, FAKE)
    assert whole.generator(FAKE, REAL) == loss.generator(FAKE, REAL)
