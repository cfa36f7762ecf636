"""The columns of CIAGAN's sample sheets."""

import torch
from identity_batch import IdentityBatch
from torch import Tensor

from graphgan.landmarks.masks import paste
from graphgan.models import CIAGANGenerator


@torch.no_grad()
def sheet_columns(model: CIAGANGenerator, batch: IdentityBatch) -> dict[str, Tensor]:
    """What goes in, what comes out, and what is pasted; the model in eval mode."""
    made = model.eval()(batch.drawing, batch.masked, batch.identity).float() * 2 - 1
    return {
        "source": batch.source,
        "drawing": batch.drawing * 2 - 1,
        "masked": batch.masked * 2 - 1,
        "generated": made,
        "pasted": paste(made, batch.source, batch.mask),
    }
