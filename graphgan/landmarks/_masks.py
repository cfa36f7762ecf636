"""The face mask: the region that anonymization replaces, as a polygon of landmarks.

Sources: [A] Dall'Asen et al., "Graph-based Generative Face Anonymisation with Pose
Preservation", ICIAP 2021, section 3 (jaw line, closed above the brows). The corners follow from the
rule of the scheme, see `FaceOutline`. The convex hull is that of Andrew, "Another efficient
algorithm for convex hulls in two dimensions", Information Processing Letters 1979.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.landmarks._maps import check_landmarks
from graphgan.landmarks._schemes import LandmarkScheme, face_scheme

FOREHEAD = 0.7
"""Extends the mask to about the hairline, see `face_mask`."""


def polygon_mask(
    vertices: Float[Tensor, "b v 2"], size: tuple[int, int]
) -> Float[Tensor, "b 1 h w"]:
    """1 at pixels whose center lies inside the polygon (even-odd rule), 0 elsewhere.

    A ray to the right of the pixel crosses an odd number of edges. Vertices may lie outside the
    image; a polygon with a NaN vertex is empty.

    Args:
        vertices: corners (x, y) in order, in pixels.
        size: height and width of the mask.
    """
    check_landmarks(vertices, "vertices")
    height, width = size
    start, end = vertices, vertices.roll(-1, dims=1)
    rows = torch.arange(height, device=vertices.device, dtype=vertices.dtype)
    x0, y0 = (rearrange(c, "b v -> b v 1") for c in start.unbind(-1))
    x1, y1 = (rearrange(c, "b v -> b v 1") for c in end.unbind(-1))
    spans_row = (y0 <= rows) != (y1 <= rows)
    slope = (x1 - x0) / torch.where(y1 == y0, torch.ones_like(y0), y1 - y0)
    crossing = torch.where(spans_row, x0 + (rows - y0) * slope, torch.inf)
    # Every edge is marked where it is crossed and marks are summed along the row: 'b h w' in place
    # of 'b v h w'. A closed outline crosses a row an even number of times, so an odd number to the
    # left is an odd number to the right.
    column = crossing.ceil().clamp(0, width).nan_to_num(width).long()
    shape = (vertices.shape[0], height, width + 1)
    marks = torch.zeros(shape, dtype=torch.int32, device=column.device)
    column = rearrange(column, "b v h -> b h v")
    marks.scatter_add_(2, column, torch.ones_like(column, dtype=torch.int32))
    crossings_left = marks[..., :width].cumsum(2, dtype=torch.int32)
    inside = (crossings_left & 1).bool() & vertices.isfinite().all(-1).all(-1)[:, None, None]
    return rearrange(inside, "b h w -> b 1 h w").to(vertices.dtype)


def face_mask(
    landmarks: Float[Tensor, "b k 2"],
    size: tuple[int, int],
    *,
    forehead: float = 0.0,
    scheme: LandmarkScheme | None = None,
) -> Float[Tensor, "b 1 h w"]:
    """The face of each item: jaw 0 at the height of brow 19, jaw 0 to 16, jaw 16 at brow 24.

    These are numbers of the 68 landmarks; other schemes have their own rule, see
    `FaceOutline`.

    With a ``forehead``, the mask is closed by half an ellipse above the ends of the jaw instead
    (not in the paper, whose mask ends at the brows).

    Args:
        landmarks: coordinates (x, y) in pixels.
        size: height and width of the mask.
        forehead: height above the midpoint between the ends of the jaw, in units of the distance
            from there to the chin; 0 for the paper's mask. `FOREHEAD` ends at about the hairline.
        scheme: scheme of the landmarks; by default the one with that number, see `face_scheme`.

    Raises:
        ValueError: landmarks of another scheme or of one without a mask, or a forehead outside 0 to
            2.

    Example:
        >>> points_5 = torch.tensor([[[24.0, 24], [40, 24], [32, 34], [26, 42], [38, 42]]])
        >>> face_mask(points_5, (64, 64)).shape
        torch.Size([1, 1, 64, 64])
    """
    return polygon_mask(face_outline(landmarks, forehead=forehead, scheme=scheme), size)


def face_regions(
    landmarks: Float[Tensor, "b k 2"],
    size: tuple[int, int],
    *,
    forehead: float = 0.0,
    scheme: LandmarkScheme | None = None,
) -> Float[Tensor, "b 1 h w"]:
    """1 where a crop shows the face: inside its `face_mask` or the hull of its landmarks.

    In profile, the nose is outside the jaw line but inside the hull.

    Args:
        landmarks: in pixels of the crop.
        size: height and width of the crop.
        forehead, scheme: see `face_mask`.
    Raises:
        ValueError: a face whose outline is incomplete or outside the crop, which would stay
            unchanged.
    """
    outlines = face_outline(landmarks, forehead=forehead, scheme=scheme)
    complete = outlines.isfinite().flatten(1).all(1)
    regions = torch.maximum(polygon_mask(outlines, size), hull_mask(landmarks, size))
    there = complete & (regions.flatten(1).sum(1) > 0)
    if empty := torch.nonzero(~there).flatten().tolist():
        raise ValueError(f"expected a mask for every face, got empty ones for items {empty}")
    return regions


def hull_mask(
    points: Float[Tensor, "b k 2"], size: tuple[int, int], *, growth: float = 1.0
) -> Float[Tensor, "b 1 h w"]:
    """1 inside the convex hull of each item's points, without those that are missing (NaN).

    Args:
        points: in pixels.
        size: height and width of the mask.
        growth: how much larger the hull becomes, about the mean of its corners.
    """
    finite = [item[item.isfinite().all(1)] for item in points]
    # A hull with a missing corner is empty.
    known = [item if len(item) else points.new_full((1, 2), torch.nan) for item in finite]
    hulls = [convex_hull(item).to(points) for item in known]
    hulls = [hull.mean(0) + growth * (hull - hull.mean(0)) for hull in hulls]
    corners = max(map(len, hulls), default=0)
    # Repeating a corner does not change a polygon.
    alike = [torch.cat([hull, hull[-1:].expand(corners - len(hull), 2)]) for hull in hulls]
    return polygon_mask(torch.stack(alike), size)


def face_outline(
    landmarks: Float[Tensor, "b k 2"],
    *,
    forehead: float = 0.0,
    scheme: LandmarkScheme | None = None,
) -> Float[Tensor, "b v 2"]:
    """The corners of `face_mask`; of the 68 landmarks 19, or 28 with a forehead."""
    check_forehead(forehead)
    check_landmarks(landmarks)
    scheme = face_scheme(landmarks.shape[1]) if scheme is None else scheme
    check_landmarks(landmarks, count=scheme.num_landmarks)
    if scheme.outline is None:
        raise ValueError(f"expected a scheme with a face mask, got {scheme.name}")
    return scheme.outline(landmarks, forehead)


def check_forehead(forehead: float) -> None:
    """Raise ``ValueError`` unless it is a valid forehead of `face_mask`."""
    if not 0 <= forehead <= 2:
        raise ValueError(f"expected a forehead from 0 to 2, got {forehead}")


def has_face_mask(
    landmarks: Float[Tensor, "b k 2"],
    size: tuple[int, int],
    *,
    scheme: LandmarkScheme | None = None,
) -> Bool[Tensor, "b"]:
    """Whether the face has a usable mask, without drawing it.

    The outline is complete, encloses at least one pixel's area, and its box overlaps the image.

    Args:
        landmarks: coordinates (x, y) in pixels.
        size: height and width of the image.
        scheme: see `face_mask`.

    Raises:
        ValueError: landmarks of another scheme, or of one that has no mask.
    """
    outline = face_outline(landmarks, scheme=scheme)
    x, y = outline.unbind(-1)
    area = (x * y.roll(-1, 1) - x.roll(-1, 1) * y).sum(1).abs() / 2
    last = torch.tensor([size[1] - 1, size[0] - 1], device=landmarks.device)
    meets = ((outline.amax(1) >= 0) & (outline.amin(1) <= last)).all(-1)
    return (area >= 1) & meets  # NaN is neither


def paste(
    generated: Float[Tensor, "b 3 h w"],
    source: Float[Tensor, "b 3 h w"],
    mask: Float[Tensor, "b 1 h w"],
) -> Float[Tensor, "b 3 h w"]:
    """``generated`` inside the mask, ``source`` outside: ``g * m + s * (1 - m)``."""
    return generated * mask + source * (1 - mask)


def shrink_mask(mask: Float[Tensor, "b 1 h w"], share: float) -> Float[Tensor, "b 1 h w"]:
    """Erode a mask: the minimum within ``share`` of the height in every direction.

    Example:
        >>> mask = torch.zeros(1, 1, 8, 8)
        >>> mask[..., 2:7, 2:7] = 1
        >>> int(shrink_mask(mask, 1 / 8).sum())
        9
    """
    return -grow_mask(-mask, round(share * mask.shape[2]))


def grow_mask(mask: Float[Tensor, "b 1 h w"], reach: int) -> Float[Tensor, "b 1 h w"]:
    """Dilate a mask: the maximum over a square of ``2 reach + 1`` pixels a side.

    The same as `max_pool2d`, which takes 10 to 30 times as long on a CPU.
    """
    for pad in ((reach, reach, 0, 0), (0, 0, reach, reach)):  # one axis at a time
        mask = F.pad(mask, pad, value=-torch.inf)
        dim, width, side = (-1 if pad[0] else -2), 1, 2 * reach + 1
        while width < side:  # maxima over twice as many pixels each time
            step = min(width, side - width)
            length = mask.shape[dim] - step
            mask = torch.maximum(mask.narrow(dim, 0, length), mask.narrow(dim, step, length))
            width += step
    return mask


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
