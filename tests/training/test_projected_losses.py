import pytest
import torch

from graphgan.losses import AdversarialLoss
from graphgan.models import ProjectedDiscriminator
from graphgan.training import Conditioning, projected_discriminator_losses, projected_generator_loss

CHANNELS, SIZE = (4, 6), (32, 16)


def features(seed: int, batch: int = 3):
    chance = torch.Generator().manual_seed(seed)
    shapes = ((batch, 4, 16, 8), (batch, 6, 8, 4))
    return [torch.rand(shape, generator=chance) for shape in shapes]


def points(batch: int = 3):
    chance = torch.Generator().manual_seed(5)
    return 15 * torch.rand(batch, 18, 2, generator=chance)


def discriminator(kind: str):
    torch.manual_seed(1)
    options = {"num_landmarks": 18} if kind == "pose" else {"condition_channels": 6}
    return ProjectedDiscriminator(CHANNELS, width=8, **options).eval()


def conditioning(kind: str) -> Conditioning:
    if kind == "pose":
        return Conditioning(landmarks=points(), size=SIZE)
    return Conditioning(condition=torch.rand(3, 6, generator=torch.Generator().manual_seed(4)))


def test_the_generator_s_term_is_the_mean_of_all_scales():
    adversarial, network = AdversarialLoss("bce"), discriminator("app")
    scales = conditioning("app").look(network, features(2))
    one, two = (adversarial.generator(scale[-1]) for scale in scales)
    torch.testing.assert_close(projected_generator_loss(adversarial, scales), (one + two) / 2)


@pytest.mark.parametrize("mode", ["hinge", "bce", "lsgan"])
@pytest.mark.parametrize(("kind", "show_wrong"), [("app", False), ("pose", False), ("pose", True)])
def test_the_discriminator_s_terms_by_hand(kind, mode, show_wrong):
    adversarial, network, given = AdversarialLoss(mode), discriminator(kind), conditioning(kind)
    real, fake = features(2), features(3)
    losses = projected_discriminator_losses(
        kind, network, adversarial, real=real, fake=fake, conditioning=given, show_wrong=show_wrong
    )
    kinds = [(real, given), (fake, given)] + ([(real, given.wrong())] if show_wrong else [])
    # Together, since features are divided by their size over the batch.
    together = [torch.cat(maps) for maps in zip(*(k for k, _ in kinds), strict=True)]
    if kind == "pose":
        shown = {"landmarks": torch.cat([b.landmarks for _, b in kinds]), "size": SIZE}
    else:
        shown = {"condition": torch.cat([b.condition for _, b in kinds])}
    logits = [scale[-1].split(3) for scale in network(together, **shown)]

    def mean(values):
        return torch.stack(values).mean()

    expected = {f"d_{kind}": mean([adversarial.discriminator(x[0], x[1]) for x in logits])}
    if show_wrong:
        wrong = [adversarial.discriminator(x[0], x[2]) for x in logits]
        expected[f"d_{kind}_wrong"] = mean(wrong)
    sides = [[x[i].mean((1, 2, 3)) for x in logits] for i in (0, 1)]
    expected[f"told_{kind}"] = mean([(r > f).float() for r, f in zip(*sides, strict=True)])
    assert list(losses) == list(expected)
    for key, value in expected.items():
        torch.testing.assert_close(losses[key], value)
    assert not losses[f"told_{kind}"].requires_grad


def test_wrong_landmarks_are_those_of_another_item_at_the_same_place():
    right = points()
    wrong = Conditioning(landmarks=right, size=SIZE).wrong()
    assert wrong.size == SIZE
    torch.testing.assert_close(wrong.landmarks.mean(1), right.mean(1), atol=1e-3, rtol=0)
    assert (wrong.landmarks - right).abs().flatten(1).amax(1).min() > 0.5


def test_missing_landmarks_are_shown_as_nothing_and_reach_no_gradient():
    right = points()
    right[0, :9] = torch.nan
    right[1] = torch.nan
    network, real = discriminator("pose"), features(2)
    losses = projected_discriminator_losses(
        "pose",
        network,
        AdversarialLoss("bce"),
        real=real,
        fake=features(3),
        conditioning=Conditioning(landmarks=right, size=SIZE),
        show_wrong=True,
    )
    total = torch.stack(list(losses.values())).sum()
    total.backward()
    assert total.isfinite()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)
    scales = Conditioning(landmarks=right, size=SIZE).look(network, real)
    far = torch.where(right.isfinite(), right, 1e4)  # outside of the image
    others = Conditioning(landmarks=far, size=SIZE).look(network, real)
    for scale, other in zip(scales, others, strict=True):
        torch.testing.assert_close(scale[-1], other[-1])
