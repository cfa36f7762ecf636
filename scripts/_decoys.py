"""Drawn things that are no faces, and yet round, or with two dots: a detector's false alarms.

Balls, buttons, sockets, fronts of cars, pairs of dots, ovals in colors of skin, and dolls of a
disc, hair and two dots.
"""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

Image = Float[np.ndarray, "h w 3"]
Layer = tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "3"]]
"""How far it covers, 0 to 1, and its color."""

_SMALLEST, _LARGEST = 10, 160  # pixels of half a thing's side
_SKIN = ((236, 204, 180), (214, 170, 138), (180, 130, 98), (128, 86, 62), (84, 56, 42))


class Plane:
    """Coordinates of a thing, -1 to 1, and shapes in them with soft edges.

    Args:
        x, y: of each pixel.
        pixels: that half the thing's side is long.
    """

    def __init__(self, x: Float[np.ndarray, "h w"], y: Float[np.ndarray, "h w"], pixels: float):
        self.x, self.y, self.pixels = x, y, pixels

    def disc(self, x: float, y: float, wide: float, high: float | None = None) -> np.ndarray:
        high = wide if high is None else high
        away = np.hypot((self.x - x) / wide, (self.y - y) / high)
        return self._soft((1 - away) * min(wide, high))

    def box(self, x: float, y: float, wide: float, high: float) -> np.ndarray:
        return self._soft(np.minimum(wide - abs(self.x - x), high - abs(self.y - y)))

    def _soft(self, inwards: np.ndarray) -> np.ndarray:
        return (inwards * self.pixels + 0.5).clip(0, 1)


def scatter(chance: Generator, image: Image) -> Image:
    """Things strewn over an image; in one of four it is one thing in rows, as on cloth."""
    image = image.copy()
    height, width = image.shape[:2]
    largest = min(_LARGEST, min(height, width) / 3)
    if chance.random() < 0.25:
        seed, size = int(chance.integers(2**31)), chance.uniform(_SMALLEST, largest / 2)
        for y in np.arange(size, height, 2.6 * size):
            for x in np.arange(size, width, 2.6 * size):
                draw_thing(np.random.default_rng(seed), image, x, y, size)
        return image
    for _ in range(int(chance.integers(8, 30))):
        size = np.exp(chance.uniform(np.log(_SMALLEST), np.log(largest)))
        draw_thing(chance, image, chance.uniform(0, width), chance.uniform(0, height), size)
    return image


def draw_thing(chance: Generator, image: Image, x: float, y: float, size: float) -> None:
    """One thing, mostly upright, lit from a side, into the image itself."""
    height, width = image.shape[:2]
    angle = chance.normal(0, 0.15) if chance.random() < 0.7 else chance.uniform(-3.14, 3.14)
    reach = int(1.5 * size) + 2
    rows = slice(max(int(y) - reach, 0), min(int(y) + reach, height))
    columns = slice(max(int(x) - reach, 0), min(int(x) + reach, width))
    v, u = np.mgrid[rows, columns] - np.array([y, x])[:, None, None]
    plane = Plane(
        (u * np.cos(angle) + v * np.sin(angle)) / size,
        (v * np.cos(angle) - u * np.sin(angle)) / size,
        size,
    )
    kind = _THINGS[int(chance.integers(len(_THINGS)))]
    light, depth = chance.uniform(0, 6.28), chance.uniform(0, 0.35)
    lit = 1 + depth * (plane.x * np.cos(light) + plane.y * np.sin(light))
    for cover, color in kind(chance, plane):
        below = image[rows, columns]
        painted = (color * lit[..., None]).clip(0, 255)
        below[:] = below + cover[..., None] * (painted - below)


def _any_color(chance: Generator) -> np.ndarray:
    return (chance.uniform(40, 220) + chance.normal(0, 35, 3)).clip(10, 245)


def _skin(chance: Generator) -> np.ndarray:
    return np.array(_SKIN[int(chance.integers(len(_SKIN)))]) + chance.normal(0, 8, 3)


def _dark(chance: Generator) -> np.ndarray:
    return chance.uniform(5, 60, 3)


def _ball(chance: Generator, plane: Plane) -> Iterator[Layer]:
    color = _any_color(chance)
    yield plane.disc(0, 0, 0.95), color
    for step in np.linspace(0.1, 0.8, 8):  # a highlight
        yield 0.12 * plane.disc(-0.25, -0.3, 0.8 - step * 0.8), np.full(3, 255.0)


def _oval(chance: Generator, plane: Plane) -> Iterator[Layer]:
    yield plane.disc(0, 0, 0.7, 0.95), _skin(chance)
    if chance.random() < 0.5:
        yield plane.disc(0, -0.55, 0.68, 0.45), _dark(chance)  # darker above, as hair is


def _button(chance: Generator, plane: Plane) -> Iterator[Layer]:
    color = _any_color(chance)
    yield plane.disc(0, 0, 0.95), color
    yield plane.disc(0, 0, 0.75), color * 0.85
    holes = [(-0.25, 0.0), (0.25, 0.0)]
    if chance.random() < 0.5:
        holes = [(a, b) for a in (-0.22, 0.22) for b in (-0.22, 0.22)]
    for x, y in holes:
        yield plane.disc(x, y, 0.12), _dark(chance)


def _socket(chance: Generator, plane: Plane) -> Iterator[Layer]:
    color = chance.uniform(190, 245) + chance.normal(0, 5, 3)
    yield plane.box(0, 0, 0.95, 0.95), color
    yield plane.disc(0, 0, 0.7), color * 0.92
    for x in (-0.28, 0.28):
        yield plane.disc(x, 0, 0.1), _dark(chance)
    if chance.random() < 0.5:
        yield plane.disc(0, 0.35, 0.1), _dark(chance)


def _car(chance: Generator, plane: Plane) -> Iterator[Layer]:
    color = _any_color(chance)
    yield plane.box(0, 0.15, 1.0, 0.5), color
    yield plane.box(0, -0.5, 0.7, 0.28), color * 0.8
    yield plane.box(0, -0.5, 0.6, 0.2), np.array([70.0, 85, 95])
    for x in (-0.7, 0.7):
        yield plane.disc(x, 0.05, 0.19), np.full(3, 235.0)
    yield plane.box(0, 0.25, 0.4, 0.1), _dark(chance)


def _dots(chance: Generator, plane: Plane) -> Iterator[Layer]:
    apart, radius = chance.uniform(0.3, 0.6), chance.uniform(0.1, 0.28)
    color = _dark(chance) if chance.random() < 0.7 else _any_color(chance)
    for x in (-apart, apart):
        yield plane.disc(x, 0, radius), color
    if chance.random() < 0.3:
        yield plane.box(0, 0.6, chance.uniform(0.2, 0.5), 0.07), color


def _doll(chance: Generator, plane: Plane) -> Iterator[Layer]:
    yield plane.box(0, 1.1, 0.55, 0.35), _any_color(chance)
    hair = _dark(chance) if chance.random() < 0.5 else _any_color(chance)
    yield plane.disc(0, -0.1, 0.85), hair
    yield plane.disc(0, 0.05, 0.7), _skin(chance)
    for x in (-0.27, 0.27):
        yield plane.disc(x, 0.0, 0.09), _dark(chance)


_THINGS: list[Callable[[Generator, Plane], Iterator[Layer]]] = [
    _ball,
    _oval,
    _button,
    _socket,
    _car,
    _dots,
    _doll,
]
