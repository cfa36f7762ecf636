import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.landmarks import convex_hull

clouds = st.lists(st.tuples(*[st.integers(-20, 20)] * 2), min_size=3, max_size=40)


def turns(corners: torch.Tensor) -> torch.Tensor:
    """Cross products of consecutive edges: all of one sign where every corner turns one way."""
    edges = corners.roll(-1, 0) - corners
    after = edges.roll(-1, 0)
    return edges[:, 0] * after[:, 1] - edges[:, 1] * after[:, 0]


@given(clouds)
def test_it_is_convex_and_holds_every_point(points):
    points = torch.tensor(points, dtype=torch.float64)
    hull = convex_hull(points)
    if len(hull) < 3:
        spread = points - points[0]
        assert torch.linalg.matrix_rank(spread) < 2  # on a line
        return
    assert (turns(hull) > 0).all()
    for start, end in zip(hull, hull.roll(-1, 0), strict=True):
        edge, away = end - start, points - start
        assert (edge[0] * away[:, 1] - edge[1] * away[:, 0] >= -1e-9).all()
