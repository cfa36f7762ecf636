"""BiGraphGAN's training objective.

Source: [B] Tang et al., "Bipartite Graph Reasoning GANs for Person Image Generation", BMVC 2020,
section 2.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from graphgan.data import PersonBatch
from graphgan.landmarks import gaussian_maps, pose_mask
from graphgan.losses import (
    AdversarialLoss,
    FeatureLoss,
    PerceptualLoss,
    reconstruction_loss,
    vgg19_features,
)
from graphgan.models import FeatureNetwork, GeneratorOutput
from graphgan.training import HistoryPool, Losses, check_not_negative

DISCRIMINATORS = ("app", "pose")


@dataclass(frozen=True)
class LossOptions:
    """Terms of the objective. The defaults are those published for Market-1501."""

    adversarial: Literal["bce", "lsgan", "hinge"] = "bce"
    """Adversarial loss of both discriminators (lsgan as published for DeepFashion)."""
    weight_gan: float = 5.0
    """Weight of the adversarial terms of both discriminators."""
    weight_l1: float = 10.0
    """Weight of the L1 loss."""
    l1_outside: float = 1.0
    """Weight of pixels outside the person's pose mask in the L1 loss (1 as published). Lower it if
    large, unpredictable backgrounds dominate the loss."""
    weight_perceptual: float = 10.0
    """Weight of the perceptual loss."""
    perceptual: Literal["vgg19", "lite0", "none"] = "vgg19"
    """Feature network of the perceptual loss: VGG-19 (see --vgg19), EfficientNet-lite0 applied to
    the person (not in the paper), or "none" to train without this loss."""
    history: int = 50
    """Size of each discriminator's pool of earlier generated images (0 as published for
    DeepFashion)."""

    def __post_init__(self) -> None:
        check_not_negative(self)

    @property
    def is_perceptual(self) -> bool:
        return self.perceptual != "none" and self.weight_perceptual > 0


class BiGraphGANObjective:
    """Losses of the generator against an ``app`` and a ``pose`` discriminator.

    ``app`` judges whether an image shows the person of the given image, ``pose`` whether it shows
    the target pose. The generator's loss is the sum of ``weight_gan (G_app + G_pose)``,
    ``weight_l1 |output - target|`` and ``weight_perceptual |f(output) - f(target)|``.

    Args:
        options: weights and variants of the terms.
        sigma: standard deviation in pixels of the pose maps that the ``pose`` discriminator sees.
        features: of the perceptual loss; None for none. Those of a `FeatureNetwork` count as pixels
            do, less outside the person.
    """

    def __init__(
        self, options: LossOptions, *, sigma: float = 6.0, features: nn.Module | None = None
    ) -> None:
        self.options = options
        self.sigma = sigma
        self.adversarial = AdversarialLoss(options.adversarial)
        self.network = features if isinstance(features, FeatureNetwork) else None
        self.feature_loss = FeatureLoss()
        vgg = None if isinstance(features, FeatureNetwork) else features
        self.perceptual = None if vgg is None else PerceptualLoss(vgg)
        self.pools = {name: HistoryPool(options.history) for name in DISCRIMINATORS}

    def generate(self, generator: nn.Module, batch: PersonBatch) -> GeneratorOutput:
        """Render the person of the image in the target's pose."""
        output: GeneratorOutput = generator(batch.image, batch.joints, batch.target_joints)
        return output

    def generator_losses(
        self, discriminators: Mapping[str, nn.Module], batch: PersonBatch, output: GeneratorOutput
    ) -> Losses:
        """Adversarial terms, L1 loss and perceptual loss."""
        options = self.options
        losses: Losses = {}
        for name in DISCRIMINATORS:
            logits = discriminators[name](_beside(output.image, self._given(name, batch)))
            losses[f"g_{name}"] = options.weight_gan * self.adversarial.generator(logits.float())
        return losses | self._likeness(batch, output)

    def _likeness(self, batch: PersonBatch, output: GeneratorOutput) -> Losses:
        """What pixels and features say of the difference from the target."""
        options, region = self.options, self._region(batch)
        l1 = reconstruction_loss(output.image.float(), batch.target, region=region)
        losses = {"g_l1": options.weight_l1 * l1}
        seen = self._perceptual(batch, output, region)
        if seen is not None:
            losses["g_perceptual"] = options.weight_perceptual * seen.float()
        return losses

    def _perceptual(
        self, batch: PersonBatch, output: GeneratorOutput, region: Tensor | None
    ) -> Tensor | None:
        image, target = output.image.float(), batch.target
        if self.perceptual is not None:
            seen: Tensor = self.perceptual.to(image.device)(image, target)
            return seen
        if self.network is None:
            return None
        network = self.network.to(image.device)
        with torch.no_grad():
            wanted = network(target)
        return self.feature_loss(network(image), wanted, region=region)

    def discriminator_losses(
        self, name: str, discriminator: nn.Module, batch: PersonBatch, output: GeneratorOutput
    ) -> Losses:
        """Real and generated images pass in separate calls, the latter from the pool."""
        given = self._given(name, batch)
        generated = self.pools[name](_beside(output.image, given))
        real = discriminator(_beside(batch.target, given)).float()
        fake = discriminator(generated).float()
        return {f"d_{name}": self.adversarial.discriminator(real, fake)}

    def state_dict(self) -> dict[str, Any]:
        """State needed to resume: the pools.

        If several processes share a batch, each has its own pools; those of the first are saved and
        given to all when resuming.
        """
        return {name: pool.state_dict() for name, pool in self.pools.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned.

        Raises:
            KeyError, ValueError: of other discriminators or larger pools.
        """
        for name, pool in self.pools.items():
            pool.load_state_dict(state[name])

    def _region(self, batch: PersonBatch) -> Tensor | None:
        """Weights of the pixels in the absolute difference."""
        if self.options.l1_outside == 1:
            return None
        mask = pose_mask(batch.target_joints, (batch.target.shape[2], batch.target.shape[3]))
        return torch.lerp(
            torch.full_like(mask, self.options.l1_outside), torch.ones_like(mask), mask
        )

    def _given(self, name: str, batch: PersonBatch) -> Tensor:
        """What a discriminator sees beside an image: the given one, or maps of the wanted pose."""
        if name == "app":
            return batch.image
        size = (batch.target.shape[2], batch.target.shape[3])
        return gaussian_maps(batch.target_joints, size, sigma=self.sigma)


def _beside(image: Tensor, given: Tensor) -> Tensor:
    return torch.cat([image.float(), given], dim=1)


def perceptual_features(options: LossOptions, weights: Path | None = None) -> nn.Module | None:
    """The feature network of the perceptual loss that the options select.

    Args:
        options: whether to use such a loss.
        weights: VGG-19 weights file; None uses an installed torchvision.
    Raises:
        MissingExtraError: the package with the weights of EfficientNet-lite0 is not installed.
        ValueError: neither a file of VGG-19 nor torchvision; the message names the way without.
    """
    if not options.is_perceptual:
        return None
    if options.perceptual == "lite0":
        return FeatureNetwork.efficientnet_lite("lite0")
    if weights is not None and not weights.is_file():
        raise ValueError(f"--vgg19 {weights}: no such file; expected weights of VGG-19")
    try:
        return vgg19_features(weights)
    except ValueError as error:
        raise ValueError(f"{error} (--vgg19 FILE); or train without: --perceptual none") from error
