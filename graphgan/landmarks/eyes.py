"""Lids as far apart, and irises where they are, as in another face.

Not in the papers. An eye is drawn in layers, as it is built: the eyeball, whose iris slides to
where it is to look, and over it the lower and the upper lid with their lashes, which are stretched
to where their edges are to be. So a lid that falls covers the iris and does not squeeze it.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

NUM_CONTOUR_POINTS = 16
"""Of the lids: the outer corner, 7 below, the inner corner (number 8), 7 above from the outside."""

_OUTER, _INNER = 0, 8
_BELOW, _ABOVE = slice(1, 8), slice(9, 16)
_PAIRS = ((11, 3), (13, 5))  # above and below, a third and two thirds of the way

# What the network that finds the points says of closed lids, as a height over the width.
_CLOSED = 0.14
_LEAST_OPEN, _MOST_OPENED = 0.04, 1.4
# Irises lie further off than it says, and no further than this, in the eye's width.
_GAIN, _FURTHEST = 1.5, (0.2, 0.08)
_OWN = 0.5  # of an eye's opening; the rest is the mean of both, whose noise is less
_BESIDE = 0.1  # in the eye's width, by which lids end outside of the corners that are found
_LEAST_WIDTH = 8.0  # pixels
# Of lengths in the eye's width from here on.
_FALLS = 0.8  # share of the upper lid in what an opening changes by
_REACH = 0.6  # of the skin around that is stretched
_UPPER, _LOWER = 0.06, 0.04  # of the lids' edges: lashes, and their shadow
_IRIS = 0.17  # half of it
_INSET = 0.03  # by which what slides under a lid ends before the lid


class Eyes(NamedTuple):
    """Both eyes of several faces, the person's right one first; NaN where they were not found.

    Args:
        irises: centers of the irises (x, y), in pixels.
        contours: of the lids, see `NUM_CONTOUR_POINTS`, in pixels.
    """

    irises: Float[Tensor, "n 2 2"]
    contours: Float[Tensor, "n 2 16 2"]

    @classmethod
    def missing(cls, count: int) -> "Eyes":
        """Those of faces that were not found: NaN."""
        nothing = torch.full((count, 2, NUM_CONTOUR_POINTS, 2), torch.nan)
        return cls(nothing[:, :, 0].clone(), nothing)


def lid_openings(contours: Float[Tensor, "n 2 16 2"]) -> Float[Tensor, "n 2"]:
    """Height of the gap between the lids of each eye over its width.

    Source: the eye aspect ratio of Soukupova and Cech, "Real-Time Eye Blink Detection using Facial
    Landmarks", Computer Vision Winter Workshop 2016, eq. (1).
    """
    heights = torch.stack([contours[:, :, a] - contours[:, :, b] for a, b in _PAIRS])
    width = (contours[:, :, _OUTER] - contours[:, :, _INNER]).norm(dim=-1)
    ratio: Tensor = heights.norm(dim=-1).mean(0) / width.clamp(min=1e-6)
    return ratio


def iris_offsets(eyes: Eyes) -> Float[Tensor, "n 2 2"]:
    """How far each iris lies to the right of the middle between the eye's corners, as seen, and
    below their line, over the eye's width.
    """
    first, along = _first_corner(eyes.contours)
    below = torch.stack([-along[..., 1], along[..., 0]], -1)
    away = eyes.irises - first - along / 2
    both = torch.stack([(away * along).sum(-1), (away * below).sum(-1)], -1)
    offsets: Tensor = both / along.square().sum(-1, keepdim=True).clamp(min=1e-6)
    return offsets


def with_eyes_of(
    images: Float[Tensor, "b 3 h w"], eyes: Eyes, source: Eyes
) -> Float[Tensor, "b 3 h w"]:
    """The same faces, with lids as far apart and irises where they are in the source.

    With o the openings of `lid_openings`, half each eye's own and half the mean of both, an eye's
    opening is multiplied by ``r = (o_source - 0.14) / (o - 0.14)``, from 0 to 1.4: 0.14 is read
    where lids are closed. The upper lid takes 0.8 of the change. Irises move by 1.5 times the
    difference of the `iris_offsets`, mean of both eyes, at most 0.2 of the eye's width across and
    0.08 down: so both go on looking the same way. Nothing of the source's image is used.

    Args:
        images: in any range.
        eyes: where they are in them, in pixels.
        source: of faces in the same pose, in pixels of any size. A face with an eye that was not
            found in either stays as it is, and so do eyes below 8 pixels.
    Raises:
        ValueError: unlike counts.

    Example:
        >>> faces, none = torch.rand(2, 3, 64, 64), Eyes.missing(2)
        >>> torch.equal(with_eyes_of(faces, none, none), faces)
        True
    """
    if not len(images) == len(eyes.irises) == len(source.irises):
        counts = f"{len(eyes.irises)} and {len(source.irises)} for {len(images)}"
        raise ValueError(f"expected the eyes of every image, got {counts}")
    there = [x.flatten(1).isfinite().all(1) for x in (*eyes, *source)]
    chosen = torch.stack(there).all(0).nonzero().flatten()
    dtype = torch.promote_types(images.dtype, torch.float32)
    own, wanted = (Eyes(*(x[chosen].to(dtype) for x in given)) for given in (eyes, source))
    now, then = (_with_mean(lid_openings(x.contours)) for x in (own, wanted))
    ratios = ((then - _CLOSED) / (now - _CLOSED).clamp(min=_LEAST_OPEN)).clamp(0, _MOST_OPENED)
    shifts = _GAIN * (iris_offsets(wanted) - iris_offsets(own)).mean(1, keepdim=True)
    most = shifts.new_tensor(_FURTHEST)
    shifts = torch.minimum(torch.maximum(shifts, -most), most).expand(-1, 2, -1)
    result = images.clone()
    for side in (0, 1):
        points = own.contours[:, side], own.irises[:, side]
        frames = _Frames.of(own.contours, side)
        large = (frames.widths >= _LEAST_WIDTH).nonzero().flatten()
        if len(large):
            lids = _Lids.of(frames.inside(points[0][:, None])[:, 0]).at(large)
            irises = frames.inside(points[1][:, None, None])[:, 0, 0]
            moves = _Moves(lids, irises[large], ratios[large, side], shifts[large, side])
            _draw(result, chosen[large], frames.at(large), moves)
    return result


def _with_mean(openings: Float[Tensor, "n 2"]) -> Float[Tensor, "n 2"]:
    return openings + (1 - _OWN) * (openings.mean(1, keepdim=True) - openings)


def _first_corner(contours: Float[Tensor, "n 2 16 2"]) -> tuple[Tensor, Tensor]:
    """The corner of each eye that is seen on the left, and the way from there to the other."""
    outer, inner = contours[:, :, _OUTER], contours[:, :, _INNER]
    first = torch.stack([outer[:, 0], inner[:, 1]], 1)
    return first, torch.stack([inner[:, 0], outer[:, 1]], 1) - first


class _Frames(NamedTuple):
    """Coordinates of an eye: t from 0 to 1 from the left to the right end of its lids, y below."""

    starts: Float[Tensor, "m 2"]
    axes: Float[Tensor, "m 2 2"]
    widths: Float[Tensor, "m"]

    @classmethod
    def of(cls, contours: Float[Tensor, "m 2 16 2"], side: int) -> "_Frames":
        first, along = (x[:, side] for x in _first_corner(contours))
        start, along = first - _BESIDE * along, (1 + 2 * _BESIDE) * along
        widths = along.norm(dim=-1)
        below = torch.stack([-along[:, 1], along[:, 0]], -1)
        axes = torch.stack([along, below], 1) / widths.clamp(min=1e-6)[:, None, None]
        return cls(start, axes, widths)

    def at(self, some: Tensor) -> "_Frames":
        return _Frames(*(x[some] for x in self))

    def inside(self, points: Float[Tensor, "m p q 2"]) -> Float[Tensor, "m p q 2"]:
        away = points - self.starts[:, None, None]
        turned = away @ self.axes.mT[:, None]
        inside: Tensor = turned / self.widths.clamp(min=1e-6)[:, None, None, None]
        return inside

    def outside(self, t: Float[Tensor, "m p q"], y: Tensor) -> Float[Tensor, "m p q 2"]:
        away = torch.stack([t, y], -1) * self.widths[:, None, None, None]
        return away @ self.axes[:, None] + self.starts[:, None, None]


class _Lids(NamedTuple):
    """``y = t (1 - t) (a + b t)``, by least squares, of the upper and the lower lid."""

    terms: Float[Tensor, "m 2 2"]

    @classmethod
    def of(cls, points: Float[Tensor, "m 16 2"]) -> "_Lids":
        t, y = torch.stack([points[:, _ABOVE], points[:, _BELOW]], 1).unbind(-1)
        bow = t * (1 - t)
        bases = torch.stack([bow, bow * t], -1)
        square = bases.mT @ bases + 1e-6 * torch.eye(2).to(bases)
        return cls(torch.linalg.solve(square, bases.mT @ y[..., None])[..., 0])

    def at(self, some: Tensor) -> "_Lids":
        return _Lids(self.terms[some])

    def heights(self, t: Float[Tensor, "m p q"]) -> tuple[Tensor, Tensor]:
        """Of the upper lid, and from there to the lower one."""
        t = t.clamp(0, 1)
        a, b = self.terms[:, None, None].unbind(-1)
        upper, lower = (t * (1 - t) * (a[..., i] + b[..., i] * t) for i in (0, 1))
        return upper, (lower - upper).clamp(min=0)


class _Moves(NamedTuple):
    """What is to become of eyes, in their frames."""

    lids: _Lids
    irises: Float[Tensor, "m 2"]
    ratios: Float[Tensor, "m"]
    shifts: Float[Tensor, "m 2"]


def _draw(images: Float[Tensor, "b 3 h w"], items: Tensor, frames: _Frames, moves: _Moves) -> None:
    """Draw one eye of each of these items anew, in place."""
    size = torch.tensor(images.shape[2:])
    side = int(torch.minimum((frames.widths.max() * (1 + 2 * _REACH)).long() + 2, size.min()))
    middle = frames.starts + frames.widths[:, None] / 2 * frames.axes[:, 0]
    corners = (middle - side / 2).round().long()
    corners = torch.minimum(corners.clamp(min=0), size.flip(0).to(corners) - side)
    windows = [(slice(None), slice(y, y + side), slice(x, x + side)) for x, y in corners.tolist()]
    pictures = [images[i][window] for i, window in zip(items.tolist(), windows, strict=True)]
    steps = torch.arange(side).to(frames.starts)
    pixels = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)
    local = frames._replace(starts=frames.starts - corners)
    t, y = local.inside(pixels.expand(len(items), -1, -1, -1)).unbind(-1)
    drawn = _layers(torch.stack(pictures), local, moves, t, y)
    beside = ((t > 0) & (t < 1))[:, None]
    for picture, new, where in zip(pictures, drawn, beside, strict=True):
        picture.copy_(torch.where(where, new, picture))


def _layers(
    pictures: Float[Tensor, "m 3 p p"], frames: _Frames, moves: _Moves, t: Tensor, y: Tensor
) -> Float[Tensor, "m 3 p p"]:
    """The eyeball, on it the lower lid, on it the upper one."""
    ratios = moves.ratios[:, None, None]
    upper, gap = moves.lids.heights(t)
    lower = upper + gap
    falls = _FALLS * gap * (1 - ratios)
    rises = (1 - _FALLS) * gap * (1 - ratios)
    above, below = upper + falls - y, y - (lower - rises)  # how far outside of the new opening
    layers = (
        _looked_up(pictures, frames, *_eyeball(moves, t, y, -above)),
        _looked_up(pictures, frames, t, y + rises * _fading(below / _REACH)),
        _looked_up(pictures, frames, t, y - falls * _fading(above / _REACH)),
    )
    drawn = layers[0]
    for layer, edge in ((layers[1], -below / _LOWER), (layers[2], -above / _UPPER)):
        drawn = drawn + _fading(edge)[:, None] * (layer - drawn)
    return drawn


def _eyeball(moves: _Moves, t: Tensor, y: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
    """Where every point of the new eyeball was before."""
    upper, gap = moves.lids.heights(t)
    ratios = moves.ratios[:, None, None]
    # Lids that fall leave it where it is; those that rise take it along, for want of more of it.
    from_lid = torch.where(ratios < 1, y - upper, depth / ratios.clamp(min=1))
    share = (from_lid / gap.clamp(min=1e-4)).clamp(0, 1)
    across, down = moves.shifts[:, None, None].unbind(-1)
    before = _slid(t, moves.irises[:, None, None, 0], across)
    upper, gap = moves.lids.heights(before)
    height = upper + share * gap
    inset = torch.minimum(gap / 2, torch.full_like(gap, _INSET))
    slid = height - down * 4 * (t * (1 - t)).clamp(min=0)
    slid = torch.maximum(slid, torch.minimum(height, upper + inset))
    return before, torch.minimum(slid, torch.maximum(height, upper + gap - inset))


def _slid(t: Tensor, center: Tensor, shift: Tensor) -> Tensor:
    """Where t was before the iris about ``center`` was shifted; linear from there to both ends."""
    center = center.clamp(_IRIS + 0.1, 0.9 - _IRIS)
    shift = shift.clamp(0.05 - (center - _IRIS), 0.95 - (center + _IRIS))
    left, right = center - _IRIS, center + _IRIS
    outside = torch.where(
        t < left + shift,
        t * left / (left + shift),
        1 - (1 - t) * (1 - right) / (1 - right - shift),
    )
    moved: Tensor = torch.where((t - shift - center).abs() < _IRIS, t - shift, outside)
    return moved


def _fading(x: Tensor) -> Tensor:
    """1 up to 0, 0 from 1, smooth between."""
    x = x.clamp(0, 1)
    return 1 - x * x * (3 - 2 * x)


def _looked_up(
    pictures: Float[Tensor, "m 3 p p"], frames: _Frames, t: Tensor, y: Tensor
) -> Float[Tensor, "m 3 p p"]:
    grid = (frames.outside(t, y) + 0.5) * (2 / pictures.shape[-1]) - 1
    found = F.grid_sample(
        pictures.to(grid.dtype), grid, "bicubic", padding_mode="border", align_corners=False
    )
    low, high = pictures.amin((2, 3), keepdim=True), pictures.amax((2, 3), keepdim=True)
    return torch.minimum(torch.maximum(found.to(pictures.dtype), low), high)
