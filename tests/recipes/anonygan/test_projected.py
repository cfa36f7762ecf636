from dataclasses import replace

import options
import projected
import pytest
import torch
import train
from efficientnet_weights import needs_lite0
from objective import LossOptions, pasted
from projected import Judged, ProjectedObjective
from torch import nn

from graphgan.data import (
    FaceBatch,
    PairKind,
    PairSampler,
    PairsOfSteps,
    SyntheticFaces,
    to_face_batch,
    to_float_image,
)
from graphgan.data._batches import PicturesInMemory
from graphgan.landmarks import CIAGAN_29, IBUG_68, POINTS_5, face_mask, face_regions, from_ibug_68
from graphgan.losses import FeatureLoss, reconstruction_loss
from graphgan.models import (
    AnonyGAN,
    FeatureNetwork,
    GeneratorOutput,
    LandmarkGenerator,
    ProjectedDiscriminator,
)
from graphgan.training import GANStep, Player
from graphgan.training._devices import launch_fabric

CHANNELS = (4, 6)
TERMS = ["g_app", "g_wfm", "g_lm", "g_features", "g_recon"]
TERMS += ["d_app", "told_app", "d_lm", "d_lm_wrong", "told_lm"]
WEIGHTS = LossOptions(adversarial="hinge", weight_features=2.0, weight_wfm=0.5)


@pytest.fixture(scope="module")
def stored():
    faces = PicturesInMemory(SyntheticFaces(3, 2, size=32))
    sampler = PairSampler(faces.persons, batch_size=4, same_image_share=0.5, same_person_share=0.25)
    return PairsOfSteps(faces, sampler)[0]


@pytest.fixture
def batch(stored) -> FaceBatch:
    return to_face_batch(stored, hull=True)


@pytest.fixture
def network() -> FeatureNetwork:
    torch.manual_seed(1)
    fine = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.LeakyReLU())
    coarse = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.LeakyReLU())
    return FeatureNetwork({"fine": fine, "coarse": coarse}, channels=CHANNELS)


@pytest.fixture
def discriminators() -> dict[str, nn.Module]:
    torch.manual_seed(2)
    return {
        "app": ProjectedDiscriminator(CHANNELS, width=8, condition_channels=CHANNELS[-1]),
        "lm": ProjectedDiscriminator(CHANNELS, width=8, num_landmarks=68),
    }


def generator() -> AnonyGAN:
    torch.manual_seed(3)
    return AnonyGAN(LandmarkGenerator(width=4, num_blocks=1, landmark_attention="position"))


class Made(nn.Module):
    """A generator that always makes the same."""

    def __init__(self, image: torch.Tensor) -> None:
        super().__init__()
        self.image = image

    def forward(self, *given) -> GeneratorOutput:
        return GeneratorOutput(self.image, None, self.image)


def judged(objective: ProjectedObjective, batch: FaceBatch, image: torch.Tensor) -> Judged:
    torch.manual_seed(4)
    return objective.generate(Made(image), batch)


# A step


@pytest.mark.parametrize("augmentation", [0.0, 0.5])
def test_a_step_moves_generator_and_heads_and_nothing_else(
    batch, network, discriminators, augmentation
):
    fabric = launch_fabric("cpu", 1, "32-true")

    def player(module: nn.Module) -> Player:
        adam = torch.optim.Adam(module.parameters(), lr=1e-3, betas=(0.0, 0.99))
        return Player(*fabric.setup(module, adam), 1e-3)

    # With hinge, biases of logits within [-1, 1] would stay.
    weights = replace(WEIGHTS, adversarial="bce", augmentation=augmentation)
    objective = ProjectedObjective(weights, network)
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
    moved = {
        (name, key): not torch.equal(parameter, before[name, key])
        for name, module in watched.items()
        for key, parameter in module.named_parameters()
    }
    stays = {place for place in moved if place[0] == "network" or place[1].startswith("mixing")}
    assert len(stays) == 4 + 2 * 4
    assert {place for place, has in moved.items() if not has} == stays
    assert all(0 <= losses[f"told_{name}"] <= 1 for name in discriminators)


def test_all_terms_share_two_passes_of_the_feature_network(batch, network, discriminators):
    passes = []
    network.register_forward_hook(lambda module, given, maps: passes.append(len(given[0])))
    objective = ProjectedObjective(WEIGHTS, network)
    output = judged(objective, batch, torch.zeros_like(batch.source))
    objective.generator_losses(discriminators, batch, output)
    for name, discriminator in discriminators.items():
        objective.discriminator_losses(name, discriminator, batch, output)
    assert passes == [8, 4]  # sources and conditions, results


