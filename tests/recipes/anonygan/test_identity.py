import pytest
import torch
from identity import identity_loss, told_apart
from torch import nn

from graphgan.data import FaceBatch, PairKind
from graphgan.models import IdentityNetwork


class Mean(nn.Module):
    """Embeds an image as its mean color."""

    def forward(self, image):
        return image.mean((2, 3))


def flat(*values):
    """Images of one value each."""
    return torch.tensor(values)[:, None, None, None].expand(-1, 3, 8, 8)


def batch(condition, source, *kinds):
    landmarks = torch.zeros(len(kinds), 68, 2)
    mask = torch.zeros(len(kinds), 1, 8, 8)
    return FaceBatch(condition, source, landmarks, landmarks, mask, torch.tensor(kinds))


def test_the_terms_by_hand():
    given = batch(flat(0.5, 0.5), flat(0.0, 0.0), PairKind.SAME_PERSON, PairKind.DIFFERENT)
    # Colors of three channels, all alike: distances are sqrt(3) times the values'.
    near = (3 * 0.25**2 + 3 * 0.25**2) / 2 / 2
    source = (3 * 0.25**2 + (3 - 3**0.5 * 0.25) ** 2) / 2 / 2
    loss = identity_loss(Mean(), given, flat(0.25, 0.25))
    torch.testing.assert_close(loss, torch.tensor(near + source))
    apart = (3 * 0.5**2 + (3 - 3**0.5 * 0.5) ** 2) / 2 / 2
    torch.testing.assert_close(told_apart(Mean(), given), torch.tensor(apart))


def test_a_result_like_the_condition_costs_less_than_one_like_the_source():
    torch.manual_seed(0)
    network = IdentityNetwork(width=8)
    condition, source = 2 * torch.rand(2, 3, 3, 32, 32) - 1
    given = batch(condition, source, *[PairKind.DIFFERENT] * 3)
    assert identity_loss(network, given, condition) < identity_loss(network, given, source)


@pytest.mark.parametrize("which", ["condition", "source"])
def test_what_is_compared_with_is_not_moved(which):
    torch.manual_seed(0)
    given = batch(flat(0.5), flat(0.0), PairKind.DIFFERENT)
    picture = getattr(given, which).clone().requires_grad_()
    result = flat(0.25).clone().requires_grad_()
    identity_loss(Mean(), given._replace(**{which: picture}), result).backward()
    assert picture.grad is None
    assert result.grad.abs().sum() > 0
