"""Copy eye opening and gaze from another face.

Not in the papers. An eye is drawn in layers, like a real one: the eyeball, whose iris moves to its
new position, and over it the lower and the upper lid with their lashes, stretched to their new
edges. A closing lid thus covers the iris instead of squeezing it.
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
_CLOSED = 0.15
_LEAST_OPEN, _MOST_OPENED = 0.04, 1.4
_NARROW = 1.5  # some people's open eyes are nearly as narrow: lids fall late, then fast
# Irises lie further off than it says, and no further than this, in the eye's width.
_GAIN, _FURTHEST = 1.5, (0.2, 0.04)
_OWN = 0.5  # of an eye's opening; the rest is the mean of both, whose noise is less
_BESIDE = 0.1  # in the eye's width, by which lids end outside of the corners that are found
_LEAST_WIDTH = 8.0  # pixels
# Of lengths in the eye's width from here on.
_FALLS = 0.8  # share of the upper lid in what an opening changes by
_REACH = 0.6  # of the skin around that is stretched
_UPPER, _LOWER = 0.06, 0.04  # of the lids' edges: lashes, and their shadow
_IRIS = 0.17  # half of it
_SINKS = 0.35  # share of what an opening closes by, by which the eyeball sinks
# A lid that falls looks like the skin this far under the eye, in this share and shade, once an
# opening is multiplied by less than 0.6: above its lashes, as far as the crease.
_UNDER, _BARE, _SHADE, _SHUT = 0.12, 0.8, 0.9, 0.6
_LASHES, _CREASE = 0.05, 0.12
_INSET = 0.03  # by which what slides under a lid ends before the lid


class Eyes(NamedTuple):
    """Both eyes of several faces, the person's right one first; NaN if not found.

    Args:
        irises: centers of the irises (x, y), in pixels.
        contours: contours of the lids, see `NUM_CONTOUR_POINTS`, in pixels.
    """

    irises: Float[Tensor, "n 2 2"]
    contours: Float[Tensor, "n 2 16 2"]

    @classmethod
    def missing(cls, count: int) -> "Eyes":
        """Eyes of faces that were not found: NaN."""
        nothing = torch.full((count, 2, NUM_CONTOUR_POINTS, 2), torch.nan)
        return cls(nothing[:, :, 0].clone(), nothing)


def lid_openings(contours: Float[Tensor, "n 2 16 2"]) -> Float[Tensor, "n 2"]:
    """The gap between the lids of each eye, height over width.

    Source: the eye aspect ratio of Soukupova and Cech, "Real-Time Eye Blink Detection using Facial
    Landmarks", Computer Vision Winter Workshop 2016, eq. (1).
    """
    heights = torch.stack([contours[:, :, a] - contours[:, :, b] for a, b in _PAIRS])
    width = (contours[:, :, _OUTER] - contours[:, :, _INNER]).norm(dim=-1)
    ratio: Tensor = heights.norm(dim=-1).mean(0) / width.clamp(min=1e-6)
    return ratio


def iris_offsets(eyes: Eyes) -> Float[Tensor, "n 2 2"]:
    """Offset of each iris to the right of the midpoint between the eye's corners, as seen, and
    below their line, relative to the eye's width.
    """
    first, along = _first_corner(eyes.contours)
    below = torch.stack([-along[..., 1], along[..., 0]], -1)
    away = eyes.irises - first - along / 2
    both = torch.stack([(away * along).sum(-1), (away * below).sum(-1)], -1)
    offsets: Tensor = both / along.square().sum(-1, keepdim=True).clamp(min=1e-6)
    return offsets


def eye_states(eyes: Eyes) -> Float[Tensor, "n 6"]:
    """What `with_eyes_of` needs from a source: both `lid_openings`, then both `iris_offsets`.

    Example:
        >>> eye_states(Eyes.missing(2)).shape
        torch.Size([2, 6])
    """
    return torch.cat([lid_openings(eyes.contours), iris_offsets(eyes).flatten(1)], 1)


def with_eyes_of(
    images: Float[Tensor, "b 3 h w"], eyes: Eyes, source: Eyes | Float[Tensor, "b 6"]
) -> Float[Tensor, "b 3 h w"]:
    """The same faces with the eye opening and gaze of the source.

    With o the openings of `lid_openings`, half each eye's own and half the mean of both, and ``r =
    (o_source - 0.15) / (o - 0.15)``, an eye's opening is multiplied by r, up to 1.4, and where lids
    fall by ``1 - (1 - r)^1.5``: 0.15 is read where they are closed. The upper lid takes 0.8 of the
    change. Irises move by 1.5 times the difference of the `iris_offsets`, mean of both eyes, at
    most 0.2 of the eye's width across and 0.04 down: so both go on looking the same way. Of the
    source four numbers go along, and nothing of its image.

    Where r is below 0.6, a part of the lid, ``0.8 (1 - r / 0.6)``, gets the color of the skin under
    the eye, a tenth darker: else the dark edge above an open eye would cover all of a closed one.

    Args:
        images: in [-1, 1].
        eyes: where they are in them, in pixels.
        source: eyes of faces in the same pose, in pixels of any size, or their `eye_states`. A face
            with an eye not found in either is unchanged, as are eyes narrower than 8 pixels.
    Raises:
        ValueError: mismatched counts.

    Example:
        >>> faces, none = torch.rand(2, 3, 64, 64), Eyes.missing(2)
        >>> torch.equal(with_eyes_of(faces, none, none), faces)
        True
    """
    states = eye_states(source) if isinstance(source, Eyes) else source
    if not len(images) == len(eyes.irises) == len(states):
        counts = f"{len(eyes.irises)} and {len(states)} for {len(images)}"
        raise ValueError(f"expected the eyes of every image, got {counts}")
    there = [x.flatten(1).isfinite().all(1) for x in (*eyes, states)]
    chosen = torch.stack(there).all(0).nonzero().flatten()
    like = images.new_empty(0, dtype=torch.promote_types(images.dtype, torch.float32))
    own, wanted = Eyes(*(x[chosen].to(like) for x in eyes)), states[chosen].to(like)
    now, then = (_with_mean(x) for x in (lid_openings(own.contours), wanted[:, :2]))
    ratios = ((then - _CLOSED) / (now - _CLOSED).clamp(min=_LEAST_OPEN)).clamp(0, _MOST_OPENED)
    ratios = torch.where(ratios < 1, 1 - (1 - ratios).clamp(min=0) ** _NARROW, ratios)
    shifts = _GAIN * (wanted[:, 2:].view(-1, 2, 2) - iris_offsets(own)).mean(1, keepdim=True)
    most = shifts.new_tensor(_FURTHEST)
    shifts = torch.minimum(torch.maximum(shifts, -most), most).expand(-1, 2, -1)
    frames = _Frames.of(own.contours)
    lids = _Lids.of(frames.inside(own.contours.flatten(0, 1)[:, None])[:, 0])
    irises = frames.inside(own.irises.view(-1, 1, 1, 2))[:, 0, 0]
    moves = _Moves(lids.terms, irises, ratios.flatten(), shifts.flatten(0, 1))
    large = (frames.widths >= _LEAST_WIDTH).nonzero().flatten()
    result = images.clone()
    if len(large):
        items = chosen.repeat_interleave(2)[large.to(chosen.device)]
        _draw(result, items, frames.at(large), _Moves(*(x[large] for x in moves)))
    return result


def _with_mean(openings: Float[Tensor, "n 2"]) -> Float[Tensor, "n 2"]:
    return openings + (1 - _OWN) * (openings.mean(1, keepdim=True) - openings)


def _first_corner(contours: Float[Tensor, "n 2 16 2"]) -> tuple[Tensor, Tensor]:
    """The corner of each eye that is seen on the left, and the way from there to the other."""
    outer, inner = contours[:, :, _OUTER], contours[:, :, _INNER]
    first = torch.stack([outer[:, 0], inner[:, 1]], 1)
    return first, torch.stack([inner[:, 0], outer[:, 1]], 1) - first


class _Frames(NamedTuple):
    """Coordinates of eyes: t from 0 to 1 from the left to the right end of the lids, y below."""

    starts: Float[Tensor, "m 2"]
    along: Float[Tensor, "m 2"]
    widths: Float[Tensor, "m"]

    @classmethod
    def of(cls, contours: Float[Tensor, "n 2 16 2"]) -> "_Frames":
        first, along = (x.flatten(0, 1) for x in _first_corner(contours))
        widths = (1 + 2 * _BESIDE) * along.norm(dim=-1)
        along = along / along.norm(dim=-1, keepdim=True).clamp(min=1e-6)
        return cls(first - _BESIDE / (1 + 2 * _BESIDE) * widths[:, None] * along, along, widths)

    def at(self, some: Tensor) -> "_Frames":
        return _Frames(*(x[some] for x in self))

    def inside(self, points: Float[Tensor, "m p q 2"]) -> Float[Tensor, "m p q 2"]:
        """From pixels."""
        x, y = (points - self.starts[:, None, None]).unbind(-1)
        (u, v), widths = self._axes(), self.widths.clamp(min=1e-6)[:, None, None]
        return torch.stack([(u * x + v * y) / widths, (u * y - v * x) / widths], -1)

    def outside(self, t: Float[Tensor, "m p q"], y: Tensor) -> Float[Tensor, "m p q 2"]:
        """To pixels."""
        (u, v), widths = self._axes(), self.widths[:, None, None]
        x0, y0 = self.starts[:, None, None].unbind(-1)
        u, v = u * widths, v * widths
        return torch.stack([x0 + u * t - v * y, y0 + v * t + u * y], -1)

    def _axes(self) -> tuple[Tensor, Tensor]:
        u, v = self.along[:, None, None].unbind(-1)
        return u, v

    def windows(self, size: tuple[int, int]) -> tuple[Tensor, tuple[int, int]]:
        """Left upper corners of windows that eyes are drawn in, and their one height and width."""
        u, v = self.along.abs().unbind(-1)
        reach = 0.5 + _REACH
        needed = torch.stack([reach * u + 0.5 * v, 0.5 * u + reach * v], -1) * self.widths[:, None]
        height, width = (
            min(2 * int(x) + 3, most) for x, most in zip(needed.amax(0), size, strict=True)
        )
        middle = self.starts + self.widths[:, None] / 2 * self.along
        last = torch.tensor([size[1] - width, size[0] - height]).to(middle)
        corners = middle - middle.new_tensor([width - 1, height - 1]) / 2
        corners = torch.minimum(corners.round().clamp(min=0), last)
        return corners, (height, width)


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

    def heights(self, t: Float[Tensor, "m p q"]) -> tuple[Tensor, Tensor]:
        """Of the upper lid, and from there to the lower one."""
        t = t.clamp(0, 1)
        a, b = self.terms[:, None, None].unbind(-1)
        bow = t * (1 - t)
        upper, lower = (bow * (a[..., i] + b[..., i] * t) for i in (0, 1))
        return upper, (lower - upper).clamp(min=0)


class _Moves(NamedTuple):
    """What is to become of eyes, in their frames: see `_Lids` for the terms."""

    terms: Float[Tensor, "m 2 2"]
    irises: Float[Tensor, "m 2"]
    ratios: Float[Tensor, "m"]
    shifts: Float[Tensor, "m 2"]

    @property
    def lids(self) -> _Lids:
        return _Lids(self.terms)


def _draw(images: Float[Tensor, "b 3 h w"], items: Tensor, frames: _Frames, moves: _Moves) -> None:
    """Draw one eye of each of these items anew, in place."""
    corners, (height, width) = frames.windows((images.shape[2], images.shape[3]))
    windows = [
        images[i][:, y : y + height, x : x + width]
        for i, (x, y) in zip(items.tolist(), corners.long().tolist(), strict=True)
    ]
    local = frames._replace(starts=frames.starts - corners)
    rows, columns = (torch.arange(n).to(corners) for n in (height, width))
    pixels = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)
    t, y = local.inside(pixels.expand(len(items), -1, -1, -1)).unbind(-1)
    drawn = _layers(torch.stack(windows), local, moves, t, y)
    between = ((t > 0) & (t < 1))[:, None]
    for window, new, where in zip(windows, drawn, between, strict=True):
        window.copy_(torch.where(where, new, window))


def _layers(
    pictures: Float[Tensor, "m 3 p q"], frames: _Frames, moves: _Moves, t: Tensor, y: Tensor
) -> Float[Tensor, "m 3 p q"]:
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
    # The dark edge of an open eye would cover all of a lid that falls.
    skin = _looked_up(pictures, frames, t, lower + _UNDER + above.clamp(0, _REACH))
    bare = _BARE * (1 - ratios / _SHUT).clamp(min=0) * (gap > 0)
    bare = bare * (1 - _fading(above / _LASHES - 1)) * _fading((above - falls) / _CREASE)
    lid = layers[2] + bare[:, None] * (_SHADE * (skin + 1) - 1 - layers[2])
    drawn = layers[0]
    for layer, edge in ((layers[1], -below / _LOWER), (lid, -above / _UPPER)):
        drawn = drawn + _fading(edge)[:, None] * (layer - drawn)
    return drawn


def _eyeball(moves: _Moves, t: Tensor, y: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
    """Where every point of the new eyeball was before."""
    ratios = moves.ratios[:, None, None]
    upper, gap = moves.lids.heights(t)
    # Lids that fall leave it where it is; those that rise take it along, for want of more of it.
    from_lid = torch.where(ratios < 1, y - upper, depth / ratios.clamp(min=1))
    share = (from_lid / gap.clamp(min=1e-4)).clamp(0, 1)
    across, down = moves.shifts[:, None, None].unbind(-1)
    # Behind a lid that falls an eye looks down: else there was no iris to be seen, only white.
    down = down + _SINKS * gap * (1 - ratios).clamp(min=0)
    height = upper + share * gap
    iris = moves.irises[:, None, None]
    middle = iris[..., 0].clamp(_IRIS + 0.1, 0.9 - _IRIS)
    across = across.clamp(0.05 - (middle - _IRIS), 0.95 - (middle + _IRIS))
    before = _slid(t, middle, across, *(_chord(height - iris[..., 1] - d) for d in (0, down)))
    upper, gap = moves.lids.heights(before)
    height = upper + share * gap
    within = (t - across - middle).abs() < _chord(height - iris[..., 1] - down)
    inset = torch.minimum(gap / 2, torch.full_like(gap, _INSET))
    slid = torch.maximum(height - down, torch.minimum(height, upper + inset))
    slid = torch.minimum(slid, torch.maximum(height, upper + gap - inset))
    return before, torch.where(within, slid, height)


def _chord(below: Tensor) -> Tensor:
    """Half the width of an iris so far below its middle."""
    return (_IRIS**2 - below.square()).clamp(min=0).sqrt()


def _slid(t: Tensor, middle: Tensor, shift: Tensor, old: Tensor, new: Tensor) -> Tensor:
    """Where t was before an iris was shifted; what is beside it is stretched as far as the ends.

    Args:
        old, new: half its width at the height of t, before and after.
    """
    left = t * (middle - old) / (middle + shift - new)
    right = 1 - (1 - t) * (1 - middle - old) / (1 - middle - shift - new)
    away = t - middle - shift
    beside = torch.where(away < 0, left, right)
    return torch.where(away.abs() < new, t - shift, beside)


def _fading(x: Tensor) -> Tensor:
    """1 up to 0, 0 from 1, smooth between."""
    x = x.clamp(0, 1)
    return 1 - x * x * (3 - 2 * x)


def _looked_up(
    pictures: Float[Tensor, "m 3 p q"], frames: _Frames, t: Tensor, y: Tensor
) -> Float[Tensor, "m 3 p q"]:
    height, width = pictures.shape[2:]
    size = torch.tensor([width, height]).to(t)
    found = F.grid_sample(
        pictures.to(t.dtype),
        (frames.outside(t, y) + 0.5) * (2 / size) - 1,
        mode="bicubic",
        padding_mode="border",
        align_corners=False,
    )
    low, high = pictures.amin((2, 3), keepdim=True), pictures.amax((2, 3), keepdim=True)
    return found.to(pictures.dtype).clamp(low, high)
