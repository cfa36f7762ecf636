"""CIAGAN's training objective.

Source: [C] Maximov et al., "CIAGAN: Conditional Identity Anonymization Generative Adversarial
Networks", CVPR 2020, section 3. The reconstruction is not in the paper.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from identity_batch import IdentityBatch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan.landmarks import paste
from graphgan.losses import AdversarialLoss, contrastive_loss, reconstruction_loss
from graphgan.training import Losses, check_not_negative


@dataclass(frozen=True)
class LossOptions:
    """Terms of the objective. The defaults are the paper's."""

    adversarial: Literal["lsgan", "bce", "hinge"] = "lsgan"
    """Adversarial loss of the critic."""
    weight_critic: float = 1.0
    """Weight of the critic."""
    weight_identity: float = 1.0
    """Weight of the identity network."""
    margin: float = 3.0
    """Minimum distance that the identity network keeps between embeddings of two people."""
    weight_recon: float = 0.0
    """Weight of the reconstruction inside the mask, on pairs where the requested identity is the
    source's own (0 in the paper)."""

    def __post_init__(self) -> None:
        check_not_negative(self)
        if self.margin == 0:
            raise ValueError("expected --margin above 0, got 0")


class Result(NamedTuple):
    """The generated image, and the source with it pasted inside the mask; both about [-1, 1]."""

    generated: Float[Tensor, "b 3 h w"]
    image: Float[Tensor, "b 3 h w"]


Count = Callable[[Tensor], Tensor]


class CIAGANObjective:
    """Losses of the generator against a ``critic``, pulled toward the requested identities by an
    ``identity`` network.

    Args:
        options: weights of the terms.
        count: number of selected items per process, averaged over the processes that share the
            batch; by default the process's own count.
    """

    def __init__(self, options: LossOptions, *, count: Count = Tensor.sum) -> None:
        self.options = options
        self.count = count
        self.adversarial = AdversarialLoss(options.adversarial)

    def generate(self, generator: nn.Module, batch: IdentityBatch) -> Result:
        """Show the requested people in the sources' holes."""
        made = generator(batch.drawing, batch.masked, batch.identity).float() * 2 - 1
        return Result(made, paste(made, batch.source, batch.mask))

    def generator_losses(
        self, discriminators: Mapping[str, nn.Module], batch: IdentityBatch, output: Result
    ) -> Losses:
        """The critic's judgment, the distance to the requested person, and reconstruction."""
        options, embed = self.options, discriminators["identity"]
        logits = discriminators["critic"](seen(output.image, batch))[-1].float()
        with torch.no_grad():
            wanted = embed(batch.wanted).float()
        everyone = torch.ones_like(batch.same_person)
        apart = contrastive_loss(embed(output.image).float(), wanted, everyone)
        losses = {
            "g_critic": options.weight_critic * self.adversarial.generator(logits),
            "g_identity": options.weight_identity * apart,
        }
        if options.weight_recon > 0:
            losses["g_recon"] = options.weight_recon * self._reconstruct(batch, output)
        return losses

    def discriminator_losses(
        self, name: str, discriminator: nn.Module, batch: IdentityBatch, output: Result
    ) -> Losses:
        """The critic separates real from generated images, the identity network separates
        people."""
        if name == "identity":
            a, b = discriminator(batch.source).float(), discriminator(batch.wanted).float()
            margin = self.options.margin
            return {"d_identity": contrastive_loss(a, b, batch.same_person, margin=margin)}
        real = discriminator(seen(batch.source, batch))[-1].float()
        fake = discriminator(seen(output.image, batch))[-1].float()
        return {"d_critic": self.adversarial.discriminator(real, fake)}

    def _reconstruct(self, batch: IdentityBatch, output: Result) -> Tensor:
        selected = batch.same_person
        return reconstruction_loss(
            output.generated,
            batch.source,
            selected=selected,
            region=batch.mask,
            count=self.count(selected),
        )


def seen(images: Tensor, batch: IdentityBatch) -> Float[Tensor, "b 6 h w"]:
    """What the critic sees: an image beside the drawing of the source's landmarks."""
    return torch.cat([images, batch.drawing * 2 - 1], dim=1)
