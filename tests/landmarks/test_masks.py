import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.data import SyntheticFaces
from graphgan.landmarks import convex_hull, face_mask, face_regions, polygon_mask
from graphgan.landmarks._masks import grow_mask, has_face_mask, shrink_mask

H, W = 14, 17
coordinates = st.tuples(st.floats(-6, W + 6), st.floats(-6, H + 6))
polygons = st.lists(coordinates, min_size=3, max_size=8)


@pytest.fixture(scope="module")
def faces():
    drawn = SyntheticFaces(3, 1, size=64)
    return torch.stack([drawn[i].landmarks for i in range(3)])


def every_edge_at_every_pixel(vertices: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The even-odd rule as its definition says it, with a ray to the right."""
    rows, columns = (torch.arange(n, dtype=vertices.dtype) for n in size)
    (x0, y0), (x1, y1) = (v[..., None].unbind(2) for v in (vertices, vertices.roll(-1, 1)))
    slope = (x1 - x0) / torch.where(y1 == y0, 1, y1 - y0)
    spans = ((y0 <= rows) != (y1 <= rows))[..., None]
    crossed = spans & ((x0 + (rows - y0) * slope)[..., None] > columns)
    finite = vertices.isfinite().all(-1).all(-1)
    return (crossed.sum(1) % 2 == 1)[:, None] & finite[:, None, None, None]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("on_pixels", [False, True])
def test_agrees_with_every_edge_at_every_pixel(dtype, on_pixels):
    torch.manual_seed(0)
    for _ in range(50):
        vertices = (torch.rand(9, 19, 2, dtype=dtype) - 0.25) * 2 * max(H, W)
        vertices = vertices.round() if on_pixels else vertices
        for i, odd in enumerate((math.nan, math.inf, -math.inf)):
            vertices[i, i, i % 2] = odd
        expected = every_edge_at_every_pixel(vertices, (H, W))
        assert torch.equal(polygon_mask(vertices, (H, W)).bool(), expected)


def outline(landmarks: torch.Tensor) -> torch.Tensor:
    """The definition: jaw 0 at the height of brow 19, the jaw, jaw 16 at the height of brow 24."""
    (jaw_0, jaw_16), (brow_19, brow_24) = landmarks[[0, 16], 0], landmarks[[19, 24], 1]
    right, left = torch.stack([jaw_0, brow_19]), torch.stack([jaw_16, brow_24])
    return torch.cat([right[None], landmarks[:17], left[None]])


def test_the_face_is_the_polygon_of_its_definition(faces):
    polygons = torch.stack([outline(landmarks) for landmarks in faces])
    assert torch.equal(face_mask(faces, (64, 48)), polygon_mask(polygons, (64, 48)))


def test_only_the_jaw_and_the_height_of_the_brows_matter(faces):
    changed = faces.clone()
    changed[:, 17:] += 5 * torch.randn(3, 51, 2)
    changed[:, 20:24] = math.nan
    changed[:, 25:] = math.nan
    changed[:, [19, 24], 1] = faces[:, [19, 24], 1]
    assert torch.equal(face_mask(changed, (64, 64)), face_mask(faces, (64, 64)))


@pytest.mark.parametrize("landmark", [0, 8, 16, 19, 24])
def test_a_missing_landmark_of_the_outline_empties_its_own_mask_only(faces, landmark):
    changed = faces.clone()
    changed[1, landmark] = math.nan
    masks, expected = face_mask(changed, (64, 64)), face_mask(faces, (64, 64))
    assert not masks[1].any()
    assert torch.equal(masks[[0, 2]], expected[[0, 2]])


@given(dx=st.integers(-50, 50), dy=st.integers(-50, 50))
def test_a_face_beyond_the_border_is_cut_off_there(faces, dx, dy):
    landmarks = faces[:1].double()
    shift = torch.tensor([dx, dy])
    large = face_mask((landmarks + 60).round(decimals=3), (184, 184))
    moved = face_mask((landmarks + 60).round(decimals=3) - 60 + shift, (64, 64))
    window = large[..., 60 - dy : 124 - dy, 60 - dx : 124 - dx]
    # A vertex on a pixel's center may fall either way after rounding.
    assert (moved != window).sum() <= 2


def test_neighboring_polygons_share_no_pixel_and_leave_none():
    left = torch.tensor([[[0.0, 0.0], [4.0, 0.0], [4.0, 8.0], [0.0, 8.0]]])
    right = left + torch.tensor([4.0, 0.0])
    total = polygon_mask(left, (8, 8)) + polygon_mask(right, (8, 8))
    assert (total == 1).all()


# has_face_mask


@pytest.mark.parametrize(
    "spoil",
    [
        lambda points: points[:, 3].fill_(math.nan),
        lambda points: points[:, 24].fill_(math.nan),
        lambda points: points.fill_(30.0),
        lambda points: points[..., 1].fill_(30.0),  # flat
        lambda points: points.add_(70.0),
        lambda points: points.sub_(torch.tensor([90.0, 0.0])),
        lambda points: points.div_(100),
    ],
)
def test_where_there_is_no_mask_none_is_drawn(faces, spoil):
    points = faces.clone()
    spoil(points)
    assert not has_face_mask(points, (64, 64)).any()
    assert face_mask(points, (64, 64)).flatten(1).sum(1).max() <= 1


def test_points_that_the_mask_does_not_need_may_be_missing(faces):
    points = faces.clone()
    points[:, 27:] = math.nan
    assert has_face_mask(points, (64, 64)).all()


@given(seed=st.integers(0, 999), scale=st.floats(0.02, 2), x=st.floats(-80, 80))
def test_it_agrees_with_the_drawn_mask_but_for_slivers(faces, seed, scale, x):
    points = faces[seed % 3, None] * scale + torch.tensor([x, 0.0])
    pixels = face_mask(points, (64, 64)).sum()
    if has_face_mask(points, (64, 64)):
        return  # a mask beside the image's edge may still miss every pixel
    assert pixels <= 2


# Foreheads


def round_face(turn: float = 0.0) -> torch.Tensor:
    """A jaw along the lower half of a circle of 20 pixels, turned about its middle."""
    angles = torch.linspace(math.pi, 0, 17) + turn
    points = torch.full((1, 68, 2), 40.0)
    points[0, :17] = 40 + 20 * torch.stack([angles.cos(), angles.sin()], -1)
    points[0, [19, 24], 1] = 30.0
    return points


@pytest.mark.parametrize("turn", [0.0, 0.4, -1.2])
def test_a_forehead_as_high_as_the_chin_is_low_makes_a_circle_of_a_round_face(turn):
    mask = face_mask(round_face(turn), (80, 80), forehead=1.0)[0, 0]
    y, x = torch.meshgrid(torch.arange(80.0), torch.arange(80.0), indexing="ij")
    distance = torch.hypot(x - 40, y - 40)
    assert mask[distance < 19.5].all() and not mask[distance > 20.1].any()


# Regions


def test_a_region_is_the_mask_and_the_hull_of_each_face(drawn_faces):
    points = torch.stack([face.landmarks for face in drawn_faces])
    for forehead in (0.0, 0.7):
        regions = face_regions(points, (64, 64), forehead=forehead)
        for face, region in zip(points, regions, strict=True):
            hull = polygon_mask(convex_hull(face)[None].float(), (64, 64))[0]
            mask = face_mask(face[None], (64, 64), forehead=forehead)[0]
            assert torch.equal(region, torch.maximum(mask, hull))


def test_a_nose_beyond_the_line_of_the_jaw_is_in_the_region(drawn_faces):
    points = drawn_faces[0].landmarks.clone()
    points[30] = torch.tensor([points[:17, 0].max() + 6, points[30, 1]])
    x, y = points[30].round().int().tolist()
    assert face_mask(points[None], (64, 64))[0, 0, y, x - 2] == 0
    assert face_regions(points[None], (64, 64))[0, 0, y, x - 2] == 1


def test_a_face_without_an_outline_is_refused(drawn_faces):
    points = torch.stack([face.landmarks for face in drawn_faces[:3]])
    points[1, 3] = math.nan
    points[2] += 500
    with pytest.raises(ValueError, match=r"mask for every face, got .* items \[1, 2\]"):
        face_regions(points, (64, 64))


def test_a_landmark_that_is_missing_inside_changes_nothing(drawn_faces):
    points = drawn_faces[0].landmarks[None].clone()
    region = face_regions(points, (64, 64))
    points[0, 62] = math.nan  # of the mouth
    assert torch.equal(face_regions(points, (64, 64)), region)


def test_a_face_without_a_mask_but_with_a_hull_is_covered_all_the_same(drawn_faces):
    points = drawn_faces[0].landmarks.clone()
    points[:17, 0], points[[0, 16], 0] = 12.0, 12.0  # the jaw on a vertical line: no area
    points[19], points[24] = points[0] - 1, points[16] - 1
    region = face_regions(points[None], (64, 64))
    assert region.sum() > 100


@pytest.mark.parametrize("height", [64, 128])
def test_a_shrunk_mask_has_lost_its_share_of_the_height_all_around(height):
    mask = torch.zeros(1, 1, height, 96)
    mask[..., 20:50, 30:70] = 1
    reach = height // 32
    expected = torch.zeros_like(mask)
    expected[..., 20 + reach : 50 - reach, 30 + reach : 70 - reach] = 1
    assert torch.equal(shrink_mask(mask, 1 / 32), expected)


@pytest.mark.parametrize("reach", [0, 1, 2, 3, 5, 8])
def test_a_mask_grows_as_maximum_pooling_does(reach):
    mask = torch.rand(2, 1, 37, 52)
    expected = torch.nn.functional.max_pool2d(mask, 2 * reach + 1, stride=1, padding=reach)
    assert torch.equal(grow_mask(mask, reach), expected)
