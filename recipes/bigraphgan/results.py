"""What BiGraphGAN makes of pairs of pictures, and what needs no network."""

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.data.batches import to_float_image
from graphgan.data.person_batch import PersonBatch
from graphgan.data.pictures import PictureDataset
from graphgan.models import BiGraphGAN


@torch.no_grad()
def posed(
    model: BiGraphGAN, batch: PersonBatch, *, chunk_size: int = 32
) -> Float[Tensor, "b 3 h w"]:
    """The persons in the poses of their targets, a chunk at a time; the model in eval mode."""
    chunks = zip(
        *(column.split(chunk_size) for column in (batch.image, batch.joints, batch.target_joints)),
        strict=True,
    )
    return torch.cat([model.eval()(*chunk).image.float().clamp(-1, 1) for chunk in chunks])


def mean_picture(pictures: PictureDataset) -> Float[Tensor, "3 h w"]:
    """The mean of all pictures, in [-1, 1]."""
    total = torch.zeros(3, *pictures.size)
    for i in range(len(pictures)):
        total += to_float_image(pictures[i].image)
    return total / len(pictures)
