"""An identity network trained alongside the generator, on the people of the training set only.

Not in the paper; the terms are those of [C] Maximov et al., "CIAGAN", CVPR 2020, section 3.3.
"""

import torch
from torch import Tensor, nn

from graphgan.data import FaceBatch
from graphgan.losses import contrastive_loss


def identity_loss(network: nn.Module, batch: FaceBatch, result: Tensor) -> Tensor:
    """Near the condition; near the source too where that is the same person, else far from it."""
    made = network(middle(result)).float()
    with torch.no_grad():
        condition, source = (network(middle(x)).float() for x in (batch.condition, batch.source))
    near = contrastive_loss(made, condition, torch.ones_like(batch.same_person))
    return near + contrastive_loss(made, source, batch.same_person)


def told_apart(network: nn.Module, batch: FaceBatch) -> Tensor:
    """What the network minimizes itself: people keep a distance, images of one meet."""
    source, condition = (network(middle(x)).float() for x in (batch.source, batch.condition))
    return contrastive_loss(source, condition, batch.same_person)


def middle(images: Tensor) -> Tensor:
    """The half of the height and width where a prepared face has eyes, nose and mouth.

    Hair and background would tell the people of these images apart as well.
    """
    height, width = images.shape[2:]
    return images[..., height // 4 : height - height // 4, width // 4 : width - width // 4]
