"""The published configurations give the published code's numbers, to rounding."""

import golden
import pytest
import torch
from golden import layouts

from graphgan.landmarks.masks import paste
from graphgan.losses import AdversarialLoss, WeakFeatureMatchingLoss, reconstruction_loss
from graphgan.models import (
    AnonyGAN,
    AppearanceDiscriminator,
    LandmarkDiscriminator,
    LandmarkGenerator,
    PatchDiscriminator,
    ResNetDiscriminator,
)


def published_generator(state, *, channels=6, k=68, attention=True, dropout=0.5) -> AnonyGAN:
    generator = LandmarkGenerator(
        channels,
        k,
        shape_encoding="joint",
        landmark_attention="gap" if attention else None,
        attention_order="condition_first",
        blend="attend_intermediate",
        dropout=dropout,
    )
    generator.load_state_dict(layouts.generator(state))
    return AnonyGAN(generator, base="context" if channels == 6 else "condition")


@pytest.mark.parametrize(
    ("case", "channels", "k"),
    [("anonygan_generator_68", 6, 68), ("anonygan_generator_29_no_attention", 3, 29)],
)
@torch.no_grad()
def test_the_published_generator(case, channels, k):
    state = golden.state(golden.layout(case))
    model = published_generator(state, channels=channels, k=k, attention=k == 68).eval()
    condition = golden.images(f"{case}/condition", 2, 3, 48, 40)
    context = golden.images(f"{case}/context", 2, 3, 48, 40) if channels == 6 else condition
    landmarks = (
        golden.landmarks(f"{case}/{which}_landmarks", 2, k, 48, 40)
        for which in ("condition", "source")
    )
    output = model(condition, context, *landmarks, torch.zeros(2, 1, 48, 40))
    expected = golden.expected(case)
    for name, mine in (
        ("intermediate", output.intermediate),
        ("attention", output.attention),
        ("output", output.image),
    ):
        torch.testing.assert_close(mine, expected[name], rtol=0, atol=2e-5)


@torch.no_grad()
def test_the_published_patch_discriminator():
    case = "anonygan_discriminator"
    discriminator = PatchDiscriminator(6).eval()
    state = golden.state(golden.layout(case))
    discriminator.load_state_dict(layouts.patch_discriminator(state))
    features = discriminator(golden.images(f"{case}/input", 2, 6, 64, 64))
    expected = golden.expected(case)
    for i, feature in enumerate(features):
        kept = feature[:, ::8] if i < 5 else feature
        torch.testing.assert_close(kept, expected[f"feature_{i}"], rtol=0, atol=2e-5)


@torch.no_grad()
def test_the_published_resnet_discriminator():
    case = "bigraphgan_discriminator"
    discriminator = ResNetDiscriminator(6).eval()
    state = golden.state(golden.layout(case))
    discriminator.load_state_dict(layouts.resnet_discriminator(state))
    out = discriminator(golden.images(f"{case}/input", 2, 6, 32, 16))
    torch.testing.assert_close(out, golden.expected(case)["output"], rtol=0, atol=5e-5)


