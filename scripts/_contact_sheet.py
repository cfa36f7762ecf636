"""Small images side by side in one file, for a person to look at."""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.data import write_image

_SIDE, _GAP, _ACROSS = 96, 2, 16
_GRAY = 128

Part = tuple[float, int, UInt8[Tensor, "3 s s"]]
"""Its order, when it was added, and what it shows."""


def _order(part: Part) -> tuple[float, int]:
    return part[:2]


class Sheet:
    """Parts of photos, each a square of 96 pixels.

    Args:
        most: that are shown, the first in order.
    """

    def __init__(self, most: int = 240) -> None:
        self.most = most
        self._parts: list[Part] = []
        self._added = 0

    def add(
        self,
        image: UInt8[Tensor, "3 h w"],
        middle: Float[Tensor, "2"],
        reach: float,
        *,
        order: float = 0.0,
    ) -> None:
        """The square around a point, gray beyond the photo; nothing where it lies beyond it.

        Args:
            image: the photo.
            middle: x and y, in its pixels.
            reach: from there to each side.
            order: those with lower numbers are shown first.
        """
        x, y = middle.tolist()
        half = max(math.ceil(reach), 1)
        left, top = round(x) - half, round(y) - half
        side = 2 * half + 1
        height, width = image.shape[1:]
        part = image[:, max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
        if not part.numel():
            return
        right, bottom = left + side - width, top + side - height
        around = tuple(max(pixels, 0) for pixels in (-left, right, -top, bottom))
        whole = F.pad(part.float(), around, value=_GRAY)[None]
        small = F.interpolate(whole, (_SIDE, _SIDE), mode="bilinear", antialias=True)[0]
        self._parts.append((order, self._added, small.round().byte()))
        self._added += 1
        if len(self._parts) > 2 * self.most:
            self._parts = sorted(self._parts, key=_order)[: self.most]

    def write(self, path: Path) -> None:
        """A PNG file; none where there is nothing to show."""
        parts = [part for _, _, part in sorted(self._parts, key=_order)[: self.most]]
        if not parts:
            return
        pitch, rows = _SIDE + _GAP, math.ceil(len(parts) / _ACROSS)
        sheet = torch.zeros(3, rows * pitch, min(len(parts), _ACROSS) * pitch, dtype=torch.uint8)
        for i, part in enumerate(parts):
            y, x = i // _ACROSS * pitch, i % _ACROSS * pitch
            sheet[:, y : y + _SIDE, x : x + _SIDE] = part
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, sheet)
