"""The published configurations give the published code's numbers, to rounding."""

from collections.abc import Iterator

import golden
import pytest
import torch
from golden.edges import pass_messages

from graphgan.landmarks.masks import paste
from graphgan.layers import landmark_stem
from graphgan.losses import AdversarialLoss, WeakFeatureMatchingLoss, reconstruction_loss
from graphgan.models import discriminators
from graphgan.models.published import load_published


@torch.no_grad()
def test_the_published_patch_discriminator():
    case = "anonygan_discriminator"
    state = golden.state(golden.layout(case))
    discriminator = load_published("anonygan_appearance_discriminator", state)
    image, condition = golden.images(f"{case}/input", 2, 6, 64, 64).chunk(2, dim=1)
    features = discriminator(image, condition)
    expected = golden.expected(case)
    for i, feature in enumerate(features):
        kept = feature[:, ::8] if i < 5 else feature
        torch.testing.assert_close(kept, expected[f"feature_{i}"], rtol=0, atol=2e-5)


class PublishedStep:
    """One training step of the published code: three pairs, the first of a picture with itself."""

    case = "anonygan_training_step"

    def __init__(self, edges: bool = False):
        size, layout = (64, 64), golden.layout(self.case)
        self.numbers = layout["scalars"]
        states = {name: golden.state(keys) for name, keys in layout["manifests"].items()}
        self.model, self.d_app, self.d_lm = (
            load_published(kind, states[name]).train()
            for name, kind in (
                ("G", "anonygan_generator"),
                ("D_gan", "anonygan_appearance_discriminator"),
                ("D_pose", "anonygan_landmark_discriminator"),
            )
        )
        for layer in self.model.modules():
            if isinstance(layer, torch.nn.Dropout):
                layer.p = 0.0
        if edges:
            pass_messages(self.model)
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


@pytest.fixture(scope="module", params=["coordinates", "dense maps", "message passing"])
def step(request) -> Iterator[PublishedStep]:
    """The step by each of the ways that lead to the same numbers."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "dense maps":
            for room in (landmark_stem, discriminators):
                patch.setattr(room, "has_sparse_convolution", lambda *args: False)
        yield PublishedStep(edges=request.param == "message passing")


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
