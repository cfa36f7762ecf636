"""Colors of skin and hair, and how they are drawn by chance."""

import numpy as np

Color = tuple[float, float, float]  # RGB in [0, 1]

SKINS: tuple[Color, ...] = (
    (0.98, 0.86, 0.78),
    (0.95, 0.78, 0.66),
    (0.88, 0.69, 0.54),
    (0.78, 0.57, 0.42),
    (0.62, 0.43, 0.31),
    (0.47, 0.32, 0.24),
)
HAIRS: tuple[Color, ...] = (
    (0.08, 0.07, 0.07),
    (0.20, 0.13, 0.09),
    (0.36, 0.22, 0.13),
    (0.52, 0.27, 0.12),
    (0.70, 0.52, 0.28),
    (0.86, 0.74, 0.50),
    (0.68, 0.67, 0.66),
    (0.55, 0.14, 0.12),
    (0.20, 0.28, 0.52),
)


def clipped(values: np.ndarray) -> Color:
    """As a color that is not quite black."""
    red, green, blue = (float(v) for v in np.clip(values, 0.02, 1.0))
    return red, green, blue


def near(rng: np.random.Generator, color: Color, spread: float) -> Color:
    """A color around another."""
    return clipped(np.asarray(color) + rng.uniform(-spread, spread, 3))


def between(rng: np.random.Generator, palette: tuple[Color, ...], spread: float) -> Color:
    """A color on the path through the palette, with a little of its own."""
    place = rng.uniform(0, len(palette) - 1)
    lower = min(int(place), len(palette) - 2)
    low, high = np.asarray(palette[lower]), np.asarray(palette[lower + 1])
    return near(rng, clipped(low + (place - lower) * (high - low)), spread)


def any_color(rng: np.random.Generator) -> Color:
    """Any gray, tinted."""
    gray = rng.uniform(0.1, 0.9)
    return clipped(gray + rng.uniform(-0.2, 0.2, 3))
