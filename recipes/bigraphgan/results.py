"""Results of BiGraphGAN for pairs of images."""

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.data import PersonBatch
from graphgan.models import BiGraphGAN, GeneratorOutput


@torch.no_grad()
def pose(model: BiGraphGAN, batch: PersonBatch) -> GeneratorOutput:
    """The persons in their targets' poses, in [-1, 1]; the model must be in eval mode."""
    output = model.eval()(batch.image, batch.joints, batch.target_joints)
    return output._replace(image=output.image.float().clamp(-1, 1))


def posed(model: BiGraphGAN, batch: PersonBatch) -> Float[Tensor, "b 3 h w"]:
    """Only the images."""
    return pose(model, batch).image
