"""Random faces for every case, and networks whose numbers stay finite on them."""

from typing import cast

import torch
from torch import Tensor, nn

from graphgan.data import FaceBatch, PairKind
from graphgan.landmarks import one_hot_maps
from graphgan.layers import BipartiteReasoning
from graphgan.models import AnonyGAN


def faces(batch: int, size: int, device: torch.device) -> FaceBatch:
    """Random pictures and landmarks; the first pair is of one picture."""
    torch.manual_seed(1)
    condition, source = 2 * torch.rand(2, batch, 3, size, size, device=device) - 1
    points = (size - 1) * torch.rand(2, batch, 68, 2, device=device)
    mask = torch.zeros(batch, 1, size, size, device=device)
    mask[:, :, size // 4 : 3 * size // 4, size // 4 : 3 * size // 4] = 1
    kind = torch.full((batch,), PairKind.DIFFERENT, device=device)
    kind[0] = PairKind.SAME_IMAGE
    source[0], points[1, 0] = condition[0], points[0, 0]
    return FaceBatch(condition, source, points[0].round(), points[1].round(), mask, kind)


def all_maps(given: FaceBatch) -> Tensor:
    """The maps of both sets of landmarks, as the published code reads them."""
    size = (given.source.shape[2], given.source.shape[3])
    points = torch.cat([given.condition_landmarks, given.source_landmarks], dim=1)
    return one_hot_maps(points, size).contiguous()


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def calibrated(model: AnonyGAN, given: FaceBatch) -> AnonyGAN:
    """With statistics of these codes: nothing else bounds them, block after block, at random
    weights."""
    for module in model.modules():
        if isinstance(module, BipartiteReasoning):  # both directions share its norm's statistics
            nn.init.constant_(cast(Tensor, module.norm.weight), 0.05)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    model.train()(*given[:5])
    for norm in norms:
        norm.momentum = 0.1
    return model.eval()
