"""The convex hull of landmarks.

Source: Andrew, "Another efficient algorithm for convex hulls in two dimensions", Information
Processing Letters 1979.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def convex_hull(points: Float[Tensor, "k 2"]) -> Float[Tensor, "v 2"]:
    """Corners of the smallest convex polygon around the points, in order, leftmost first.

    Args:
        points: finite, in any order.
    Returns:
        The corners; one point, or two, where the points are on one or on a line.

    Example:
        >>> convex_hull(torch.tensor([[0.0, 0], [2, 0], [1, 1], [2, 2], [0, 2]])).tolist()
        [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]]
    """
    ordered = sorted({(x, y) for x, y in points.double().tolist()})
    lower, upper = _chain(ordered), _chain(ordered[::-1])
    return torch.tensor([*lower[:-1], *upper[:-1]] or ordered, dtype=torch.float64)


def _chain(ordered: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those of the points, from one end to the other, at which a string around them turns left."""
    chain: list[tuple[float, float]] = []
    for x, y in ordered:
        while len(chain) > 1:
            (x0, y0), (x1, y1) = chain[-2:]
            if (x1 - x0) * (y - y0) > (y1 - y0) * (x - x0):
                break
            chain.pop()
        chain.append((x, y))
    return chain
