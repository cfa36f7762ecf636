"""Places where persons may be: from the numbers of a network to one place for each person."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_NUMBERS = 12  # of a place: middle, width and height of a box, four points (x, y)
_POINTS = (4, 6, 8)  # where of these hips, end of the body and shoulders begin
_MOST = 4096  # places, which bounds time and memory
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

    def at(self, where: Tensor | slice) -> "Candidates":
        """The places at these indices, or those that a mask chooses."""
        return Candidates(*(values[where] for values in self))

    def in_image(self, scale: Float[Tensor, "2"], corner: Float[Tensor, "2"]) -> "Candidates":
        """In pixels of an image that was scaled so and lies there, from pixels of that square."""
        places, shoulders = ((x - corner) / scale for x in (self.places, self.shoulders))
        return Candidates(self.scores, places, shoulders)


def decode(outputs: Sequence[Float[Tensor, "1 _ _ _"]], side: int, threshold: float) -> Candidates:
    """All places that are sure enough, in pixels of the square that the network was given.

    A cell of an output map holds several places, each with `_NUMBERS` numbers relative to the
    middle of the cell.

    Args:
        outputs: three maps of numbers, then three maps of logits.
        side: of that square, in pixels.
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
    order = order[scores > threshold][:_MOST]
    hips, reach, shoulders = (torch.cat(numbers)[order, i : i + 2] for i in _POINTS)
    return Candidates(scores[: len(order)], torch.stack([hips, reach], dim=1), shoulders)


def merge(found: Candidates) -> Candidates:
    """One place for each person: the mean of those that are the same, weighted by their scores."""
    left, merged = found, []
    while len(left.scores):
        same = same_person(left, left.at(slice(1)))
        weights = left.scores[same] / left.scores[same].sum()
        place = (weights[:, None, None] * left.places[same]).sum(0)
        merged.append((left.scores[0], place, left.shoulders[0]))
        left = left.at(~same)
    if not merged:
        return found
    return Candidates(*(torch.stack(values) for values in zip(*merged, strict=True)))


def same_person(found: Candidates, others: Candidates) -> Bool[Tensor, "n"]:
    """Which places are those of one of the others."""
    reach = (others.places[:, 1] - others.places[:, 0]).norm(dim=1)
    apart = (found.shoulders[:, None] - others.shoulders).norm(dim=2)
    same: Bool[Tensor, "n k"] = apart <= _SAME * reach
    return same.any(1)
