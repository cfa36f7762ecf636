import math

import pytest
import torch
from identity_batch import IdentityBatch
from objective import CIAGANObjective, LossOptions, Result
from torch import nn


class Critic(nn.Module):
    """Logits that are a multiple of the mean of all six channels."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.seen = []

    def forward(self, x):
        self.seen.append(x)
        return [x, self.scale * x.mean((1, 2, 3), keepdim=True)]


class Identity(nn.Module):
    """The mean of each channel, scaled."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(4.0))

    def forward(self, image):
        return self.scale * image.mean((2, 3))


SAME = torch.tensor([True, False, True, False])


@pytest.fixture
def batch():
    draw = torch.Generator().manual_seed(3)
    source, wanted = (torch.rand(2, 4, 3, 4, 4, generator=draw) * 2 - 1).unbind()
    drawing, masked = torch.rand(2, 4, 3, 4, 4, generator=draw).unbind()
    mask = torch.zeros(4, 1, 4, 4)
    mask[:, :, 1:3] = 1
    landmarks = torch.zeros(4, 68, 2)
    return IdentityBatch(
        source, wanted, drawing, masked, landmarks, mask, torch.tensor([2, 0, 1, 1]), SAME
    )


@pytest.fixture
def networks():
    return {"critic": Critic(), "identity": Identity()}


@pytest.fixture
def output(batch):
    made = (torch.rand(batch.source.shape) * 2 - 1).requires_grad_()
    return Result(made, made * batch.mask + batch.source * (1 - batch.mask))


def logits(image, batch):
    return 0.5 * torch.cat([image, 2 * batch.drawing - 1], 1).mean((1, 2, 3))


def test_the_wanted_people_are_made_in_the_holes(batch):
    asked = []

    def generator(drawing, masked, identity):
        asked.append((drawing, masked, identity))
        return masked + 0.25

    output = CIAGANObjective(LossOptions()).generate(generator, batch)
    ((drawing, masked, identity),) = asked
    assert drawing is batch.drawing and masked is batch.masked and identity is batch.identity
    torch.testing.assert_close(output.generated, 2 * (batch.masked + 0.25) - 1)
    torch.testing.assert_close(output.image[:, :, 1:3], output.generated[:, :, 1:3])
    assert torch.equal(output.image[:, :, 0], batch.source[:, :, 0])


def test_the_paper_s_terms_by_hand(batch, networks, output):
    losses = CIAGANObjective(LossOptions()).generator_losses(networks, batch, output)
    apart = 4 * (output.image.mean((2, 3)) - batch.wanted.mean((2, 3)))
    expected = {
        "g_critic": (logits(output.image, batch) - 1).square().mean(),
        "g_identity": apart.square().sum(1).mean() / 2,  # of all pairs: all are to meet
    }
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)


def test_the_critic_tells_pictures_from_results(batch, networks, output):
    losses = CIAGANObjective(LossOptions()).discriminator_losses(
        "critic", networks["critic"], batch, output
    )
    real, fake = logits(batch.source, batch), logits(output.image, batch)
    torch.testing.assert_close(
        losses, {"d_critic": ((real - 1).square().mean() + fake.square().mean()) / 2}
    )
    for seen, image in zip(networks["critic"].seen, (batch.source, output.image), strict=True):
        assert torch.equal(seen, torch.cat([image, 2 * batch.drawing - 1], 1))


def test_the_identity_network_learns_from_pictures_alone(batch, networks, output):
    objective = CIAGANObjective(LossOptions(margin=5.0))
    losses = objective.discriminator_losses("identity", networks["identity"], batch, output)
    distance = 4 * (batch.source.mean((2, 3)) - batch.wanted.mean((2, 3))).norm(dim=1)
    pushed = (5 - distance).clamp(min=0).square()
    expected = torch.where(SAME, distance.square(), pushed).mean() / 2
    torch.testing.assert_close(losses, {"d_identity": expected})
    losses["d_identity"].backward()
    assert output.generated.grad is None


def test_the_reconstruction_is_of_one_person_s_pairs_inside_the_mask(batch, networks, output):
    losses = CIAGANObjective(LossOptions(weight_recon=3)).generator_losses(networks, batch, output)
    difference = (output.generated - batch.source)[SAME][:, :, 1:3].abs().mean()
    torch.testing.assert_close(losses["g_recon"], 3 * difference)


def test_two_halves_of_a_batch_average_to_the_whole(batch, networks, output):
    def terms(part, counted):
        some = IdentityBatch(*(column[part] for column in batch))
        made = Result(*(column[part] for column in output))
        objective = CIAGANObjective(LossOptions(weight_recon=1), count=lambda _: counted)
        return objective.generator_losses(networks, some, made)

    whole = terms(slice(0, 4), torch.tensor(2.0))
    halves = [terms(part, torch.tensor(1.0)) for part in (slice(0, 3), slice(3, 4))]
    # Of three and of one item: the reconstruction is divided by the mean of their numbers.
    torch.testing.assert_close(sum(half["g_recon"] for half in halves) / 2, whole["g_recon"])


def test_gradients_reach_the_generator_inside_the_mask_alone(batch, networks, output):
    losses = CIAGANObjective(LossOptions(weight_recon=1)).generator_losses(networks, batch, output)
    torch.stack(list(losses.values())).sum().backward()
    inside = (batch.mask == 1).expand_as(batch.source)
    assert (output.generated.grad[inside] != 0).all()
    assert (output.generated.grad[~inside] == 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight_critic": -1.0}, "weight_critic of at least 0, got -1"),
        ({"weight_recon": math.nan}, "weight_recon of at least 0, got nan"),
        ({"margin": 0.0}, "--margin above 0, got 0"),
        ({"margin": -3.0}, "margin of at least 0, got -3"),
    ],
)
def test_values_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        LossOptions(**options)
