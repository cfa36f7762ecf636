import math
from typing import NamedTuple

import objective
import pytest
import torch
import torch.nn.functional as F
from identity import identity_loss, told_apart
from objective import AnonyGANObjective, LossOptions
from torch import nn

from graphgan.data import FaceBatch, PairKind, draw_change
from graphgan.landmarks import paste
from graphgan.losses import reconstruction_loss
from graphgan.models import GeneratorOutput, IdentityNetwork


class Critic(nn.Module):
    """Five features and logits that are multiples of the image's mean."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.given = []

    def forward(self, image, given):
        self.given.append(given)
        mean = image.mean((1, 2, 3), keepdim=True)
        return [self.scale * layer * mean for layer in range(1, 7)]


class Case(NamedTuple):
    batch: FaceBatch
    output: GeneratorOutput
    critics: dict[str, Critic]


KINDS = [PairKind.SAME_IMAGE, PairKind.SAME_PERSON, PairKind.DIFFERENT, PairKind.DIFFERENT]


@pytest.fixture
def case():
    def case(kinds=KINDS) -> Case:
        draw = torch.Generator().manual_seed(3)
        images = torch.rand(3, len(kinds), 3, 4, 4, generator=draw) * 2 - 1
        landmarks = torch.rand(2, len(kinds), 68, 2, generator=draw)
        mask = torch.zeros(len(kinds), 1, 4, 4)
        mask[:, :, 1:3] = 1
        batch = FaceBatch(images[0], images[1], *landmarks, mask, torch.tensor(kinds))
        made = images[2].requires_grad_()
        return Case(batch, GeneratorOutput(made, None, made), {"app": Critic(), "lm": Critic()})

    return case


def generator_losses(case, *, count=torch.Tensor.sum, **options):
    loss = AnonyGANObjective(LossOptions(**options), count=count)
    return loss.generator_losses(case.critics, case.batch, case.output)


def logits(image):
    return 0.5 * 6 * image.mean((1, 2, 3))


def test_the_paper_s_terms_by_hand(case):
    case = case()
    batch, image = case.batch, case.output.image
    losses = generator_losses(case)
    apart = (image - batch.source).mean((1, 2, 3)).abs()
    expected = {
        "g_app": F.softplus(-logits(image)).mean(),
        "g_lm": F.softplus(-logits(image)).mean(),
        # layers 3, 4 and 5, of the pairs of two images: items 1, 2 and 3
        "g_wfm": 0.5 * (3 + 4 + 5) * apart[1:].mean(),
        # pairs of one person: items 0 and 1
        "g_recon": 5 * (image - batch.source)[:2].abs().mean(),
    }
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)


def test_the_published_code_s_terms_by_hand(case):
    case = case()
    batch, image = case.batch, case.output.image
    losses = generator_losses(
        case, weight_wfm=0.8, wfm_first_layer=1, wfm_pairs="all", weight_recon=10, recon_of="pasted"
    )
    apart = (image - batch.source).mean((1, 2, 3)).abs()
    torch.testing.assert_close(losses["g_wfm"], 0.8 * 0.5 * (1 + 2 + 3 + 4 + 5) * apart.mean())
    inside = (image - batch.source)[:2, :, 1:3].abs().sum() / image[:2].numel()
    torch.testing.assert_close(losses["g_recon"], 10 * inside)


def test_equations_2_and_4_as_the_paper_prints_them(case):
    """The discriminator's terms are summed, and all layers, the logits too, are matched."""
    case = case()
    batch, image = case.batch, case.output.image
    apart = (image - batch.source).mean((1, 2, 3)).abs()
    losses = generator_losses(case, wfm_logits=True, wfm_first_layer=5)
    torch.testing.assert_close(losses["g_wfm"], 0.5 * (5 + 6) * apart[1:].mean())
    loss = AnonyGANObjective(LossOptions(halve_d=False))
    (total,) = loss.discriminator_losses("app", case.critics["app"], batch, case.output).values()
    real, fake = F.softplus(-logits(batch.source)).mean(), F.softplus(logits(image)).mean()
    torch.testing.assert_close(total, real + fake)


def test_weights_multiply_their_terms(case):
    one = generator_losses(case())
    two = generator_losses(case(), weight_app=2.0, weight_lm=3.0, weight_wfm=4.0, weight_recon=10.0)
    for name, factor in {"g_app": 2, "g_lm": 3, "g_wfm": 4, "g_recon": 2}.items():
        torch.testing.assert_close(two[name], factor * one[name])
    assert "g_wfm" not in generator_losses(case(), weight_wfm=0.0)


