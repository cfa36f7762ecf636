"""One training step of the published AnonyGAN: three pairs, the first of a picture with itself."""

from functools import cache

import torch
from torch import Tensor, nn

import golden
from golden.edges import pass_messages
from graphgan.landmarks import paste
from graphgan.losses import AdversarialLoss, WeakFeatureMatchingLoss, reconstruction_loss
from graphgan.models.published import load_published

GRADIENTS = {
    "stream1_down.1.weight": "appearance_encoder.stem.weight",
    "stream2_down.1.weight": "shape_encoder.stem.conv.weight",
    "att.0.gcn.conv_state.weight": "blocks.0.reasoning.state.lin.weight",
    "att.5.gcn.gcn1.conv1.weight": "blocks.5.reasoning.nodes.0.adjacency",
    "stream1_up.7.weight": "image_head.to_image.weight",
    "conv_att3.weight": "attention_head.up.2.weight",
}
"""Published keys whose gradients' norms are known, and ours."""


@cache
def _states(case: str) -> dict[str, dict[str, Tensor]]:
    manifests = golden.layout(case)["manifests"]
    return {name: golden.state(keys) for name, keys in manifests.items()}


class PublishedStep:
    """The networks, the batch and what the generator makes of it; losses on demand.

    Args:
        edges: message passing over complete edge lists in place of the dense path.
    """

    case = "anonygan_training_step"

    def __init__(self, edges: bool = False) -> None:
        size, layout = (64, 64), golden.layout(self.case)
        self.numbers = layout["scalars"]
        states = _states(self.case)
        self.model, self.d_app, self.d_lm = (
            load_published(kind, states[name]).train()
            for name, kind in (
                ("G", "anonygan_generator"),
                ("D_gan", "anonygan_appearance_discriminator"),
                ("D_pose", "anonygan_landmark_discriminator"),
            )
        )
        for layer in self.model.modules():
            if isinstance(layer, nn.Dropout):
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

    def generator_losses(self) -> dict[str, Tensor]:
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

    def other_losses(self) -> dict[str, Tensor]:
        """Terms of the paper that the published code does not use, from the same pass."""
        real, fake = (self.d_app(x, self.condition)[:-1] for x in (self.source, self.fake))
        losses = {"g_recon_same": reconstruction_loss(self.fake, self.source, selected=self.same)}
        for i in range(5):
            matching = WeakFeatureMatchingLoss(first_layer=i + 1, last_layer=i + 1)
            losses[f"wfm_layer_{i}"] = matching(fake, real)
            losses[f"wfm_layer_{i}_different_pairs"] = matching(fake, real, selected=~self.same)
        return losses

    def discriminator_losses(self) -> dict[str, Tensor]:
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

    def gradient_norms(self) -> dict[str, float]:
        """Of the published total, by our names of the generator's parameters."""
        losses = self.generator_losses()
        total = sum(losses.values()) + 9 * losses["g_recon_composited_same"]
        self.model.zero_grad()
        total.backward(retain_graph=True)
        parameters = self.model.generator.named_parameters()
        return {"total": total.item()} | {k: p.grad.norm().item() for k, p in parameters}
