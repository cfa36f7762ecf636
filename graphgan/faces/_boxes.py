"""Non-maximum suppression: keep one box per face."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

# A box shows the same face as a more confident one if they share this much of their union, or of
# the smaller one, and neither is much larger: a face on a poster behind a head is not that head.
_AT_ONCE = 512  # boxes that are compared with all others
_SAME_UNION, _SAME_SMALLER, _SAME_SIZE = 0.3, 0.6, 2.0


def suppress(boxes: Float[Tensor, "n 4"], scores: Float[Tensor, "n"]) -> Int[Tensor, "k"]:
    """Non-maximum suppression: indices of the boxes to keep, most confident first."""
    order = scores.argsort(descending=True, stable=True)
    boxes = boxes[order]
    kept = torch.ones(len(order), dtype=torch.bool)
    for first in range(0, len(order), _AT_ONCE):
        same = _same_face(boxes[first : first + _AT_ONCE], boxes)
        for i, own in enumerate(same, first):
            if kept[i]:
                kept[i + 1 :] &= ~own[i + 1 :]
    return order[kept]


def _same_face(some: Float[Tensor, "k 4"], boxes: Float[Tensor, "n 4"]) -> Bool[Tensor, "k n"]:
    low = torch.maximum(some[:, None, :2], boxes[:, :2])
    high = torch.minimum(some[:, None, 2:], boxes[:, 2:])
    common = (high - low).clamp(min=0).prod(2)
    own, areas = ((b[:, 2:] - b[:, :2]).clamp(min=0).prod(1) for b in (some, boxes))
    smaller = torch.minimum(own[:, None], areas)
    larger = torch.maximum(own[:, None], areas)
    union = common / (own[:, None] + areas - common)
    near = larger <= smaller * _SAME_SIZE**2
    return (union > _SAME_UNION) | (near & (common / smaller > _SAME_SMALLER))
