"""Columns of CIAGAN's sample sheets."""

import torch
from identity_batch import IdentityBatch
from results import replaced
from torch import Tensor
from torch.nn.functional import interpolate

from graphgan.models import CIAGANGenerator


@torch.no_grad()
def sheet_columns(model: CIAGANGenerator, batch: IdentityBatch) -> dict[str, Tensor]:
    """Input, output and pasted result of a batch; the model must be in eval mode."""
    size = (batch.source.shape[2], batch.source.shape[3])
    made = model.eval()(batch.drawing, batch.masked, batch.identity).float()
    drawing, masked, made = (
        interpolate(images, size, mode="bilinear", antialias=True) * 2 - 1
        for images in (batch.drawing, batch.masked, made)
    )
    return {
        "source": batch.source,
        "drawing": drawing,
        "masked": masked,
        "generated": made,
        "pasted": replaced(model, batch),
    }