# What is looked at


def test_features_are_those_of_the_pasted_result_the_source_and_the_condition(batch, network):
    image = torch.rand_like(batch.source)
    output = judged(ProjectedObjective(WEIGHTS, network), batch, image)
    made = pasted(batch, GeneratorOutput(image, None, image))
    for found, images in ((output.fake, made), (output.real, batch.source)):
        for maps, expected in zip(found, network(images), strict=True):
            torch.testing.assert_close(maps, expected, atol=1e-4, rtol=1e-4)
    condition = network(batch.condition)[-1].mean((2, 3))
    torch.testing.assert_close(output.condition, condition)
    torch.testing.assert_close(output.landmarks, batch.source_landmarks, atol=1e-4, rtol=0)


def test_result_and_source_are_changed_alike(batch, network):
    """A result that is the source has its features, however it is turned and colored."""
    objective = ProjectedObjective(replace(WEIGHTS, augmentation=1.0), network)
    output = judged(objective, batch, batch.source)
    for fake, real in zip(output.fake, output.real, strict=True):
        torch.testing.assert_close(fake, real)
    plain = network(batch.source)
    assert (output.real[0] - plain[0]).abs().mean() > 0.01
    assert (output.landmarks - batch.source_landmarks).abs().max() > 1


def test_eyes_and_mouth_count_four_times_as_much_as_the_rest_of_the_mask(batch):
    image, points = SyntheticFaces(1, 1, size=128)[0]
    images = to_float_image(image)[None].expand(4, -1, -1, -1)
    mask = face_regions(points[None], (128, 128), forehead=0.7)
    landmarks = points.expand(4, -1, -1)
    large = batch._replace(
        source=images, source_landmarks=landmarks, mask=mask.expand(4, -1, -1, -1)
    )
    region = projected._region(large, IBUG_68)[0, 0]
    inside = mask[0, 0].bool()
    assert not region[~inside].any()
    assert region[inside].min() == pytest.approx(0.25, abs=0.01)
    assert 0.85 < region.max() <= 1
    x, y = points[36:].round().long().T
    assert region[y, x].min() > 0.6
    x, y = points[8].round().long()
    assert region[y - 2, x] < 0.4  # the chin


@pytest.mark.parametrize(
    ("scheme", "eyes", "lips"), [(POINTS_5, True, False), (CIAGAN_29, False, True)]
)
def test_of_other_schemes_the_parts_that_they_have_count(scheme, eyes, lips):
    face = SyntheticFaces(1, 1, size=128)[0]
    points = from_ibug_68(face.landmarks[None], scheme)
    mask = face_mask(points, (128, 128), scheme=scheme)
    images = to_float_image(face.image[None])
    batch = FaceBatch(images, images, points, points, mask, torch.zeros(1, dtype=torch.long))
    region = projected._region(batch, scheme)[0, 0]
    assert torch.equal(region > 0, mask[0, 0] > 0)
    mouth = points[0, scheme.mouth[0]]
    for part, counts in ((face.landmarks[36:42].mean(0), eyes), (mouth, True)):
        x, y = part.round().long()
        assert (region[y, x] > 0.6) == counts
    inner = projected._inner_face(batch, scheme)[0, 0]
    x, y = face.landmarks[60:68].mean(0).round().long()
    assert (inner[y, x] == 0) == lips


# Terms


def losses_of_generator(batch, network, discriminators, weights, image):
    objective = ProjectedObjective(weights, network)
    output = judged(objective, batch, image)
    for module in discriminators.values():
        module.eval()
    return output, objective.generator_losses(discriminators, batch, output)


def test_terms_of_the_generator_by_hand(batch, network, discriminators):
    image = torch.rand_like(batch.source)
    output, losses = losses_of_generator(batch, network, discriminators, WEIGHTS, image)
    size = (32, 32)
    app = discriminators["app"](output.fake, condition=output.condition)
    lm = discriminators["lm"](output.fake, landmarks=output.landmarks, size=size)
    real = discriminators["app"](output.real, condition=output.condition)
    selected = batch.same_person
    distances = [
        (f[0] - r[0]).abs().mean((1, 2, 3))[batch.different].mean()
        for f, r in zip(app, real, strict=True)
    ]
    recon = reconstruction_loss(image, batch.source, region=batch.mask, selected=selected)
    features = FeatureLoss()(output.fake, output.real, region=output.region, selected=selected)
    expected = {
        "g_app": -torch.stack([scale[-1].mean() for scale in app]).mean(),
        "g_wfm": 0.5 * sum(distances),
        "g_lm": -torch.stack([scale[-1].mean() for scale in lm]).mean(),
        "g_features": 2.0 * features,
        "g_recon": 5.0 * recon,
    }
    assert list(losses) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)


