import pytest
import torch
import torch.nn.functional as F
from efficientnet_weights import needs_lite0
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from graphgan.data import SyntheticFaces
from graphgan.landmarks import bend_to_landmarks, gaussian_maps
from graphgan.losses import AdversarialLoss
from graphgan.models import FeatureNetwork, PatchDiscriminator, ProjectedDiscriminator, RandomMixing

CHANNELS = (4, 6, 8)
SIZE = (64, 80)


def features(batch: int = 2, seed: int = 0) -> list[torch.Tensor]:
    """Of an image of `SIZE` at strides 4, 8 and 16."""
    draw = torch.Generator().manual_seed(seed)
    sides = zip(CHANNELS, (16, 8, 4), (20, 10, 5), strict=True)
    return [torch.randn(batch, *side, generator=draw) for side in sides]


def landmarks(batch: int = 2, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 5, 2, generator=draw) * torch.tensor([79.0, 63.0])


# Random mixing


def test_every_scale_is_mixed_with_all_that_are_coarser():
    mixing, (first, second, third) = RandomMixing(CHANNELS, 10), features()
    v, w = mixing.across_channels, mixing.across_scales

    def up(x, like):
        return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)

    coarse = w[2](v[2](third))
    middle = w[1](v[1](second) + up(coarse, second))
    fine = w[0](v[0](first) + up(middle, first))
    for found, expected in zip(mixing(features()), (fine, middle, coarse), strict=True):
        torch.testing.assert_close(found, expected / expected.square().mean().sqrt())


def test_mixing_is_random_and_never_trained():
    mixings = [RandomMixing(CHANNELS, 10) for _ in range(2)]
    assert not any(parameter.requires_grad for parameter in mixings[0].parameters())
    first, second = ([p.flatten() for p in mixing.parameters()] for mixing in mixings)
    assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    mixings[0].load_state_dict(mixings[1].state_dict())
    for a, b in zip(*(mixing(features()) for mixing in mixings), strict=True):
        assert torch.equal(a, b)


def test_what_is_mixed_has_unit_size_whatever_the_size_of_features():
    mixing, (first, *coarser) = RandomMixing(CHANNELS, 10), features()
    for given in (features(), [100 * first, *coarser], [x / 50 for x in features()]):
        for mixed in mixing(given):
            assert float(mixed.square().mean()) == pytest.approx(1, abs=1e-4)
    same, larger = mixing(features()), mixing([7 * x for x in features()])
    for x, y in zip(same, larger, strict=True):
        torch.testing.assert_close(x, y)
    assert all(not x.any() for x in mixing([0 * x for x in features()]))


# Discriminators


def test_a_head_halves_its_map_until_it_is_as_small_as_the_last_but_one():
    scales = ProjectedDiscriminator(CHANNELS, width=10)(features())
    shapes = [[tuple(x.shape) for x in scale] for scale in scales]
    assert shapes == [
        [(2, 10, 8, 10), (2, 1, 8, 10)],
        [(2, 10, 8, 10), (2, 1, 8, 10)],
        [(2, 10, 4, 5), (2, 1, 4, 5)],
    ]
    four = [torch.randn(1, 4, side, side) for side in (32, 16, 8, 4)]
    scales = ProjectedDiscriminator((4,) * 4, width=10)(four)
    assert [len(scale) for scale in scales] == [3, 2, 2, 2]
    assert [scale[-1].shape[-1] for scale in scales] == [8, 8, 8, 4]
    single = ProjectedDiscriminator((4,), width=10)([torch.randn(1, 4, 8, 8)])
    assert [scale[-1].shape[-1] for scale in single] == [8]


