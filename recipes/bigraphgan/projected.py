"""BiGraphGAN's objective with projected discriminators.

Sources: [B] Tang et al., BMVC 2020, section 2.5, whose terms are here in another form; Sauer et
al., "Projected GANs Converge Faster", NeurIPS 2021.

One pass of the feature network over the result, and one over target and given image, serve all
terms.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from objective import DISCRIMINATORS, BiGraphGANObjective, LossOptions
from torch import Tensor, nn

from graphgan.data import PersonBatch
from graphgan.models import FeatureNetwork
from graphgan.training import (
    Conditioning,
    Losses,
    projected_discriminator_losses,
    projected_generator_loss,
)


class Judged(NamedTuple):
    """A generator's output, and what discriminators and the feature loss look at.

    Shapes:
        ``fake, real``: features of result and target; ``given: b c``, the last ones of the given
        image
    """

    image: Tensor
    attention: Tensor | None
    intermediate: Tensor
    fake: tuple[Tensor, ...]
    real: tuple[Tensor, ...]
    given: Tensor


class ProjectedObjective(BiGraphGANObjective):
    """Losses of the generator against ``app`` and ``pose`` discriminators on one feature network.

    ``app`` sees features beside the last ones of the given image, ``pose`` beside the wanted
    joints; it learns as well what targets beside the joints of others look like. Each sees what the
    generator has just made: there is no pool of earlier images.

    Args:
        options: weights and variants of the terms.
        network: the feature network of the discriminators.
        features: feature network of the perceptual loss, None for no such loss. The same network
            runs only once.
    """

    def __init__(
        self, options: LossOptions, network: FeatureNetwork, *, features: nn.Module | None = None
    ) -> None:
        super().__init__(options, features=features)
        self.judge = network

    def generate(self, generator: nn.Module, batch: PersonBatch) -> Judged:  # type: ignore[override]
        output = super().generate(generator, batch)
        network, count = self.judge.to(batch.image.device), len(batch.image)
        with torch.no_grad():
            seen = network(torch.cat([batch.target, batch.image]))
        return Judged(
            *output,
            fake=tuple(network(output.image.float())),
            real=tuple(maps[:count] for maps in seen),
            given=seen[-1][count:].mean((2, 3)),
        )

    def generator_losses(  # type: ignore[override]
        self, discriminators: Mapping[str, nn.Module], batch: PersonBatch, output: Judged
    ) -> Losses:
        """Adversarial terms, absolute difference, perceptual loss."""
        losses: Losses = {}
        for name in DISCRIMINATORS:
            scales = _conditioning(name, batch, output).look(discriminators[name], output.fake)
            losses[f"g_{name}"] = self.options.weight_gan * projected_generator_loss(
                self.adversarial, scales
            )
        return losses | self._likeness(batch, output)

    def discriminator_losses(  # type: ignore[override]
        self, name: str, discriminator: nn.Module, batch: PersonBatch, output: Judged
    ) -> Losses:
        """See `projected_discriminator_losses`."""
        return projected_discriminator_losses(
            name,
            discriminator,
            self.adversarial,
            real=output.real,
            fake=output.fake,
            conditioning=_conditioning(name, batch, output),
            show_wrong=name == "pose",
        )

    def _perceptual(self, batch: PersonBatch, output: Any, region: Tensor | None) -> Tensor | None:
        if self.network is not self.judge:
            return super()._perceptual(batch, output, region)
        return self.feature_loss(output.fake, output.real, region=region)

    def state_dict(self) -> dict[str, Any]:
        """Empty: there are no pools."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Does nothing: there is no state."""


def _conditioning(name: str, batch: PersonBatch, output: Judged) -> Conditioning:
    """What a discriminator sees beside features: the given image's, or the wanted joints."""
    if name == "app":
        return Conditioning(condition=output.given)
    size = (batch.target.shape[2], batch.target.shape[3])
    return Conditioning(landmarks=batch.target_joints, size=size)
