"""Places where persons may be: from the numbers of a network to one place for each person."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

_NUMBERS = 12  # of a place: middle, width and height of a box, four points (x, y)
_HIPS, _REACH, _SHOULDERS = 4, 6, 8  # where these points begin among them; the fourth is not used
# Shoulders that are closer, for the distance from the hips to the end of the body, are those of one
# person. Of two who stand side by side they are half of it apart.
_SAME = 0.3


class Candidates(NamedTuple):
    """Where persons may be, the surest first, in pixels.

    Args:
        scores: in [0, 1].
        places: the middle of the hips, and a point above as far away as the body reaches.
        shoulders: their middle.
    """

    scores: Float[Tensor, "n"]
    places: Float[Tensor, "n 2 2"]
    shoulders: Float[Tensor, "n 2"]


def decode(outputs: Sequence[Float[Tensor, "1 _ _ _"]], side: int, threshold: float) -> Candidates:
    """All places that are sure enough, in pixels of the network's input.

    A cell of an output map holds several places, each with `_NUMBERS` numbers relative to the
    middle of the cell.

    Args:
        outputs: three maps of numbers, then three maps of logits.
        side: of the input, in pixels.
    """
    half = len(outputs) // 2
    numbers, logits = [], []
    for regressed, sure in zip(outputs[:half], outputs[half:], strict=True):
        count, cells = sure.shape[1:3]
        middles = (torch.arange(cells) + 0.5) * (side / cells)
        y, x = torch.meshgrid(middles, middles, indexing="ij")
        corner = torch.stack([x, y], dim=2).repeat(1, 1, _NUMBERS // 2)
        each = regressed[0].cpu().view(count, _NUMBERS, cells, cells).permute(0, 2, 3, 1)
        numbers.append((each + corner).reshape(-1, _NUMBERS))
        logits.append(sure[0].cpu().reshape(-1))
    scores, order = torch.cat(logits).sigmoid().sort(descending=True, stable=True)
    found = torch.cat(numbers)[order[scores > threshold]]
    points = [found[:, i : i + 2] for i in (_HIPS, _REACH, _SHOULDERS)]
    return Candidates(scores[: len(found)], torch.stack(points[:2], dim=1), points[2])


def merge(found: Candidates, most: int) -> Candidates:
    """One place for each person: the mean of those that are the same, weighted by their scores."""
    left = torch.ones(len(found.scores), dtype=torch.bool)
    reach = (found.places[:, 1] - found.places[:, 0]).norm(dim=1)
    merged = []
    while left.any() and len(merged) < most:
        first = int(left.nonzero()[0])
        same = (found.shoulders - found.shoulders[first]).norm(dim=1) < _SAME * reach[first]
        same &= left
        same[first] = True
        weights = found.scores[same] / found.scores[same].sum()
        place = (weights[:, None, None] * found.places[same]).sum(0)
        merged.append((found.scores[first], place, found.shoulders[first]))
        left &= ~same
    if not merged:
        return found
    return Candidates(*(torch.stack(values) for values in zip(*merged, strict=True)))
