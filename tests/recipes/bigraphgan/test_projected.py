from dataclasses import replace

import options
import pytest
import torch
import train
from efficientnet_weights import needs_lite0
from objective import BiGraphGANObjective, LossOptions, perceptual_features
from projected import ProjectedObjective
from torch import nn

from graphgan.data import SyntheticPersons, next_picture_pairs, read_pairs, to_person_batch
from graphgan.landmarks import pose_mask
from graphgan.losses import AdversarialLoss, FeatureLoss, PerceptualLoss
from graphgan.models import BiGraphGAN, FeatureNetwork, LandmarkGenerator, ProjectedDiscriminator
from graphgan.training import GANStep, Player
from graphgan.training._devices import launch_fabric

CHANNELS = (4, 6)
WEIGHTS = LossOptions(adversarial="hinge", history=0, l1_outside=0.25)
TERMS = ["g_app", "g_pose", "g_l1", "g_perceptual"]
TERMS += ["d_app", "told_app", "d_pose", "d_pose_wrong", "told_pose"]


class Counting(FeatureNetwork):
    """Knows how many images it has looked at, with and without gradient."""

    def forward(self, images):
        seen = super().forward(images)
        self.looks = [*getattr(self, "looks", []), (len(images), seen[0].requires_grad)]
        return seen


@pytest.fixture
def batch():
    persons = SyntheticPersons(2, 2, size=(32, 16))
    return to_person_batch(read_pairs(persons, next_picture_pairs(persons.persons)))


@pytest.fixture
def network() -> Counting:
    torch.manual_seed(1)
    fine = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.LeakyReLU())
    coarse = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.LeakyReLU())
    return Counting({"fine": fine, "coarse": coarse}, channels=CHANNELS)


@pytest.fixture
def discriminators() -> dict[str, nn.Module]:
    torch.manual_seed(2)
    return {
        "app": ProjectedDiscriminator(CHANNELS, width=8, condition_channels=CHANNELS[-1]),
        "pose": ProjectedDiscriminator(CHANNELS, width=8, num_landmarks=18),
    }


def generator() -> BiGraphGAN:
    torch.manual_seed(3)
    inner = LandmarkGenerator(3, 18, width=4, num_blocks=1, dropout=0.0, norm="group")
    return BiGraphGAN(inner, bend=True)


def test_a_step_moves_generator_and_heads_alone_and_looks_once(batch, network, discriminators):
    fabric = launch_fabric("cpu", 1, "32-true")

    def player(module: nn.Module) -> Player:
        adam = torch.optim.Adam(module.parameters(), lr=1e-3, betas=(0.0, 0.99))
        return Player(*fabric.setup(module, adam), 1e-3)

    # With hinge, biases of logits within [-1, 1] would stay.
    objective = ProjectedObjective(replace(WEIGHTS, adversarial="bce"), network, features=network)
    players = {name: player(module) for name, module in discriminators.items()}
    step = GANStep(fabric, player(generator()), players, objective)
    watched = {"generator": step.generator.network, "network": network, **discriminators}
    before = {
        (name, key): parameter.detach().clone()
        for name, module in watched.items()
        for key, parameter in module.named_parameters()
    }
    losses = step(batch, 0)
    assert list(losses) == TERMS
    assert all(value.isfinite() for value in losses.values())
    assert sorted(network.looks) == [(4, True), (8, False)]
    for (name, key), old in before.items():
        new = dict(watched[name].named_parameters())[key]
        fixed = name == "network" or "mixing" in key
        assert torch.equal(new, old) == fixed, (name, key)