@pytest.mark.parametrize(
    ("kind", "zero"), [(PairKind.DIFFERENT, "g_recon"), (PairKind.SAME_IMAGE, "g_wfm")]
)
def test_without_a_selected_pair_a_term_is_zero_and_has_a_gradient(case, kind, zero):
    case = case([kind] * 3)
    losses = generator_losses(case)
    assert losses[zero] == 0
    torch.stack(list(losses.values())).sum().backward()
    assert case.output.image.grad.isfinite().all()


def test_two_halves_of_a_batch_average_to_the_whole(case):
    whole = case()
    halves = [
        Case(
            FaceBatch(*(column[part] for column in whole.batch[:6])),
            GeneratorOutput(whole.output.image[part], None, whole.output.image[part]),
            whole.critics,
        )
        for part in (slice(0, 2), slice(2, 4))
    ]
    assert [int(half.batch.different.sum()) for half in halves] == [1, 2]
    assert [int(half.batch.same_person.sum()) for half in halves] == [2, 0]
    expected = generator_losses(whole)
    parts = []
    for half in halves:
        # Processes divide by the mean of their numbers: of different pairs, then of one person's.
        means = iter([torch.tensor(1.5), torch.tensor(1.0)])
        parts.append(generator_losses(half, count=lambda selected, means=means: next(means)))
    for name in expected:
        torch.testing.assert_close(sum(part[name] for part in parts) / 2, expected[name])


def test_each_discriminator_is_shown_what_it_judges(case):
    case = case()
    generator_losses(case)
    loss = AnonyGANObjective(LossOptions())
    for name, critic in case.critics.items():
        loss.discriminator_losses(name, critic, case.batch, case.output)
    assert all(given is case.batch.condition for given in case.critics["app"].given)
    assert all(given is case.batch.source_landmarks for given in case.critics["lm"].given)


def test_no_gradient_reaches_the_other_side(case):
    case = case()
    losses = generator_losses(case)
    torch.stack(list(losses.values())).sum().backward()
    assert case.output.image.grad.abs().sum() > 0
    assert case.batch.source.grad is None
    # What the critic says about the real image is held fixed: its scale learns through the
    # generated one alone, which `GANStep` freezes.
    case.output.image.grad = None
    detached = GeneratorOutput(case.output.image.detach(), None, case.output.image.detach())
    loss = AnonyGANObjective(LossOptions())
    own = loss.discriminator_losses("app", case.critics["app"], case.batch, detached)
    own["d_app"].backward()
    assert case.output.image.grad is None


@pytest.mark.parametrize(
    ("options", "slope"),
    [
        ({"r1": 2.0}, lambda g: g),
        ({"r2": 2.0}, lambda g: g),
        ({"r1": 2.0, "r2": 4.0}, lambda g: 3 * g),
        ({"gradient_penalty": 10.0}, lambda g: 10 * (math.sqrt(g) - 1) ** 2),
    ],
)
def test_penalties_by_hand(case, options, slope):
    case = case()
    losses = AnonyGANObjective(LossOptions(**options)).discriminator_losses(
        "app", case.critics["app"], case.batch, case.output
    )
    # The logit is 3 times the mean over 48 values: a gradient of 3 / 48 at each of them.
    squared = 48 * (3 / 48) ** 2
    assert losses["d_app_penalty"].item() == pytest.approx(slope(squared), rel=1e-5)
    losses["d_app_penalty"].backward()
    assert case.critics["app"].scale.grad != 0


def test_jitter_changes_colors_and_not_shapes():
    images = torch.rand(5, 3, 8, 8) - 0.5
    assert torch.equal(objective.jitter_colors(images, 0.0), images)
    changed = objective.jitter_colors(images, 0.2)
    assert ((changed - images).abs() <= 0.2 * 0.5 + 0.2 + 1e-6).all()
    for before, after in zip(images.flatten(0, 1), changed.flatten(0, 1), strict=True):
        gain = (after[0, 0] - after[0, 1]) / (before[0, 0] - before[0, 1])
        torch.testing.assert_close(after, gain * before + (after - gain * before).mean())
    assert objective.jitter_colors(torch.ones(2, 3, 4, 4), 0.5).abs().max() <= 1


