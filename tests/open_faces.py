"""Landmarks of faces from the front whose mouth and eyes are open by so many pixels."""

import torch
from torch import Tensor


def open_face(mouth: float, eye: float, scale: float = 1.0, *, width: float = 28.0) -> Tensor:
    """Level eyes and a level mouth about (64, 90); all other landmarks are 0.

    Shapes:
        -> ``1 68 2``
    """
    points = torch.zeros(1, 68, 2)
    for first, y, x0, x1, gap in ((36, 40, 40, 52, eye), (42, 40, 76, 88, eye)):
        for i, (share, side) in enumerate(
            [(0, 0), (0.3, -1), (0.7, -1), (1, 0), (0.7, 1), (0.3, 1)]
        ):
            points[0, first + i] = torch.tensor([x0 + share * (x1 - x0), y + side * gap / 2])
    left = 64 - width / 2
    around = [(0, 0), (0.2, -1), (0.4, -1), (0.5, -1), (0.6, -1), (0.8, -1), (1, 0)]
    around += [(0.8, 1), (0.6, 1), (0.5, 1), (0.4, 1), (0.2, 1)]
    for i, (share, side) in enumerate(around):
        points[0, 48 + i] = torch.tensor([left + width * share, 90 + side * (4 + mouth / 2)])
    inside = [(0.1, 0), (0.35, -1), (0.5, -1), (0.65, -1), (0.9, 0), (0.65, 1), (0.5, 1), (0.35, 1)]
    for i, (share, side) in enumerate(inside):
        points[0, 60 + i] = torch.tensor([left + width * share, 90 + side * mouth / 2])
    return scale * points
