"""Results of CIAGAN, and baselines that need no network."""

import torch
from identity_batch import IdentityBatch
from jaxtyping import Float
from torch import Tensor

from graphgan.anonymize import blur_faces, give_identity
from graphgan.landmarks import paste
from graphgan.models import CIAGANGenerator


def replaced(
    model: CIAGANGenerator, batch: IdentityBatch, *, chunk_size: int = 32
) -> Float[Tensor, "b 3 h w"]:
    """The sources with the requested people in their holes, processed in chunks."""
    columns = (batch.source, batch.landmarks, batch.identity)
    return torch.cat(
        [
            give_identity(model, source, landmarks, identity)
            for source, landmarks, identity in zip(
                *(column.split(chunk_size) for column in columns), strict=True
            )
        ]
    )


def wanted_pasted(batch: IdentityBatch) -> Float[Tensor, "b 3 h w"]:
    """An image of the requested person as it is: right identity, wrong pose."""
    return paste(batch.wanted, batch.source, batch.mask)


def source_blurred(batch: IdentityBatch) -> Float[Tensor, "b 3 h w"]:
    """Blur the source inside the mask, with sigma a sixteenth of the side."""
    size = batch.source.shape[-1]
    return blur_faces(batch.source, batch.mask, kernel_size=size // 8 * 2 + 1, sigma=size / 16)