def test_a_result_that_is_the_source_costs_nothing_in_features_and_pixels(
    batch, network, discriminators
):
    _, losses = losses_of_generator(batch, network, discriminators, WEIGHTS, batch.source)
    for name in ("g_features", "g_recon", "g_wfm"):
        assert losses[name] < 1e-5


def test_pairs_of_different_people_have_no_true_answer(batch, network, discriminators):
    strangers = batch._replace(kind=torch.full((4,), int(PairKind.DIFFERENT)))
    image = torch.rand_like(batch.source)
    _, losses = losses_of_generator(strangers, network, discriminators, WEIGHTS, image)
    assert losses["g_features"] == losses["g_recon"] == 0


# Its options


def test_options_make_discriminators_of_features():
    model = replace(options.PRESETS["small"].model, projected=True, landmarks=29)
    networks = model.discriminators()
    assert all(isinstance(network, ProjectedDiscriminator) for network in networks.values())
    assert {network.channels for network in networks.values()} == {(24, 40, 112, 320)}
    assert (networks["app"].condition_channels, networks["app"].num_landmarks) == (320, 0)
    assert (networks["lm"].condition_channels, networks["lm"].num_landmarks) == (0, 29)
    assert model.generator().trained_with == ("lite0",)
    assert options.PRESETS["small"].model.generator().trained_with == ()


@needs_lite0
def test_options_make_an_objective_that_looks_through_lite0():
    device = torch.device("cpu")
    chosen = options.PRESETS["people-128"]
    objective = train.make_objective(chosen, POINTS_5, torch.Tensor.sum, device)
    assert objective.scheme == POINTS_5
    assert isinstance(objective, ProjectedObjective)
    assert objective.network.name == "lite0"
    assert objective.network.channels == chosen.model.discriminators()["app"].channels
    plain = train.make_objective(options.PRESETS["small"], IBUG_68, torch.Tensor.sum, device)
    assert not isinstance(plain, ProjectedObjective)


# --- What is kept of the condition ----------------------------------------------------------------


def blended(base: torch.Tensor, made: torch.Tensor, share: float) -> Judged:
    attention = torch.full_like(base[:, :1], share)
    image = attention * base + (1 - attention) * made
    nothing: tuple[torch.Tensor, ...] = ()
    empty = torch.zeros(0)
    return Judged(image, attention, made, nothing, nothing, empty, empty, empty)


def test_what_changes_inside_the_face_costs_and_light_costs_less(batch, network):
    objective = ProjectedObjective(replace(WEIGHTS, weight_keep=1.0), network)
    base = torch.rand_like(batch.source)
    stripes = 0.4 * (torch.arange(32) % 2 - 0.5).expand_as(base)
    same, light, details = (
        float(objective._changed(batch, blended(base, base + change, 0.5)))
        for change in (torch.zeros_like(base), torch.full_like(base, 0.2), stripes)
    )
    assert same == pytest.approx(0, abs=1e-6)
    assert light == pytest.approx(0.3 * 0.1, rel=0.02)  # half of it is kept by the blend
    assert details == pytest.approx(0.1, rel=0.05)


def test_attention_near_1_costs_inside_the_mask(batch, network, discriminators):
    weights = replace(WEIGHTS, weight_attention=2.0)
    output = ProjectedObjective(weights, network).generate(generator(), batch)
    attention = torch.where(batch.mask > 0, 0.5, 1.0)
    objective = ProjectedObjective(weights, network)
    losses = objective.generator_losses(discriminators, batch, output._replace(attention=attention))
    assert float(losses["g_attention"]) == pytest.approx(2 * 0.5**2)


@pytest.mark.parametrize(
    ("projected", "loss", "message"),
    [
        (True, {"r1": 1.0}, "--r1 without --projected, got 1"),
        (True, {"weight_identity": 1.0}, "--weight-identity without --projected"),
        (True, {"adversarial": "relativistic", "r1": 1.0, "r2": 1.0}, "another --adversarial"),
        (False, {"weight_features": 1.0}, "--weight-features with --projected"),
        (False, {"weight_keep": 1.0}, "--weight-keep with --projected"),
        (False, {"weight_attention": 1.0}, "--weight-attention with --projected"),
    ],
)
def test_terms_of_the_other_kind_of_discriminators_are_refused(projected, loss, message):
    given = options.PRESETS["people-128"]
    with pytest.raises(ValueError, match=message):
        replace(
            given,
            model=replace(given.model, projected=projected),
            loss=replace(LossOptions(), **loss),
        )
