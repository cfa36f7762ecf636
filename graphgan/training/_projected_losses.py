"""Inputs and losses of discriminators that see the features of a trained network.

Sources: Sauer et al., "Projected GANs Converge Faster", NeurIPS 2021; [R] Reed et al., "Generative
Adversarial Text to Image Synthesis", ICML 2016, section 4.2 (real images with the wrong landmarks).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan.landmarks import between_shapes
from graphgan.losses import AdversarialLoss
from graphgan.training._step import Losses

_Scales = list[list[Tensor]]  # of each scale the maps of its head, then the logits


class Conditioning(NamedTuple):
    """What a `ProjectedDiscriminator` sees besides features: landmarks or a condition.

    Shapes:
        ``landmarks: b k 2`` in pixels of an image of ``size``; ``condition: b c``
    """

    landmarks: Tensor | None = None
    size: tuple[int, int] | None = None
    condition: Tensor | None = None

    def look(
        self, discriminator: nn.Module, features: Sequence[Float[Tensor, "b _ _ _"]]
    ) -> _Scales:
        """Outputs of the discriminator for the features and this input."""
        scales: _Scales = discriminator(features, **self._asdict())
        return scales

    def wrong(self) -> "Conditioning":
        """Landmarks of another item, aligned to the item's own: another pose in the same place
        ([R])."""
        if self.landmarks is None:
            raise ValueError("expected landmarks to swap between items, got none")
        others = between_shapes(self.landmarks.roll(1, 0), self.landmarks, share=0.0)
        return self._replace(landmarks=others)


def projected_generator_loss(adversarial: AdversarialLoss, scales: _Scales) -> Float[Tensor, ""]:
    """The generator's adversarial term, averaged over all scales."""
    return _mean([adversarial.generator(scale[-1].float()) for scale in scales])


def projected_discriminator_losses(
    name: str,
    discriminator: nn.Module,
    adversarial: AdversarialLoss,
    *,
    real: Sequence[Float[Tensor, "b _ _ _"]],
    fake: Sequence[Float[Tensor, "b _ _ _"]],
    conditioning: Conditioning,
    show_wrong: bool = False,
) -> Losses:
    """The discriminator's terms, each averaged over all scales.

    All kinds of images pass in one call, so that processes agree on one backward pass.

    Args:
        name: name of the discriminator.
        real, fake: feature maps of a network, one per scale.
        conditioning: what the discriminator sees besides the features, for real and fake alike.
        show_wrong: also learn that real images with other items' landmarks are not real.
    Returns:
        ``d_NAME``; with ``show_wrong`` ``d_NAME_wrong``; ``told_NAME``, the share of items whose
        real image it finds more real than the generated one, without gradient.
    """
    kinds, shown = [real, fake], [conditioning, conditioning]
    if show_wrong:
        kinds.append(real)
        shown.append(conditioning.wrong())
    count = len(real[0])
    features = [torch.cat(maps) for maps in zip(*kinds, strict=True)]
    logits = [
        torch.split(scale[-1].float(), count)
        for scale in _joined(shown).look(discriminator, features)
    ]
    losses = {f"d_{name}": _mean([adversarial.discriminator(x[0], x[1]) for x in logits])}
    if show_wrong:
        wrong = [adversarial.discriminator(x[0], x[2]) for x in logits]
        losses[f"d_{name}_wrong"] = _mean(wrong)
    with torch.no_grad():
        told = [(_by_item(x[0]) > _by_item(x[1])).float().mean() for x in logits]
        losses[f"told_{name}"] = _mean(told)
    return losses


def _joined(shown: list[Conditioning]) -> Conditioning:
    def joined(parts: list[Tensor | None]) -> Tensor | None:
        there = [part for part in parts if part is not None]
        return torch.cat(there) if there else None

    return Conditioning(
        landmarks=joined([one.landmarks for one in shown]),
        size=shown[0].size,
        condition=joined([one.condition for one in shown]),
    )


def _by_item(logits: Tensor) -> Float[Tensor, "b"]:
    return logits.flatten(1).mean(1)


def _mean(values: list[Tensor]) -> Float[Tensor, ""]:
    return torch.stack(values).mean()