def test_terms_of_the_generator_by_hand(batch, network, discriminators):
    objective = ProjectedObjective(WEIGHTS, network, features=network)
    output = objective.generate(generator(), batch)
    for module in discriminators.values():
        module.eval()  # the norms of their weights stay as they are
    losses = objective.generator_losses(discriminators, batch, output)
    fake, real, given = (network(x) for x in (output.image, batch.target, batch.image))
    shown = {
        "app": {"condition": given[-1].mean((2, 3))},
        "pose": {"landmarks": batch.target_joints, "size": (32, 16)},
    }
    for name, beside in shown.items():
        scales = discriminators[name](fake, **beside)
        terms = [AdversarialLoss("hinge").generator(scale[-1]) for scale in scales]
        torch.testing.assert_close(losses[f"g_{name}"], 5 * torch.stack(terms).mean())
    region = 0.25 + 0.75 * pose_mask(batch.target_joints, (32, 16))
    expected = 10 * FeatureLoss()(fake, real, region=region)
    assert expected > 0
    torch.testing.assert_close(losses["g_perceptual"], expected)
    l1 = ((output.image - batch.target).abs() * region).mean((1, 2, 3)) / region.mean((1, 2, 3))
    torch.testing.assert_close(losses["g_l1"], 10 * l1.mean())


def test_joints_that_are_missing_do_not_reach_the_losses(batch, network, discriminators):
    joints = batch.target_joints.clone()
    joints[0], joints[1, 4:] = torch.nan, torch.nan
    missing = batch._replace(target_joints=joints)
    objective = ProjectedObjective(WEIGHTS, network, features=network)
    model = generator()
    output = objective.generate(model, missing)
    losses = objective.generator_losses(discriminators, missing, output)
    for name, module in discriminators.items():
        losses |= objective.discriminator_losses(name, module, missing, output)
    torch.stack(list(losses.values())).sum().backward()
    assert all(value.isfinite() for value in losses.values())
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_another_network_may_be_looked_through_for_the_perceptual_loss(
    batch, network, discriminators
):
    vgg = nn.Conv2d(3, 2, 3)
    objective = ProjectedObjective(WEIGHTS, network, features=vgg)
    output = objective.generate(generator(), batch)
    losses = objective.generator_losses(discriminators, batch, output)
    expected = 10 * PerceptualLoss(vgg)(output.image, batch.target)
    torch.testing.assert_close(losses["g_perceptual"], expected)
    objective = ProjectedObjective(WEIGHTS, network)
    assert "g_perceptual" not in objective.generator_losses(discriminators, batch, output)


def test_a_feature_network_looks_at_the_person_without_projected_discriminators(batch, network):
    model = options.ModelOptions(width=4, blocks=1, discriminator_width=4, dropout=0.0)
    objective = BiGraphGANObjective(WEIGHTS, features=network)
    output = objective.generate(model.generator(), batch)
    losses = objective.generator_losses(model.discriminators(), batch, output)
    region = 0.25 + 0.75 * pose_mask(batch.target_joints, (32, 16))
    expected = FeatureLoss()(network(output.image), network(batch.target), region=region)
    torch.testing.assert_close(losses["g_perceptual"], 10 * expected)
    assert network.looks[:2] == [(4, False), (4, True)]


# Its options


@pytest.mark.parametrize(
    ("projected", "perceptual", "weight", "names"),
    [
        (False, "none", 1.0, []),
        (False, "vgg19", 1.0, ["vgg19"]),
        (False, "lite0", 1.0, ["lite0"]),
        (False, "lite0", 0.0, []),
        (True, "none", 1.0, ["lite0"]),
        (True, "vgg19", 1.0, ["lite0", "vgg19"]),
    ],
)
def test_what_it_was_trained_with_is_told(projected, perceptual, weight, names):
    given = options.PRESETS["smoke"]
    model = replace(given.model, projected=projected)
    loss = replace(given.loss, perceptual=perceptual, weight_perceptual=weight)
    chosen = replace(given, model=model, loss=loss)
    assert chosen.trained_with == names
    assert chosen.model.generator(trained_with=names).trained_with == tuple(names)


@needs_lite0
def test_options_make_an_objective_that_looks_through_lite0_once():
    chosen = options.PRESETS["smoke"]
    features = perceptual_features(chosen.loss)
    objective = train.make_objective(chosen, features)
    assert isinstance(objective, ProjectedObjective)
    assert objective.judge is objective.network is features
    assert objective.judge.name == "lite0"
    without = train.make_objective(chosen, None)
    assert isinstance(without, ProjectedObjective) and without.network is None
    pixels = replace(chosen, model=replace(chosen.model, projected=False))
    assert not isinstance(train.make_objective(pixels, features), ProjectedObjective)