def test_jitter_changes_the_context_and_never_the_answer(case):
    case = case()
    seen = []

    def generator(condition, source, *rest):
        seen.append((condition, source))
        return case.output

    AnonyGANObjective(LossOptions(context_jitter=0.3)).generate(generator, case.batch)
    ((condition, source),) = seen
    assert condition is case.batch.condition
    assert not torch.equal(source, case.batch.source)
    losses = generator_losses(case, context_jitter=0.3)
    same = case.batch.same_person
    expected = 5 * reconstruction_loss(case.output.image, case.batch.source, selected=same)
    torch.testing.assert_close(losses["g_recon"], expected)


@pytest.mark.parametrize("judged", ["image", "pasted"])
def test_discriminators_see_the_result_or_the_result_in_its_mask(case, judged):
    case = case()
    masked = paste(case.output.image, case.batch.source, case.batch.mask)
    shown = case.output.image if judged == "image" else masked
    options = LossOptions(judged=judged, weight_wfm=0.0)
    losses = AnonyGANObjective(options).discriminator_losses(
        "app", case.critics["app"], case.batch, case.output
    )
    real, fake = (case.critics["app"](x, None)[-1] for x in (case.batch.source, shown))
    torch.testing.assert_close(losses["d_app"], (F.softplus(-real) + F.softplus(fake)).mean() / 2)
    generated = generator_losses(case, judged=judged, weight_wfm=0.0)
    torch.testing.assert_close(generated["g_app"], F.softplus(-fake).mean())


@pytest.mark.parametrize("name", ["app", "lm"])
def test_what_is_real_and_what_is_generated_are_changed_alike(case, name):
    case = case()
    case = case._replace(output=GeneratorOutput(case.batch.source, None, case.batch.source))
    seen = []
    critic = case.critics[name]
    critic.register_forward_pre_hook(lambda _, given: seen.append(given))
    torch.manual_seed(5)
    loss = AnonyGANObjective(LossOptions(augmentation=1.0))
    loss.discriminator_losses(name, critic, case.batch, case.output)
    (real, given), (fake, beside_fake) = seen
    torch.manual_seed(5)
    change = draw_change(case.batch.source, strength=1.0)
    torch.testing.assert_close(real, change.of_images(case.batch.source))
    torch.testing.assert_close(real, fake)
    landmarks = change.of_landmarks(case.batch.source_landmarks)
    torch.testing.assert_close(given, case.batch.condition if name == "app" else landmarks)
    assert given is beside_fake


def test_an_identity_network_judges_what_is_seen_in_the_end(case):
    case = case()
    network = IdentityNetwork(width=4)
    case = case._replace(critics=case.critics | {"identity": network})
    wide = FaceBatch(
        *(
            x.repeat_interleave(8, 2).repeat_interleave(8, 3) if x.ndim == 4 else x
            for x in case.batch[:6]
        )
    )
    image = case.output.image.repeat_interleave(8, 2).repeat_interleave(8, 3)
    case = case._replace(batch=wide, output=GeneratorOutput(image, None, image))
    losses = generator_losses(case, weight_identity=2.0)
    shown = paste(image, wide.source, wide.mask)
    torch.testing.assert_close(losses["g_identity"], 2 * identity_loss(network, wide, shown))
    loss = AnonyGANObjective(LossOptions(weight_identity=2.0))
    own = loss.discriminator_losses("identity", network, wide, case.output)
    torch.testing.assert_close(own["d_identity"], told_apart(network, wide))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight_app": -1.0}, "weight_app of at least 0, got -1"),
        ({"weight_recon": math.nan}, "weight_recon of at least 0, got nan"),
        ({"r1": math.inf}, "r1 of at least 0, got inf"),
        ({"context_jitter": 0.6}, "context_jitter of at most 0.5, got 0.6"),
        ({"condition_jitter": 0.6}, "condition_jitter of at most 0.5, got 0.6"),
        ({"augmentation": 1.5}, "augmentation of at most 1, got 1.5"),
        ({"wfm_first_layer": 0}, "wfm_first_layer from 1 to 5, got 0"),
        ({"wfm_first_layer": 6}, "wfm_first_layer from 1 to 5, got 6"),
        ({"adversarial": "wasserstein"}, "--gradient-penalty above 0 with --adversarial wasserst"),
        ({"adversarial": "relativistic", "r1": 1.0}, "--r1 and --r2 above 0 .*, got 1 and 0"),
        ({"adversarial": "relativistic", "r2": 1.0}, "--r1 and --r2 above 0 .*, got 0 and 1"),
    ],
)
def test_values_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        LossOptions(**options)
