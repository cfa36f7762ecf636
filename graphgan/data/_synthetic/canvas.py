"""An anti-aliased canvas in numpy: polygons, strokes and glows painted over one another."""

import numpy as np
from jaxtyping import Float, Int

_LINES = 4  # lines of a pixel on which a polygon's coverage is exact
_STEPS = 6  # points of a smooth curve between two of those it passes through


def smooth_curve(
    points: Float[np.ndarray, "n 2"], *, closed: bool = False
) -> Float[np.ndarray, "m 2"]:
    """A Catmull-Rom spline that passes through every point."""
    if closed:
        padded = np.concatenate((points[-1:], points, points[:2]))
    else:
        first, last = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
        padded = np.concatenate((first[None], points, last[None]))
    a, b, c, d = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, _STEPS, endpoint=False)[:, None]
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    flat: Float[np.ndarray, "m 2"] = curve.reshape(-1, 2)
    return flat if closed else np.concatenate((flat, points[-1:]))


def ellipse(
    center: Float[np.ndarray, "2"],
    across: Float[np.ndarray, "2"],
    down: Float[np.ndarray, "2"],
    *,
    power: float = 1.0,
) -> Float[np.ndarray, "40 2"]:
    """A closed curve around two half axes; a power below 1 makes it squarer."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    cosine, sine = np.cos(angle), np.sin(angle)
    cosine = np.sign(cosine) * np.abs(cosine) ** power
    sine = np.sign(sine) * np.abs(sine) ** power
    curve: Float[np.ndarray, "40 2"] = center + cosine[:, None] * across + sine[:, None] * down
    return curve


def ribbon(
    line: Float[np.ndarray, "n 2"], widths: Float[np.ndarray, "n"]
) -> Float[np.ndarray, "m 2"]:
    """The outline of a stroke along a line, of its own width at every point."""
    along = np.gradient(line, axis=0)
    normal = np.stack((-along[:, 1], along[:, 0]), -1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    half = normal * (widths / 2)[:, None]
    return np.concatenate((line + half, (line - half)[::-1]))


def coverage(points: Float[np.ndarray, "n 2"], height: int, width: int) -> Float[np.ndarray, "h w"]:
    """The share of every pixel that lies in a polygon.

    Each line of a pixel row is filled between the crossings of the polygon's edges: a crossing
    adds its step to the pixel it falls in, and a running sum along the row does the rest.
    """
    mask = np.zeros((height, width), np.float32)
    left, top = np.maximum(np.floor(points.min(0) + 0.5), 0).astype(int)
    limits = np.array((width, height)) - 1
    right, bottom = np.minimum(np.floor(points.max(0) + 0.5), limits).astype(int)
    if right < left or bottom < top:
        return mask
    lines = (np.arange(top * _LINES, (bottom + 1) * _LINES) + 0.5) / _LINES - 0.5
    rows, columns = bottom + 1 - top, right + 1 - left
    ends = np.roll(points, -1, axis=0)
    above = points[:, 1, None] <= lines
    edge, line = np.nonzero(above != (ends[:, 1, None] <= lines))
    start, end = points[edge], ends[edge]
    slope = (end[:, 0] - start[:, 0]) / (end[:, 1] - start[:, 1])
    crossing = start[:, 0] + (lines[line] - start[:, 1]) * slope
    crossing = np.clip(crossing + 0.5 - left, 0, columns)
    pixel = crossing.astype(np.int64)
    spill = crossing - pixel
    step = np.where(above[edge, line], 1.0, -1.0) / _LINES
    place = line // _LINES * (columns + 2) + pixel
    steps = np.bincount(
        np.concatenate((place, place + 1)),
        np.concatenate((step * (1 - spill), step * spill)),
        rows * (columns + 2),
    )
    filled = np.abs(np.cumsum(steps.reshape(rows, -1), axis=1)[:, :columns])
    mask[top : bottom + 1, left : right + 1] = np.minimum(filled, 1)
    return mask


def blurred(mask: Float[np.ndarray, "h w"], radius: float) -> Float[np.ndarray, "h w"]:
    """Two box blurs in each direction."""
    reach = max(int(radius), 1)
    for axis in (0, 1, 0, 1):
        mask = _box_blurred(mask, reach, axis)
    return mask


def _box_blurred(mask: Float[np.ndarray, "h w"], reach: int, axis: int) -> Float[np.ndarray, "h w"]:
    pads = [(0, 0), (0, 0)]
    pads[axis] = (reach + 1, reach)
    sums = np.cumsum(np.pad(mask, pads, mode="edge"), axis=axis)
    count = 2 * reach + 1
    high = sums[count:] if axis == 0 else sums[:, count:]
    low = sums[:-count] if axis == 0 else sums[:, :-count]
    blur: Float[np.ndarray, "h w"] = (high - low) / np.float32(count)
    return blur


def enlarged(
    maps: Float[np.ndarray, "c n n"], size: tuple[int, int], *, smooth: bool = False
) -> Float[np.ndarray, "c h w"]:
    """Bilinear interpolation in which corners stay corners; smooth eases from sample to sample."""
    (above, down), (left, right) = (_between(maps.shape[-1], side, smooth) for side in size)
    first = maps[..., left]
    wide = first + right * (maps[..., left + 1] - first)
    upper = wide[:, above]
    full: Float[np.ndarray, "c h w"] = upper + down[:, None] * (wide[:, above + 1] - upper)
    return full


def _between(
    count: int, size: int, smooth: bool
) -> tuple[Int[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """For each pixel of a side the sample before it, and how far it is on the way to the next."""
    place = np.linspace(0, count - 1, size, dtype=np.float32)
    low = np.minimum(place.astype(np.int64), count - 2)
    part = place - low
    return low, part * part * (3 - 2 * part) if smooth else part


def soft_step(values: Float[np.ndarray, "..."], softness: float) -> Float[np.ndarray, "..."]:
    """From 0 to 1 around 0, over the softness on either side."""
    part = np.clip(values * np.float32(0.5 / softness) + np.float32(0.5), 0, 1)
    eased: Float[np.ndarray, ...] = part * part * (3 - 2 * part)
    return eased


def interpolated(
    table: Float[np.ndarray, "n"], place: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """A table read between its entries, over and over again."""
    whole = np.floor(place)
    index = whole.astype(np.int64) % len(table)
    low, high = table[index], table[(index + 1) % len(table)]
    value: Float[np.ndarray, ...] = low + (place - whole) * (high - low)
    return value


class Canvas:
    """An image that takes one layer of paint after the other.

    Args:
        height, width: in pixels.
    Shapes:
        ``pixels: 3 height width`` (float32, RGB, 0 to 1)
    """

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.pixels = np.zeros((3, height, width), np.float32)
        self.rows, self.columns = np.mgrid[:height, :width].astype(np.float32)

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width

    def coverage(self, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "h w"]:
        return coverage(points, self.height, self.width)

    def paint(
        self,
        mask: Float[np.ndarray, "h w"],
        color: Float[np.ndarray, "3 ..."] | tuple[float, float, float],
        opacity: float = 1.0,
    ) -> None:
        """Lay a color, or an image of them, over the pixels as far as the mask lets it."""
        paint = np.asarray(color, np.float32)
        if paint.ndim == 1:
            paint = paint[:, None, None]
        self.pixels += (mask * np.float32(opacity)) * (paint - self.pixels)

    def shade(self, mask: Float[np.ndarray, "h w"], factor: float) -> None:
        """Multiply the pixels under the mask."""
        self.pixels *= 1 + mask * np.float32(factor - 1)

    def glow(
        self, center: Float[np.ndarray, "2"], radii: tuple[float, float]
    ) -> Float[np.ndarray, "h w"]:
        """A mask that fades out from a center, as a Gaussian."""
        x = np.exp(-(((self.columns[0] - np.float32(center[0])) / np.float32(radii[0])) ** 2))
        y = np.exp(-(((self.rows[:, 0] - np.float32(center[1])) / np.float32(radii[1])) ** 2))
        mask: Float[np.ndarray, "h w"] = y[:, None] * x
        return mask