class PublishedStep:
    """One training step of the published code: three pairs, the first of a picture with itself."""

    case = "anonygan_training_step"

    def __init__(self):
        size, layout = (64, 64), golden.layout(self.case)
        self.numbers = layout["scalars"]
        states = {name: golden.state(keys) for name, keys in layout["manifests"].items()}
        self.model = published_generator(states["G"], dropout=0.0)
        self.d_app, self.d_lm = AppearanceDiscriminator(), LandmarkDiscriminator()
        self.d_app.load_state_dict(layouts.patch_discriminator(states["D_gan"]))
        self.d_lm.load_state_dict(layouts.patch_discriminator(states["D_pose"]))
        self.condition = golden.images(f"{self.case}/condition", 3, 3, *size)
        self.source = golden.images(f"{self.case}/source", 3, 3, *size)
        self.condition_landmarks, self.source_landmarks = (
            golden.landmarks(f"{self.case}/{which}_landmarks", 3, 68, *size)
            for which in ("condition", "source")
        )
        self.source[0], self.source_landmarks[0] = self.condition[0], self.condition_landmarks[0]
        self.same = torch.tensor([True, False, False])
        self.mask = torch.zeros(3, 1, *size)
        self.mask[:, :, 16:48, 16:48] = 1
        self.fake = self.model(
            self.condition, self.source, self.condition_landmarks, self.source_landmarks, self.mask
        ).image

    def generator_losses(self):
        adversarial = AdversarialLoss("bce")
        matching = WeakFeatureMatchingLoss(first_layer=1, weight=0.8)
        real, fake = (self.d_app(x, self.condition) for x in (self.source, self.fake))
        pasted = paste(self.fake, self.source, self.mask)
        recon = reconstruction_loss(pasted, self.source, selected=self.same)
        return {
            "g_app": adversarial.generator(fake[-1]),
            "g_landmark": adversarial.generator(self.d_lm(self.fake, self.source_landmarks)[-1]),
            "g_wfm_all_layers": matching(fake[:-1], real[:-1]),
            "g_recon_composited_same": recon,
        }

    def other_losses(self):
        """Terms of the paper that the published code does not use, from the same pass."""
        real, fake = (self.d_app(x, self.condition)[:-1] for x in (self.source, self.fake))
        losses = {"g_recon_same": reconstruction_loss(self.fake, self.source, selected=self.same)}
        for i in range(5):
            matching = WeakFeatureMatchingLoss(first_layer=i + 1, last_layer=i + 1)
            losses[f"wfm_layer_{i}"] = matching(fake, real)
            losses[f"wfm_layer_{i}_different_pairs"] = matching(fake, real, selected=~self.same)
        return losses

    def discriminator_losses(self):
        adversarial, fake = AdversarialLoss("bce"), self.fake.detach()
        return {
            name: adversarial.discriminator(
                discriminator(self.source, given)[-1], discriminator(fake, given)[-1]
            )
            for name, discriminator, given in (
                ("d_app", self.d_app, self.condition),
                ("d_landmark", self.d_lm, self.source_landmarks),
            )
        }


@pytest.fixture(scope="module")
def step() -> PublishedStep:
    return PublishedStep()


def test_the_published_step_s_picture(step):
    expected = golden.expected(step.case)["fake"]
    torch.testing.assert_close(step.fake, expected, rtol=0, atol=3e-4)


def test_the_published_step_s_losses(step):
    with torch.no_grad():
        losses = step.generator_losses() | step.other_losses() | step.discriminator_losses()
    found = {name: value.item() for name, value in losses.items()}
    wanted = {name: value for name, value in step.numbers.items() if name in found}
    assert found == pytest.approx(wanted, abs=1e-5)
    left = step.numbers.keys() - wanted.keys()
    assert all(name.startswith(("grad_norm/", "g_total")) for name in left)


def test_the_published_step_s_gradients(step):
    losses = step.generator_losses()
    total = sum(losses.values()) + 9 * losses["g_recon_composited_same"]
    assert total.item() == pytest.approx(step.numbers["g_total_reference_code"], abs=1e-5)
    total.backward()
    norms = {k: p.grad.norm().item() for k, p in step.model.generator.named_parameters()}
    ours = {
        "stream1_down.1.weight": "appearance_encoder.stem.weight",
        "stream2_down.1.weight": "shape_encoder.stem.conv.weight",
        "att.0.gcn.conv_state.weight": "blocks.0.reasoning.state.lin.weight",
        "att.5.gcn.gcn1.conv1.weight": "blocks.5.reasoning.nodes.0.adjacency",
        "stream1_up.7.weight": "image_head.to_image.weight",
        "conv_att3.weight": "attention_head.up.2.weight",
    }
    for published, mine in ours.items():
        expected = step.numbers[f"grad_norm/{published}"]
        assert norms[mine] == pytest.approx(expected, rel=1e-3), mine
    # The gradient of the attention over one-hot maps is rounding noise, as published.
    assert norms["landmark_attention.gate.conv.weight"] < 1e-5
