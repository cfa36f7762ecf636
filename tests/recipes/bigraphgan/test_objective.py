import copy

import pytest
import torch
from objective import BiGraphGANObjective, LossOptions, perceptual_features
from options import ModelOptions
from safetensors.torch import save_file
from torch import nn

from graphgan.data import SyntheticPersons, next_picture_pairs, read_pairs, to_person_batch
from graphgan.landmarks import gaussian_maps, pose_mask
from graphgan.losses import AdversarialLoss, PerceptualLoss


@pytest.fixture
def batch():
    persons = SyntheticPersons(2, 2, size=(32, 16))
    return to_person_batch(read_pairs(persons, next_picture_pairs(persons.persons)))


@pytest.fixture
def networks():
    model = ModelOptions(width=4, blocks=1, discriminator_width=4, dropout=0.0)
    return model.generator(), model.discriminators()


def pairwise(name, batch, image):
    """What the discriminator of that name sees, written down once more."""
    if name == "app":
        return torch.cat([image, batch.image], dim=1)
    return torch.cat([image, gaussian_maps(batch.target_joints, (32, 16), sigma=6.0)], dim=1)


@pytest.mark.parametrize("mode", ["bce", "lsgan", "hinge"])
def test_the_generator_s_terms_are_the_formula(batch, networks, mode):
    generator, discriminators = networks
    features = nn.Conv2d(3, 2, 3)
    objective = BiGraphGANObjective(LossOptions(adversarial=mode), features=features)
    output = objective.generate(generator, batch)
    losses = objective.generator_losses(discriminators, batch, output)
    assert list(losses) == ["g_app", "g_pose", "g_l1", "g_perceptual"]
    for name in ("app", "pose"):
        logits = discriminators[name](pairwise(name, batch, output.image))
        expected = 5 * AdversarialLoss(mode).generator(logits)
        torch.testing.assert_close(losses[f"g_{name}"], expected)
    difference = (output.image - batch.target).abs().mean()
    torch.testing.assert_close(losses["g_l1"], 10 * difference)
    perceptual = 10 * PerceptualLoss(features)(output.image, batch.target)
    assert perceptual > 0
    torch.testing.assert_close(losses["g_perceptual"], perceptual)


@pytest.mark.parametrize("name", ["app", "pose"])
def test_a_discriminator_tells_the_target_from_the_generated_picture(batch, networks, name):
    generator, discriminators = networks
    objective = BiGraphGANObjective(LossOptions(history=0))
    output = objective.generate(generator, batch)
    network = discriminators[name]
    losses = objective.discriminator_losses(name, network, batch, output)
    real, fake = (network(pairwise(name, batch, image)) for image in (batch.target, output.image))
    torch.testing.assert_close(
        losses[f"d_{name}"], AdversarialLoss("bce").discriminator(real, fake)
    )


def test_pixels_outside_the_person_weigh_what_they_are_told_to(batch, networks):
    generator, discriminators = networks
    mask = pose_mask(batch.target_joints, (32, 16))
    differences, terms = {}, {}
    for outside in (1.0, 0.25, 0.0):
        objective = BiGraphGANObjective(LossOptions(l1_outside=outside, perceptual="none"))
        output = objective.generate(generator.eval(), batch)
        terms[outside] = objective.generator_losses(discriminators, batch, output)["g_l1"]
        weights = (mask + outside * (1 - mask)).expand_as(batch.target)
        difference = (output.image - batch.target).abs()
        each = (difference * weights).flatten(1).sum(1) / weights.flatten(1).sum(1)
        differences[outside] = 10 * each.mean()
    for outside, term in terms.items():
        torch.testing.assert_close(term, differences[outside])


def test_a_discriminator_sees_earlier_pictures_again_and_a_resumed_run_the_same_ones(batch):
    class Watching(nn.Module):
        def __init__(self):
            super().__init__()
            self.seen = []

        def forward(self, x):
            self.seen.append(x)
            return x.mean() * torch.ones(1)

    objective = BiGraphGANObjective(LossOptions(history=3))
    outputs = [torch.full_like(batch.image, value / 10) for value in range(9)]
    generated = [type("Output", (), {"image": image}) for image in outputs]
    for output in generated[:5]:
        objective.discriminator_losses("app", Watching(), batch, output)
    resumed = BiGraphGANObjective(LossOptions(history=3))
    resumed.load_state_dict(copy.deepcopy(objective.state_dict()))
    seen = []
    for one in (objective, resumed):
        torch.manual_seed(3)
        network = Watching()
        for output in generated[5:]:
            one.discriminator_losses("app", network, batch, output)
        seen.append(torch.stack(network.seen))
    assert torch.equal(*seen)
    new = {round(float(output.image.mean()), 3) for output in generated[5:]}
    shown = {round(float(x[:3].mean()), 3) for x in seen[0][1::2].flatten(0, 1)}
    assert shown - new  # some are older


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weight_gan": -1.0}, "weight_gan of at least 0, got -1"),
        ({"weight_l1": float("nan")}, "weight_l1 of at least 0, got nan"),
        ({"history": -1}, "history of at least 0, got -1"),
    ],
)
def test_values_out_of_range_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        LossOptions(**values)


# Where VGG-19 comes from


def test_a_file_of_weights_becomes_the_features(tmp_path):
    shapes = {"0": (64, 3), "2": (64, 64)}
    state = {}
    for number, (out, into) in shapes.items():
        state[f"features.{number}.weight"] = torch.randn(out, into, 3, 3)
        state[f"features.{number}.bias"] = torch.randn(out)
    save_file(state, tmp_path / "vgg.safetensors")
    features = perceptual_features(LossOptions(), tmp_path / "vgg.safetensors")
    assert len(features) == 4  # up to index 3
    assert torch.equal(features[2].weight, state["features.2.weight"])


@pytest.mark.parametrize("options", [{"perceptual": "none"}, {"weight_perceptual": 0.0}])
def test_what_is_not_asked_for_need_not_be_there(options):
    assert perceptual_features(LossOptions(**options)) is None


def test_without_torchvision_the_way_without_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torchvision", None)
    monkeypatch.setitem(__import__("sys").modules, "torchvision.models", None)
    with pytest.raises(ValueError, match=r"give a file, or install torchvision.*--perceptual none"):
        perceptual_features(LossOptions())