def test_only_heads_and_what_is_shown_beside_learn():
    discriminator = ProjectedDiscriminator(
        CHANNELS, width=10, num_landmarks=5, condition_channels=7
    )
    learning = {
        name.split(".")[0] for name, p in discriminator.named_parameters() if p.requires_grad
    }
    assert learning == {"heads", "on_landmarks", "on_condition"}
    layers = [
        layer
        for name, layer in discriminator.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear) and not name.startswith("mixing")
    ]
    assert len(layers) == 3 * 2 + 3 + 3
    assert all(is_parametrized(layer, "weight") for layer in layers)


def test_weights_of_heads_have_singular_values_of_1_at_most():
    discriminator = ProjectedDiscriminator(CHANNELS, width=10).train()
    with torch.no_grad():
        for p in discriminator.parameters():
            if p.requires_grad:
                p.mul_(50)
    for _ in range(30):
        discriminator(features())
    for layer in discriminator.eval().modules():
        if is_parametrized(layer, "weight"):
            largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
            assert float(largest) == pytest.approx(1, abs=0.02)


@torch.no_grad()
def test_landmarks_are_shown_where_they_are():
    """At every scale the maps of landmarks are those of the image, in fewer cells."""
    torch.manual_seed(0)
    discriminator = ProjectedDiscriminator(CHANNELS, width=10, num_landmarks=5).eval()
    mixed, points = discriminator.mixing(features()), landmarks()
    scales = discriminator(features(), landmarks=points, size=SIZE)
    for x, layer, head, scale in zip(
        mixed, discriminator.on_landmarks, discriminator.heads, scales, strict=True
    ):
        stride = SIZE[0] / x.shape[2]
        cells = (points + 0.5) / stride - 0.5
        maps = gaussian_maps(cells, tuple(x.shape[2:]), sigma=0.75)
        expected = head(x + 8 * layer(maps), None)
        torch.testing.assert_close(scale[-1], expected[-1], atol=1e-2, rtol=0)
    other = discriminator(features(), landmarks=landmarks(seed=1), size=SIZE)
    assert all((a[-1] - b[-1]).abs().max() > 1e-2 for a, b in zip(scales, other, strict=True))


@torch.no_grad()
def test_a_missing_landmark_is_an_empty_map():
    torch.manual_seed(0)
    discriminator = ProjectedDiscriminator(CHANNELS, width=10, num_landmarks=5).eval()
    points, far = landmarks(), landmarks()
    points[:, 2], far[:, 2] = torch.nan, 1e6
    scales, expected = (discriminator(features(), x, SIZE) for x in (points, far))
    for first, second in zip(scales, expected, strict=True):
        torch.testing.assert_close(first[-1], second[-1])


@torch.no_grad()
def test_logits_depend_on_the_condition_by_a_scalar_product():
    torch.manual_seed(0)
    discriminator = ProjectedDiscriminator(CHANNELS, width=10, condition_channels=7).eval()
    condition, mixed = torch.randn(2, 7), discriminator.mixing(features())
    scales = discriminator(features(), condition=condition)
    for x, layer, head, scale in zip(
        mixed, discriminator.on_condition, discriminator.heads, scales, strict=True
    ):
        *hidden, logits = head(x, None)
        product = torch.einsum("bchw,bc->bhw", hidden[-1], layer(condition))[:, None] / 10**0.5
        torch.testing.assert_close(scale[-1], logits + product)


# Bad input

POINTS = landmarks()


