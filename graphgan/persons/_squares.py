"""Squares of an image that stand at any angle: where they are, their pixels, and the way back."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


class Squares(NamedTuple):
    """Squares in an image, in pixels from its outer edge (centers of pixels are at halves).

    Args:
        centers: (x, y) of their middles.
        ups: (x, y) from there to the middle of their upper side.
    """

    centers: Float[Tensor, "n 2"]
    ups: Float[Tensor, "n 2"]

    @classmethod
    def around(cls, points: Float[Tensor, "n 2 2"], margin: float) -> "Squares":
        """Squares around first points, with second points above them and so much more room."""
        return cls(points[:, 0], margin * (points[:, 1] - points[:, 0]))

    def split(self, count: int) -> list["Squares"]:
        """At most so many at a time."""
        starts = range(0, len(self.centers), count)
        return [Squares(*(values[i : i + count] for values in self)) for i in starts]

    def to_image(self, points: Float[Tensor, "n k 2"]) -> Float[Tensor, "n k 2"]:
        """Points of the squares, whose sides are at -1 and 1, to pixels of the image."""
        rights = torch.stack([-self.ups[:, 1], self.ups[:, 0]], dim=1)
        axes = torch.stack([rights, -self.ups], dim=1)  # of x and of y
        return self.centers[:, None] + points @ axes

    def pixels(self, image: Float[Tensor, "3 h w"], size: int) -> Float[Tensor, "n 3 s s"]:
        """What the squares show, ``size`` pixels a side; edges go on beyond the image."""
        middles = (torch.arange(size) + 0.5) * (2 / size) - 1
        y, x = torch.meshgrid(middles, middles, indexing="ij")
        grid = torch.stack([x, y], dim=2).view(1, -1, 2).expand(len(self.centers), -1, 2)
        places = self.to_image(grid).view(-1, size, size, 2)
        cut = [
            _sampled(image, place, 2 * float(up.norm()) / size)
            for place, up in zip(places, self.ups, strict=True)
        ]
        return torch.stack(cut) if cut else image.new_zeros(0, 3, size, size)


def _sampled(
    image: Float[Tensor, "3 h w"], places: Float[Tensor, "s s 2"], step: float
) -> Float[Tensor, "3 s s"]:
    """The image at these places, so many pixels apart; halved first, so that none is missed."""
    extent = image.new_tensor([image.shape[2], image.shape[1]])
    while step >= 2 and min(image.shape[1:]) > 1:
        image, step = F.avg_pool2d(image, 2, ceil_mode=True), step / 2
    grid = 2 * places.to(image.device) / extent - 1
    return F.grid_sample(
        image[None], grid[None], mode="bilinear", padding_mode="border", align_corners=False
    )[0]
