"""The astronaut of scikit-image (NASA, public domain): a photo of a face that is there offline."""

import skimage.data
import torch
import torch.nn.functional as F
from torch import Tensor

BOX = (82.0, 56.0, 176.0, 172.0)
"""Of the face in `portrait`, as detectors draw it: left, top, right, bottom."""


def portrait(size: int = 256) -> Tensor:
    """8-bit, ``3 size size``: the face and some of the suit."""
    image = torch.from_numpy(skimage.data.astronaut()[:256, 96:352]).permute(2, 0, 1)
    if size == 256:
        return image.contiguous()
    resized = F.interpolate(image[None].float(), (size, size), mode="bilinear", antialias=True)
    return resized[0].round().clamp(0, 255).byte()


def turned(image: Tensor, quarters: int) -> Tensor:
    """By quarter turns, counterclockwise."""
    return torch.rot90(image, quarters, (1, 2)).contiguous()


def turned_points(points: Tensor, quarters: int, size: int) -> Tensor:
    """Where pixels (x, y) of a square image come to lie."""
    x, y = points.unbind(-1)
    for _ in range(quarters):
        x, y = y, size - 1 - x
    return torch.stack([x, y], -1)