@pytest.mark.parametrize(
    ("channels", "given", "message"),
    [
        ((4, 6), {}, r"features of \(4, 6\) channels, got \(4, 6, 8\)"),
        ((4, 6, 9), {}, r"features of \(4, 6, 9\) channels, got \(4, 6, 8\)"),
        (CHANNELS, {"landmarks": POINTS, "size": SIZE}, r"expected no landmarks .*got \(2, 5, 2\)"),
        (CHANNELS, {"condition": torch.zeros(2, 7)}, r"condition of shape None, got \(2, 7\)"),
    ],
)
def test_refuses_what_was_not_asked_for(channels, given, message):
    with pytest.raises(ValueError, match=message):
        ProjectedDiscriminator(channels, width=10)(features(), **given)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "expected 5 landmarks and the size of their image, got None and None"),
        ({"landmarks": POINTS}, r"and the size of their image, got \(2, 5, 2\) and None"),
        ({"size": SIZE}, r"got None and \(64, 80\)"),
        ({"landmarks": POINTS[:, :4], "size": SIZE}, "expected 5 landmarks, got 4"),
        ({"landmarks": POINTS, "size": SIZE}, r"condition of shape \(2, 7\), got None"),
        (
            {"landmarks": POINTS, "size": SIZE, "condition": torch.zeros(3, 7)},
            r"condition of shape \(2, 7\), got \(3, 7\)",
        ),
    ],
)
def test_refuses_to_do_without_what_was_asked_for(given, message):
    discriminator = ProjectedDiscriminator(
        CHANNELS, width=10, num_landmarks=5, condition_channels=7
    )
    with pytest.raises(ValueError, match=message):
        discriminator(features(), **given)


# What it is for


def portraits(count: int, first: int, lowered: float, seed: int) -> torch.Tensor:
    """Drawn people in any light and either side first, the mouth lowered by so many pixels."""
    drawn = SyntheticFaces(count, 1, size=64, first_person=first)
    faces = [drawn[i] for i in range(count)]
    images = torch.stack([face.image for face in faces]) / 127.5 - 1
    points = torch.stack([face.landmarks for face in faces])
    targets = points.clone()
    targets[:, 48:, 1] += lowered
    bent = bend_to_landmarks(images, points, targets)
    draw = torch.Generator().manual_seed(seed)
    gain, offset = 0.8 * torch.rand(2, count, 3, 1, 1, generator=draw) - 0.4
    side = torch.rand(count, 1, 1, 1, generator=draw) < 0.5
    return ((1 + gain) * torch.where(side, bent.flip(3), bent) + offset).clamp(-1, 1)


def told_apart(discriminator: nn.Module, looks: list, steps: int = 200, batch: int = 8) -> float:
    """How often a real image is given more than a generated one, of those that were held out.

    Args:
        looks: functions from numbers of items to logits, of real and generated images to learn
            from, then of both that were held out.
    """
    loss = AdversarialLoss("hinge")
    learning = [p for p in discriminator.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(learning, lr=1e-3, betas=(0.0, 0.99))
    for _ in range(steps):
        real, fake = (look(torch.randint(300, (batch,))) for look in looks[:2])
        losses = [loss.discriminator(r, f) for r, f in zip(real, fake, strict=True)]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        optimizer.step()
    discriminator.eval()
    with torch.no_grad():
        real, fake = (sum(x.mean((1, 2, 3)) for x in look(torch.arange(100))) for look in looks[2:])
    return float((real[:, None] > fake).float().mean())


@pytest.mark.slow
@needs_lite0
def test_with_few_steps_features_tell_apart_what_pixels_do_not():
    """A mouth that sits three pixels too low: nothing local is wrong, the face as a whole is."""
    images = [
        portraits(count, first, lowered, seed)
        for seed, (count, first, lowered) in enumerate(
            [(300, 0, 0.0), (300, 1000, 3.0), (100, 2000, 0.0), (100, 3000, 3.0)]
        )
    ]
    network = FeatureNetwork.efficientnet_lite("lite0")
    with torch.no_grad():
        seen = [network(x) for x in images]
    torch.manual_seed(0)
    projected = ProjectedDiscriminator(network.channels)
    patches = PatchDiscriminator(3, width=16)
    by_features = told_apart(
        projected,
        [lambda i, maps=maps: [s[-1] for s in projected([m[i] for m in maps])] for maps in seen],
    )
    by_pixels = told_apart(patches, [lambda i, x=x: [patches(x[i])[-1]] for x in images])
    assert by_features > 0.8, (by_features, by_pixels)
    assert 0.4 < by_pixels < 0.68, (by_features, by_pixels)
