"""Columns of AnonyGAN's sample sheets."""

import torch
from results import anonymized
from torch import Tensor

from graphgan.data import FaceBatch
from graphgan.models import AnonyGAN


@torch.no_grad()
def sheet_columns(model: AnonyGAN, batch: FaceBatch) -> dict[str, Tensor]:
    """Input, output and pasted result of a batch; the model must be in eval mode.

    Args:
        model: AnonyGAN.
        batch: with all landmarks.
    """
    output = model.eval()(*batch.for_network(model.generator.num_landmarks)[:5])
    columns = {
        "condition": batch.condition,
        "source": batch.source,
        "context": batch.source * (1 - batch.mask),
        "generated": output.image,
        "pasted": anonymized(model, batch),
    }
    if output.attention is None:
        return columns
    maps = output.attention.split(1, dim=1)
    names = ["attention"] if len(maps) == 1 else ["of generated", "of given"]
    return columns | dict(zip(names, maps, strict=True))
