"""Of several boxes of one face, the surest one."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

# A box is the face of a surer one if they share so much of both together, or so much of the smaller
# one and neither is much larger: a face on a poster behind a head is not that head.
_SAME_UNION, _SAME_SMALLER, _SAME_SIZE = 0.3, 0.6, 2.0


def suppress(boxes: Float[Tensor, "n 4"], scores: Float[Tensor, "n"]) -> Int[Tensor, "k"]:
    """Non-maximum suppression: indices of the boxes that stay, the surest first."""
    order = scores.argsort(descending=True, stable=True)
    same = _same_face(boxes[order])
    kept = torch.ones(len(order), dtype=torch.bool)
    for i in range(len(order)):
        if kept[i]:
            kept[i + 1 :] &= ~same[i, i + 1 :]
    return order[kept]


def _same_face(boxes: Float[Tensor, "n 4"]) -> Bool[Tensor, "n n"]:
    low = torch.maximum(boxes[:, None, :2], boxes[:, :2])
    high = torch.minimum(boxes[:, None, 2:], boxes[:, 2:])
    common = (high - low).clamp(min=0).prod(2)
    areas = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)
    smaller = torch.minimum(areas[:, None], areas)
    larger = torch.maximum(areas[:, None], areas)
    union = common / (areas[:, None] + areas - common)
    near = larger <= smaller * _SAME_SIZE**2
    return (union > _SAME_UNION) | (near & (common / smaller > _SAME_SMALLER))
