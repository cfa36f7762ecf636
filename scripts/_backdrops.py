"""Backgrounds without faces, made of numbers: gradients, textures and drawn scenes."""

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

Picture = Float[np.ndarray, "h w 3"]
Mask = Float[np.ndarray, "h w"]


def backdrop(chance: Generator, height: int, width: int) -> Picture:
    """One of the three kinds, 0 to 255, with the grain of a sensor."""
    kind = chance.choice([_gradient, _texture, _scene])
    picture = kind(chance, height, width)
    return (picture + chance.normal(0, 2, picture.shape)).clip(0, 255)


def _gradient(chance: Generator, height: int, width: int) -> Picture:
    """Four colors in the corners, some soft clouds over them."""
    corners = _colors(chance, 20, 235, 2, 2)
    clouds = _clouds(chance, height, width, 2.5)[..., None]
    return _stretch(corners, height, width) + 25 * clouds


def _texture(chance: Generator, height: int, width: int) -> Picture:
    """Noise whose amplitude falls with frequency as that of leaves, walls or cloth does."""
    colors = _colors(chance, 20, 235, 2)
    steepness = chance.uniform(1.0, 2.0)
    mix = 0.5 + 0.25 * _clouds(chance, height, width, steepness)[..., None]
    return colors[0] + (colors[1] - colors[0]) * mix.clip(0, 1)


def _scene(chance: Generator, height: int, width: int) -> Picture:
    """A sky, a ground, houses with windows, trees and poles."""
    horizon = int(height * chance.uniform(0.35, 0.7))
    picture = np.empty((height, width, 3))
    picture[:horizon] = _stretch(_colors(chance, 120, 240, 2, 1), horizon, width)
    picture[horizon:] = _stretch(_colors(chance, 40, 150, 2, 1), height - horizon, width)
    for _ in range(int(chance.integers(3, 8))):
        _house(chance, picture, horizon)
    for _ in range(int(chance.integers(2, 8))):
        _tree(chance, picture, horizon)
    for _ in range(int(chance.integers(0, 6))):
        x = int(chance.integers(0, width))
        picture[int(horizon * 0.4) :, x : x + max(width // 200, 2)] = _colors(chance, 20, 90)
    return _softened(picture) + 8 * _clouds(chance, height, width, 1.2)[..., None]


def _house(chance: Generator, picture: Picture, horizon: int) -> None:
    height, width = picture.shape[:2]
    left, top = int(chance.integers(-width // 10, width)), int(horizon * chance.uniform(0.1, 0.8))
    right = left + int(width * chance.uniform(0.08, 0.3))
    bottom = min(horizon + int(height * chance.uniform(0, 0.15)), height)
    picture[top:bottom, max(left, 0) : max(right, 0)] = _colors(chance, 50, 220)
    glass, pitch = _colors(chance, 20, 250), int(height * chance.uniform(0.05, 0.12))
    for y in range(top + pitch // 3, bottom - pitch // 2, pitch):
        for x in range(left + pitch // 3, right - pitch // 2, pitch):
            picture[y : y + pitch // 2, max(x, 0) : max(x + pitch // 3, 0)] = glass


def _tree(chance: Generator, picture: Picture, horizon: int) -> None:
    height, width = picture.shape[:2]
    radius = height * chance.uniform(0.04, 0.15)
    x, y = chance.uniform(0, width), horizon - radius * chance.uniform(0, 1.5)
    trunk = slice(max(int(x - radius / 8), 0), max(int(x + radius / 8), 0))
    picture[int(max(y, 0)) : horizon + int(radius / 2), trunk] = _colors(chance, 30, 90)
    color = _colors(chance, 20, 130)
    for _ in range(6):  # a crown of several discs
        dx, dy = chance.normal(0, radius / 2, 2)
        rows, columns = np.ogrid[:height, :width]
        disc = (rows - y - dy) ** 2 + (columns - x - dx) ** 2 < (radius * 0.7) ** 2
        picture[disc] = color * chance.uniform(0.8, 1.2)


def _colors(
    chance: Generator, dark: float, bright: float, *shape: int
) -> Float[np.ndarray, "*shape 3"]:
    """Colors as most things have them: a brightness, and not much else."""
    return chance.uniform(dark, bright, (*shape, 1)) + chance.normal(0, 16, (*shape, 3))


def _clouds(chance: Generator, height: int, width: int, steepness: float) -> Mask:
    """Noise of amplitude ``1 / frequency^steepness``, of deviation 1."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    frequency = np.maximum(np.hypot(down, across), 1 / max(height, width))
    noise = np.fft.rfft2(chance.normal(size=(height, width))) / frequency**steepness
    noise[0, 0] = 0
    clouds = np.fft.irfft2(noise, s=(height, width))
    return clouds / clouds.std()


def _stretch(corners: Float[np.ndarray, "r c 3"], height: int, width: int) -> Picture:
    """Colors at the corners (or at the top and the bottom), linear in between."""
    down = np.linspace(0, 1, max(height, 1))[:, None, None]
    across = np.linspace(0, 1, width)[:, None]
    top, bottom = (row[0] + (row[-1] - row[0]) * across for row in corners)
    return top + (bottom - top) * down


def _softened(picture: Picture) -> Picture:
    """As through a lens: each pixel with those beside it."""
    for axis in (0, 1):
        picture = (np.roll(picture, 1, axis) + 2 * picture + np.roll(picture, -1, axis)) / 4
    return picture
