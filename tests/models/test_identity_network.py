import pytest
import torch

from graphgan.losses import contrastive_loss
from graphgan.models import IdentityNetwork


def test_it_learns_who_is_who_from_pairs():
    torch.manual_seed(0)
    network = IdentityNetwork(4, width=4)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    people = torch.rand(3, 3, 1, 1) * 2 - 1  # a person is a color

    def pictures(who):
        return people[who] + 0.1 * torch.randn(len(who), 3, 16, 16)

    for _ in range(60):
        a, b = torch.randint(3, (2, 12)).unbind()
        loss = contrastive_loss(network(pictures(a)), network(pictures(b)), a == b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    numbers = torch.arange(3)
    with torch.no_grad():
        distances = torch.cdist(network(pictures(numbers)), network(pictures(numbers)))
    assert torch.equal(distances.argmin(1), numbers)
    assert distances.diagonal().max() < 1 < distances[~torch.eye(3, dtype=torch.bool)].min()


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 4, 64, 64), r"expected image of shape \(b, 3, h, w\), got \(2, 4, 64, 64\)"),
        ((2, 3, 8, 64), "expected image with sides of at least 16 pixels"),
        ((0, 3, 64, 64), "at least one item"),
    ],
)
def test_other_pictures_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        IdentityNetwork(width=4)(torch.zeros(shape))
