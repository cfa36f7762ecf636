"""Move the corners of the mouth as in another face, and paint the inside of open mouths.

Not in the papers. Warping opens closed lips, but fills the gap with stretched lips.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_features
from graphgan.landmarks._maps import check_faces, check_landmarks
from graphgan.landmarks._masks import polygon_mask

TEETH_FROM, TEETH_TO = -0.06, 0.24
"""What an image of teeth shows: depths below the upper lip, in widths of the mouth."""

_TINY = 1e-3  # pixels
_CORNERS = (48, 54)
_INNER_CORNERS, _UPPER, _LOWER = (60, 64), (61, 62, 63), (67, 66, 65)
_OUTER_LIPS, _LIPS = slice(48, 60), slice(48, 68)
# What goes along with a corner, and how far.
_WITH_CORNERS = (
    {48: 1.0, 49: 0.6, 50: 0.25, 58: 0.25, 59: 0.6, 60: 0.9, 61: 0.4, 67: 0.4},
    {54: 1.0, 53: 0.6, 52: 0.25, 56: 0.25, 55: 0.6, 64: 0.9, 63: 0.4, 65: 0.4},
)
# Height of the gap over the mouth's width: landmarks of closed lips are up to the first apart. It
# is open, and its teeth are seen, from so much more on, of one who speaks and of one who smiles.
_CLOSED, _OPEN, _TEETH_OPEN = 0.10, (0.07, 0.03), (0.10, 0.03)
_BROAD = (1.03, 1.13)  # the mouth of one who speaks and of one who smiles, in sizes of the face
_HIGHER = 0.02  # the gap lies higher than its landmarks say, in widths
_EDGE = 1.5 / 128  # softness, in heights of the image
_STRAIGHT = (1e-3, 3e-2)  # how much the edges of lips resist an arch and a slope
_AROUND = 1.6  # the outer lips, about their middle
# Red, green and blue as shares of those around: behind the teeth, and of the tongue below.
_DARK, _TONGUE = (0.26, 0.15, 0.15), (0.42, 0.23, 0.23)
_TONGUE_FROM, _TONGUE_FULL = 0.12, 0.45  # depths below the upper lip, in widths
_PALE, _BRIGHT, _BRIGHTEST = 0.45, 1.15, 0.97  # teeth, see `paint_mouths`
_SHADOW, _SHADOW_DEPTH = 0.6, 0.06  # of the upper lip on the teeth; widths
_TEETH_END = 0.13  # of the front teeth in their image: depth below the upper lip, in widths
# Of one who speaks and of one who smiles: how high the upper lip arches, in widths; to which share
# of the gap teeth are seen, and how far at most, in widths.
_ARCH, _SHOWN, _LONGEST = (0.12, 0.03), (0.55, 1.0), (0.12, 0.18)
_FLATTER = 0.5  # the row of teeth than the upper lip
_LEAST_WIDTH, _FULL_WIDTH = 8.0, 14.0  # pixels of a mouth whose teeth are seen


class _Mouth(NamedTuple):
    """The gap between the lips, in axes along its corners and down, with its width as the unit.

    Its edges are ``v = 4 u (1 - u) (c + s (2 u - 1))``, u from 0 at the right corner to 1.

    Args:
        origin, along, width: the right corner, the direction to the left one, and how far it is.
        upper, lower: c and s of the edges.
        middle: u of the middle of the lips.
        opening: height over width, as landmarks have it; 0 where one is missing.
        broad: 1 where it is as broad as in a smile, 0 where it is not.
    """

    origin: Float[Tensor, "b 2"]
    along: Float[Tensor, "b 2"]
    width: Float[Tensor, "b"]
    upper: Float[Tensor, "b 2"]
    lower: Float[Tensor, "b 2"]
    middle: Float[Tensor, "b"]
    opening: Float[Tensor, "b"]
    broad: Float[Tensor, "b"]


def with_corners_of(
    landmarks: Float[Tensor, "b 68 2"], source: Float[Tensor, "b 68 2"]
) -> Float[Tensor, "b 68 2"]:
    """The same faces, with the corners of the mouth where they are in the source.

    A corner c moves by ``r (q_c - q_m) - (p_c - p_m)``: p are the landmarks, q the source's, m is
    the middle of the gap between the lips, and r the size of face p over that of face q, sizes
    being the root mean square distance of landmarks from their mean. The lips beside a corner go
    along, the less the nearer to the middle of the mouth.

    Args:
        landmarks: iBUG-68, in pixels.
        source: landmarks of faces in the same pose, in pixels of any size. A corner is not moved if
            a landmark that it depends on is NaN.
    Raises:
        ValueError: mismatched shapes, or not 68 landmarks.

    Example:
        >>> neutral, smiling = torch.rand(1, 68, 2), torch.rand(1, 68, 2)
        >>> with_corners_of(neutral, smiling).shape
        torch.Size([1, 68, 2])
    """
    check_faces(landmarks, source)
    there = (landmarks.isfinite() & source.isfinite()).all(-1, keepdim=True)
    ratio = _size(landmarks, there) / _size(source, there).clamp(min=_TINY)
    moved = landmarks
    for corner, going in zip(_CORNERS, _WITH_CORNERS, strict=True):
        wanted, own = (x[:, corner] - x[:, [62, 66]].mean(1) for x in (source, landmarks))
        change = (ratio[:, None] * wanted - own).nan_to_num(0)
        weights = landmarks.new_zeros(68)
        for landmark, weight in going.items():
            weights[landmark] = weight
        moved = moved + weights[:, None] * change[:, None]
    return moved


def mouth_masks(
    landmarks: Float[Tensor, "b 68 2"], size: tuple[int, int]
) -> Float[Tensor, "b 1 h w"]:
    """1 between open lips, less at their edges, 0 elsewhere and between closed lips.

    The mask grows with the opening, height over width: from nothing at 0.10, up to which landmarks
    of closed lips are apart, to all of it at 0.17, and at 0.13 where the mouth is as broad as in a
    smile. So nothing pops up while a mouth opens.

    Args:
        landmarks: iBUG-68, in pixels; the mask is empty if a lip landmark is NaN.
        size: height and width.
    Raises:
        ValueError: not 68 landmarks.

    Example:
        >>> mouth_masks(torch.zeros(1, 68, 2), (32, 32)).sum()
        tensor(0.)
    """
    check_landmarks(landmarks, count=68)
    mouth = _mouth(landmarks)
    return _inside(mouth, *_coordinates(mouth, size))


def paint_mouths(
    images: Float[Tensor, "b 3 h w"],
    landmarks: Float[Tensor, "b 68 2"],
    teeth: Float[Tensor, "2 p q"],
) -> Float[Tensor, "b 3 h w"]:
    """Paint the inside of open mouths: upper teeth below the upper lip, with dark behind them.

    ``out = x + M (y - x)``, M of `mouth_masks`. With a the mean color of lips and skin around, in
    [0, 1], y is 0.26, 0.15 and 0.15 of its red, green and blue, a little lighter far below, where
    the tongue is. Over it are the teeth, ``c a^0.45`` times their brightness and the shadow of the
    lip; c is 1.15, or less so that no color exceeds 0.97. They are as large as the mouth is wide,
    whatever the opening. Where the upper lip arches, as in speech, they are seen down to 0.55 of
    the gap and 0.12 of its width; where it does not, down to all of it and 0.18. They grow opaque
    up to an opening of 0.20, of a broad mouth 0.13.

    Args:
        images: in [-1, 1].
        landmarks: their iBUG-68 landmarks, in pixels; nothing is painted if a lip landmark is NaN.
        teeth: brightness and opacity in [0, 1], from the right corner of the mouth to the left one
            and from `TEETH_FROM` to `TEETH_TO` widths below the upper lip.
    Raises:
        ValueError: not 68 landmarks, or teeth of the wrong shape.

    Example:
        >>> faces, closed = torch.rand(1, 3, 32, 32), torch.zeros(1, 68, 2)
        >>> torch.equal(paint_mouths(faces, closed, torch.ones(2, 8, 16)), faces)
        True
    """
    check_features(images, 3, "images")
    check_landmarks(landmarks, count=68)
    if teeth.ndim != 3 or teeth.shape[0] != 2:
        raise ValueError(f"expected teeth of shape (2, p, q), got {tuple(teeth.shape)}")
    mouth = _mouth(landmarks)
    u, v = _coordinates(mouth, (images.shape[2], images.shape[3]))
    below = v - _curve(mouth.upper, u)
    deep = ((below - _TONGUE_FROM) / (_TONGUE_FULL - _TONGUE_FROM)).clamp(0, 1)
    shadow = _SHADOW + (1 - _SHADOW) * (below / _SHADOW_DEPTH).clamp(0, 1)
    brightness, opacity = _teeth_seen(mouth, teeth.to(u), u, v)
    behind = 1 - opacity
    # What is seen of the dark, of the tongue and of teeth, times their colors.
    shares = torch.stack([behind * (1 - deep), behind * deep, opacity * brightness * shadow], 1)
    images, kind = images.to(u), images.dtype
    colors = 2 * _colors(_color_around(images, landmarks))
    with torch.autocast(images.device.type, enabled=False):
        inside = (colors @ shares.flatten(2)).view(images.shape) - 1
    return images.lerp(inside, _inside(mouth, u, v).expand_as(images)).to(kind)


def _size(landmarks: Float[Tensor, "b 68 2"], there: Tensor) -> Float[Tensor, "b"]:
    """Root mean square distance from the mean, of those that are there."""
    count = there.sum(1).clamp(min=1)
    points = torch.where(there, landmarks, 0)
    apart = torch.where(there, points - (points.sum(1) / count)[:, None], 0)
    size: Tensor = (apart.square().sum((1, 2)) / count[:, 0]).sqrt()
    return size


def _mouth(landmarks: Float[Tensor, "b 68 2"]) -> _Mouth:
    landmarks = landmarks.to(torch.promote_types(landmarks.dtype, torch.float32))
    finite = landmarks.isfinite().all(-1, keepdim=True)
    landmarks = landmarks.nan_to_num(0, 0, 0)
    origin, end = (landmarks[:, i] for i in _INNER_CORNERS)
    width = (end - origin).norm(dim=-1).clamp(min=_TINY)
    along = (end - origin) / width[:, None]
    down = torch.stack([-along[:, 1], along[:, 0]], -1)
    shift = landmarks.new_tensor([_HIGHER, 0.0])
    edges, middles = [], []
    for lip in (_UPPER, _LOWER):
        away = (landmarks[:, list(lip)] - origin[:, None]) / width[:, None, None]
        u, v = ((away * axis[:, None]).sum(-1) for axis in (along, down))
        edges.append(_fit(u.clamp(0.05, 0.95), v) - shift)
        middles.append(u[:, 1])
    gaps = landmarks[:, list(_LOWER)] - landmarks[:, list(_UPPER)]
    outer = (landmarks[:, _CORNERS[1]] - landmarks[:, _CORNERS[0]]).norm(dim=-1)
    opening = gaps.norm(dim=-1).mean(1) / outer.clamp(min=_TINY)
    opening = opening * finite[:, _LIPS, 0].all(1)
    middle = torch.stack(middles).mean(0).clamp(0.25, 0.75)
    broad = outer / _size(landmarks, finite).clamp(min=_TINY)
    broad = ((broad - _BROAD[0]) / (_BROAD[1] - _BROAD[0])).clamp(0, 1)
    return _Mouth(origin, along, width, edges[0], edges[1], middle, opening, broad)


def _opened(mouth: _Mouth, full: tuple[float, float]) -> Float[Tensor, "b 1 1"]:
    """0 where lips are closed, 1 where they are as far open as one who speaks or smiles has it."""
    speech, smile = full
    far = speech + (smile - speech) * mouth.broad
    return ((mouth.opening - _CLOSED) / far).clamp(0, 1)[:, None, None]


def _fit(u: Float[Tensor, "b n"], v: Float[Tensor, "b n"]) -> Float[Tensor, "b 2"]:
    """c and s of an edge through points, by least squares with a ridge."""
    x = 4 * u * (1 - u)
    y = x * (2 * u - 1)
    xx, xy, yy, xv, yv = ((a * b).sum(1) for a, b in ((x, x), (x, y), (y, y), (x, v), (y, v)))
    xx, yy = xx + _STRAIGHT[0], yy + _STRAIGHT[1]
    solved = torch.stack([xv * yy - yv * xy, yv * xx - xv * xy], 1)
    return solved / (xx * yy - xy * xy)[:, None]


def _curve(edge: Float[Tensor, "b 2"], u: Float[Tensor, "b h w"]) -> Float[Tensor, "b h w"]:
    c, s = (x[:, None, None] for x in edge.unbind(1))
    curve: Tensor = 4 * u * (1 - u) * (c + s * (2 * u - 1))
    return curve


def _coordinates(
    mouth: _Mouth, size: tuple[int, int]
) -> tuple[Float[Tensor, "b h w"], Float[Tensor, "b h w"]]:
    """u and v of every pixel."""
    y, x = (torch.arange(side, device=mouth.origin.device).to(mouth.origin) for side in size)
    x = x - mouth.origin[:, 0, None, None]
    y = y[:, None] - mouth.origin[:, 1, None, None]
    across, down = (mouth.along / mouth.width[:, None])[..., None, None].unbind(1)
    return x * across + y * down, y * across - x * down


def _inside(mouth: _Mouth, u: Tensor, v: Tensor) -> Float[Tensor, "b 1 h w"]:
    edge = _EDGE * u.shape[1] / mouth.width[:, None, None]
    away = torch.minimum(v - _curve(mouth.upper, u), _curve(mouth.lower, u) - v) + edge / 2
    # Beyond the corners the curves of both lips cross.
    soft = (torch.minimum(away, torch.minimum(u, 1 - u)) / edge).clamp(0, 1)
    mask: Tensor = (_opened(mouth, _OPEN) * soft)[:, None]
    return mask


def _teeth_seen(
    mouth: _Mouth, teeth: Tensor, u: Tensor, v: Tensor
) -> tuple[Float[Tensor, "b h w"], Float[Tensor, "b h w"]]:
    """Brightness and opacity at every pixel."""
    top, bottom = mouth.upper[:, 0], mouth.lower[:, 0]
    smile = ((top + _ARCH[0]) / (_ARCH[0] - _ARCH[1])).clamp(0, 1)
    shown, longest = (speech + (smiling - speech) * smile for speech, smiling in (_SHOWN, _LONGEST))
    length = torch.minimum((bottom - top).clamp(min=0) * shown, longest)
    middle, top, length = (x[:, None, None] for x in (mouth.middle, top, length))
    depth = v - top - _FLATTER * (_curve(mouth.upper, u) - top) + _TEETH_END - length
    # A turned mouth shows less of its far half.
    across = torch.where(u < middle, u / middle - 1, (u - middle) / (1 - middle))
    down = 2 * (depth - TEETH_FROM) / (TEETH_TO - TEETH_FROM) - 1
    grid = torch.stack([across, down], -1).clamp(-2, 2)
    seen = F.grid_sample(
        teeth[None].expand(u.shape[0], -1, -1, -1), grid, padding_mode="border", align_corners=False
    )
    large = ((mouth.width - _LEAST_WIDTH) / (_FULL_WIDTH - _LEAST_WIDTH)).clamp(0, 1)
    # Teeth that shine through lips would look like lips: the dark comes first.
    return seen[:, 0], seen[:, 1] * large[:, None, None] * _opened(mouth, _TEETH_OPEN)


def _colors(around: Float[Tensor, "b 3"]) -> Float[Tensor, "b 3 n"]:
    """Of the dark behind the teeth, of the tongue and of teeth, beside each other."""
    dark, tongue = (around * around.new_tensor(x) for x in (_DARK, _TONGUE))
    teeth = around.clamp(min=_TINY) ** _PALE
    teeth = teeth * (_BRIGHTEST / teeth.amax(1, keepdim=True)).clamp(max=_BRIGHT)
    return torch.stack([dark, tongue, teeth], 2)


def _color_around(
    images: Float[Tensor, "b 3 h w"], landmarks: Float[Tensor, "b 68 2"]
) -> Float[Tensor, "b 3"]:
    """Mean color of lips and the skin around, in [0, 1]."""
    lips = landmarks[:, _OUTER_LIPS]
    middle = lips.mean(1, keepdim=True)
    size = (images.shape[2], images.shape[3])
    around = polygon_mask(middle + _AROUND * (lips - middle), size).to(images)
    mean = (images * around).sum((2, 3)) / around.sum((2, 3)).clamp(min=1)
    return ((mean + 1) / 2).clamp(0, 1)
