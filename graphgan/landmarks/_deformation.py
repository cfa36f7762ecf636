"""Warp an image so that its landmarks move to target positions.

Source: [S] Schaefer, McPhail and Warren, "Image Deformation Using Moving Least Squares", SIGGRAPH
2006, eq. (1) to (5), affine deformations.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from graphgan.landmarks._maps import check_landmarks
from graphgan.landmarks._mirror import mirror_landmarks
from graphgan.landmarks._schemes import LandmarkScheme
from graphgan.landmarks._similarity import check_pairs, lay_upon

# Weights of landmarks fall with the squared distance, in half sides of the image. This is added
# to it: a pixel of 128, since landmarks are no surer than that.
_BLUNTNESS = 2.5e-4
# Added to the spread of the landmarks, as a share of it, for those that lie on a line.
_RIDGE = 1e-5
_TINY = 1e-12
# Nodes along a side: two pixels of 128 apart, as near as landmarks are sure.
_MOST_NODES = 64
# How much larger the mirror image has to show a spot before it takes over, and how suddenly.
_ADVANTAGE, _SHARPNESS = 2.0, 8
# Areas are measured over so much of the height to either side, and none counts for less than this:
# smaller differences are those of rounding.
_REACH, _LEAST_AREA = 1 / 32, 0.2


def bend_to_landmarks(
    images: Float[Tensor, "b c h w"],
    landmarks: Float[Tensor, "b k 2"],
    targets: Float[Tensor, "b k 2"],
) -> Float[Tensor, "b c h w"]:
    """Warp ``images`` so that ``landmarks`` move to ``targets``.

    ``out at v = image at q* + (v - p*) M``, with p the targets and q the landmarks,
    ``p* = sum w p`` and ``q* = sum w q`` with ``w_i ~ 1 / (|p_i - v|^2 + e)``, ``sum w = 1``, and
    ``M = (sum w (p - p*)^T (p - p*))^-1 sum w (p - p*)^T (q - q*)``: for every pixel, the affine
    map that takes nearby targets to their landmarks. Beyond its edges, the image is continued with
    its border pixels.

    Args:
        images: in any range.
        landmarks, targets: (x, y) in pixels, pixel centers at integers; landmarks that are NaN in
            either are ignored. Items without any landmarks are unchanged.
    Raises:
        ValueError: mismatched numbers of items or landmarks.

    Example:
        >>> images, points = torch.rand(1, 3, 8, 8), torch.tensor([[[1.0, 1], [5, 2], [3, 6]]])
        >>> moved = bend_to_landmarks(images, points, points + 1)
        >>> torch.allclose(moved[..., 1:, 1:], images[..., :-1, :-1], atol=1e-2)
        True
    """
    check_pairs(images, landmarks, targets)
    dtype = torch.promote_types(images.dtype, torch.float32)  # 8 bits are no coordinates
    with torch.autocast(images.device.type, enabled=False):
        return _looked_up(images, _grid(images, landmarks.to(dtype), targets.to(dtype)))


def bend_both_sides(
    images: Float[Tensor, "b c h w"],
    landmarks: Float[Tensor, "b k 2"],
    targets: Float[Tensor, "b k 2"],
    scheme: LandmarkScheme,
) -> Float[Tensor, "b c h w"]:
    """`bend_to_landmarks`, filling in what a turned head hides from the mirror image.

    ``out = a + (b - a) / (1 + (2 s_a / s_b)^8)`` at every pixel, where a is the warped image, b its
    mirror image warped to the same targets, and s_a and s_b are the areas of each image that the
    result's pixel is taken from. The mirror image thus takes over where it shows a spot more than
    twice as large. Not in [S].

    Args:
        images: in any range.
        landmarks, targets: as for `bend_to_landmarks`.
        scheme: scheme of the landmarks.
    Raises:
        ValueError: mismatched numbers of items or landmarks.

    Example:
        >>> from graphgan.landmarks import IBUG_68
        >>> images, points = torch.rand(1, 3, 8, 8), 7 * torch.rand(1, 68, 2)
        >>> bend_both_sides(images, points, points + 1, IBUG_68).shape
        torch.Size([1, 3, 8, 8])
    """
    check_pairs(images, landmarks, targets)
    dtype = torch.promote_types(images.dtype, torch.float32)
    landmarks, targets = landmarks.to(dtype), targets.to(dtype)
    mirrored = mirror_landmarks(landmarks, images.shape[3], scheme)
    with torch.autocast(images.device.type, enabled=False):
        first, second = (_grid(images, x, targets) for x in (landmarks, mirrored))
        a, b = _looked_up(images, first), _looked_up(images.flip(-1), second)
        # As logarithms: powers overflow where an image is folded.
        advantage = _areas(second).log() - _areas(first).log() - math.log(_ADVANTAGE)
        share = torch.sigmoid(_SHARPNESS * advantage)
        return a + share.to(a.dtype) * (b - a)


def between_shapes(
    landmarks: Float[Tensor, "b k 2"], targets: Float[Tensor, "b k 2"], *, share: float
) -> Float[Tensor, "b k 2"]:
    """``share * targets + (1 - share) * (landmarks aligned to the targets)``.

    They are aligned by the translation, rotation and scale of least squares (Procrustes).

    Args:
        landmarks, targets: (x, y) in pixels; a landmark that is NaN in either is NaN.
        share: 0 to 1; 1 gives the targets.
    Raises:
        ValueError: mismatched shapes.

    Example:
        >>> square = torch.tensor([[[0.0, 0], [1, 0], [1, 1], [0, 1]]])
        >>> moved = between_shapes(3 * square + 5, square, share=0.5)
        >>> torch.allclose(moved, square, atol=1e-6)
        True
    """
    check_landmarks(landmarks)
    check_landmarks(targets, "targets")
    if landmarks.shape != targets.shape:
        raise ValueError(
            f"expected landmarks and targets of one shape, got {tuple(landmarks.shape)} and "
            f"{tuple(targets.shape)}"
        )
    if share == 1:
        return targets
    there = (landmarks.isfinite() & targets.isfinite()).all(-1, keepdim=True)
    a, b = (torch.where(there, x, 0) for x in (landmarks, targets))
    laid, _ = lay_upon(a, b, there.to(a.dtype))
    return torch.where(there, share * targets + (1 - share) * laid, torch.nan)


def _grid(
    images: Float[Tensor, "b c h w"],
    landmarks: Float[Tensor, "b k 2"],
    targets: Float[Tensor, "b k 2"],
) -> Float[Tensor, "b h w 2"]:
    """Where in the image every pixel of the result is looked up, from -1 to 1.

    Computed at the nodes of a coarse lattice, and bilinear between them.
    """
    height, width = images.shape[2:]
    half = torch.tensor([width, height], device=images.device, dtype=targets.dtype) / 2
    rows, columns = min(height, _MOST_NODES), min(width, _MOST_NODES)
    where = _deformation(
        (targets + 0.5) / half - 1,
        (landmarks + 0.5) / half - 1,
        _lattice(images, rows, columns).to(targets.dtype),
    )
    where = where.view(-1, rows, columns, 2)
    if (rows, columns) == (height, width):
        return where
    enlarged = F.interpolate(
        where.permute(0, 3, 1, 2), (height, width), mode="bilinear", align_corners=True
    )
    return enlarged.permute(0, 2, 3, 1)


def _looked_up(
    images: Float[Tensor, "b c h w"], grid: Float[Tensor, "b h w 2"]
) -> Float[Tensor, "b c h w"]:
    found = F.grid_sample(images.to(grid.dtype), grid, padding_mode="border", align_corners=False)
    return found.to(images.dtype)


def _areas(grid: Float[Tensor, "b h w 2"]) -> Float[Tensor, "b 1 h w"]:
    """What of the image is around every pixel, in pixels; where it is folded, nearly none."""
    height, width = grid.shape[1:3]
    n = max(1, round(_REACH * height))
    ends = F.pad(grid.permute(0, 3, 1, 2), (n, n, n, n), mode="replicate")
    along = (ends[..., n:-n, 2 * n :] - ends[..., n:-n, : -2 * n]) * width / (4 * n)
    down = (ends[..., 2 * n :, n:-n] - ends[..., : -2 * n, n:-n]) * height / (4 * n)
    areas = along[:, :1] * down[:, 1:] - along[:, 1:] * down[:, :1]
    return areas.clamp(min=_LEAST_AREA)


def _lattice(images: Float[Tensor, "b c h w"], rows: int, columns: int) -> Float[Tensor, "n 2"]:
    """Nodes from the center of the first pixel to that of the last, in -1 to 1, row by row."""
    last_y, last_x = (1 - 1 / side for side in images.shape[2:])
    y = torch.linspace(-last_y, last_y, rows, device=images.device)
    x = torch.linspace(-last_x, last_x, columns, device=images.device)
    return torch.stack([x.expand(rows, -1), y[:, None].expand(-1, columns)], dim=-1).view(-1, 2)


def _deformation(
    p: Float[Tensor, "b k 2"], q: Float[Tensor, "b k 2"], v: Float[Tensor, "n 2"]
) -> Float[Tensor, "b n 2"]:
    """Where the affine maps around v, each its own, take it."""
    there = (p.isfinite() & q.isfinite()).all(-1)
    p, q = (torch.where(there[..., None], x, 0) for x in (p, q))
    px, py = p[..., :1], p[..., 1:]
    # Sum, means and mean products, all in one product with the weights; q is 0 where p is.
    terms = [there[..., None].to(p), p, q, px * px, px * py, py * py, px * q, py * q]
    products = _weights(v, p) @ torch.cat(terms, -1)
    total, *means = torch.split(products, [1, 2, 2, 1, 1, 1, 2, 2], dim=-1)
    p_mean, q_mean, xx, xy, yy, xq, yq = (mean / total.clamp(min=_TINY) for mean in means)
    x, y = p_mean[..., :1], p_mean[..., 1:]
    xx, xy, yy = xx - x * x, xy - x * y, yy - y * y
    xq, yq = xq - x * q_mean, yq - y * q_mean
    ridge = _RIDGE * (xx + yy) + _TINY
    xx, yy = xx + ridge, yy + ridge
    determinant = xx * yy - xy * xy
    dx, dy = torch.split(v - p_mean, 1, dim=-1)
    moved = (dx * (yy * xq - xy * yq) + dy * (xx * yq - xy * xq)) / determinant
    return torch.where(there.any(-1)[:, None, None], q_mean + moved, v)


def _weights(v: Float[Tensor, "n 2"], p: Float[Tensor, "b k 2"]) -> Float[Tensor, "b n k"]:
    """``1 / (|v|^2 - 2 v p + |p|^2 + e)`` by one product: no ``b n k 2`` is made."""
    ones = torch.ones_like(v[:, :1])
    left = torch.cat([-2 * v, v.square().sum(1, keepdim=True) + _BLUNTNESS, ones], 1)
    squares = p.square().sum(2, keepdim=True)
    right = torch.cat([p, torch.ones_like(squares), squares], 2)
    return (left @ right.transpose(1, 2)).clamp(min=_BLUNTNESS).reciprocal()
