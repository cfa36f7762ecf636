"""Faces that are hard to find: in the dark, out of focus or shaken, behind a mask or a scarf."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from numpy.random import Generator
from torch import Tensor

from graphgan.landmarks import convex_hull, polygon_mask

KINDS = {"plain": 0.61, "dark": 0.13, "blurred": 0.13, "masked": 0.13}
"""How frequent each is."""

_GAMMA = 2.2
_LIGHT = (0.02, 0.09)  # of a dark face, of what it was, in linear light
_LEAST_LEVEL = 15.0  # of a dark face: below it nobody sees one
_GRAIN = (4.0, 9.0)  # deviation of its noise
_DISC, _PATH = (0.04, 0.09), (0.12, 0.28)  # radius and length of a blur, of the face's size
_PLEATS = 4.0
_SURGICAL = ((168, 205, 222), (235, 238, 240), (140, 196, 190), (60, 62, 66), (205, 190, 205))


def draw_kind(chance: Generator) -> str:
    return str(chance.choice(list(KINDS), p=list(KINDS.values())))


def altered(
    frame: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "68 2"], kind: str, seed: list[int]
) -> UInt8[Tensor, "3 h w"]:
    """A frame whose face is blurred or masked; others stay as they are."""
    chance = np.random.default_rng(seed)
    if kind == "blurred":
        return _blurred(frame, landmarks, chance)
    if kind == "masked":
        return _masked(frame, landmarks, chance)
    return frame


def darken(
    photo: UInt8[Tensor, "3 h w"], middle: tuple[float, float], reach: float, seed: list[int]
) -> UInt8[Tensor, "3 h w"]:
    """A photo in which little light falls around a point; from ``reach`` on it stays as it is."""
    chance = np.random.default_rng(seed)
    x, y = middle
    rows = slice(max(math.ceil(y - reach), 0), max(math.floor(y + reach) + 1, 0))
    columns = slice(max(math.ceil(x - reach), 0), max(math.floor(x + reach) + 1, 0))
    below = photo[:, rows, columns].float()
    height, width = below.shape[1:]
    down, across = torch.arange(height)[:, None] + rows.start - y, torch.arange(width)
    distance = (down**2 + (across + columns.start - x) ** 2).sqrt() / reach
    shade = (1 + torch.cos(math.pi * ((distance - 0.3) / 0.7).clamp(0, 1))) / 2
    level = float(below[:, distance < 0.2].mean().nan_to_num(255)) / 255
    least = min((_LEAST_LEVEL / 255 / max(level, 1e-3)) ** _GAMMA, 1.0)
    light = torch.exp(shade * math.log(max(chance.uniform(*_LIGHT), least)))
    grain = torch.from_numpy(chance.normal(0, chance.uniform(*_GRAIN), below.shape)).float()
    dark = 255 * ((below / 255) ** _GAMMA * light) ** (1 / _GAMMA) + shade * grain
    result = photo.clone()
    result[:, rows, columns] = dark.clamp(0, 255).round().byte()
    return result


def _size(landmarks: Float[Tensor, "68 2"]) -> float:
    return float((landmarks.amax(0) - landmarks.amin(0)).max())


def _blurred(
    frame: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "68 2"], chance: Generator
) -> UInt8[Tensor, "3 h w"]:
    """Out of focus, or moved while the shutter was open."""
    size = _size(landmarks)
    if chance.random() < 0.5:
        kernel = _disc(size * chance.uniform(*_DISC))
    else:
        kernel = _path(size * chance.uniform(*_PATH), chance.uniform(0, math.pi))
    around = len(kernel) // 2
    padded = F.pad(frame.float()[:, None], (around,) * 4, mode="replicate")
    blurred = F.conv2d(padded, kernel[None, None])[:, 0]
    return blurred.round().clamp(0, 255).byte()


def _disc(radius: float) -> Float[Tensor, "k k"]:
    steps = torch.arange(-math.ceil(radius), math.ceil(radius) + 1)
    inside = (radius + 0.5 - torch.hypot(steps[:, None].float(), steps.float())).clamp(0, 1)
    return inside / inside.sum()


def _path(length: float, angle: float) -> Float[Tensor, "k k"]:
    half = length / 2
    steps = torch.arange(-math.ceil(half), math.ceil(half) + 1)
    along = steps * math.cos(angle) + steps[:, None] * math.sin(angle)
    beside = steps[:, None] * math.cos(angle) - steps * math.sin(angle)
    inside = (half + 0.5 - along.abs()).clamp(0, 1) * (1 - beside.abs()).clamp(0, 1)
    return inside / inside.sum()


def _masked(
    frame: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "68 2"], chance: Generator
) -> UInt8[Tensor, "3 h w"]:
    """A medical mask, or in one of three a scarf, from the nose to the chin."""
    image, points = frame.float(), landmarks.double()
    scarf = chance.random() < 1 / 3
    outline = _scarf(points, chance) if scarf else _medical(points, chance)
    cover = _filled(convex_hull(outline), image.shape[1:])
    color = _scarf_color(chance) if scarf else _medical_color(chance)
    folds = _scarf_folds if scarf else _pleats
    cloth = color[:, None, None] * folds(points, image.shape[1:], chance) * _lit(image, cover)
    if not scarf:
        for loop in _loops(points, outline):
            string = 0.7 * _filled(loop, image.shape[1:])
            image = image * (1 - string) + color[:, None, None] * _lit(image, cover) * string
    return (image * (1 - cover) + cloth.clamp(0, 255) * cover).round().byte()


def _medical(points: Float[Tensor, "68 2"], chance: Generator) -> Float[Tensor, "k 2"]:
    """Cheeks, chin and the bridge of the nose."""
    middle = points[[2, 8, 14, 33]].mean(0)
    nose = points[27] + (points[30] - points[27]) * chance.uniform(0.35, 0.75)
    jaw = middle + (points[2:15] - middle) * torch.linspace(-1, 1, 13)[:, None].double().abs().mul(
        -0.1
    ).add(1.03)
    return torch.cat([jaw, nose[None], middle + (points[[30, 33]] - middle) * 1.08])


def _scarf(points: Float[Tensor, "68 2"], chance: Generator) -> Float[Tensor, "k 2"]:
    """From the nose to below the chin, wider than the jaw."""
    middle = points[[1, 8, 15, 33]].mean(0)
    nose = points[27] + (points[30] - points[27]) * chance.uniform(0.45, 0.9)
    jaw = middle + (points[1:16] - middle) * 1.07
    down = (points[8] - points[27]) * chance.uniform(0.1, 0.3)
    return torch.cat([jaw, jaw[2:13] + down, nose[None], middle + (points[30:31] - middle) * 1.05])


def _loops(
    points: Float[Tensor, "68 2"], outline: Float[Tensor, "k 2"]
) -> list[Float[Tensor, "4 2"]]:
    """Thin strings from the mask's corners to the ears."""
    wide = 0.008 * _size(points)
    loops = []
    for corner, ear in ((0, 0), (4, 1), (12, 16), (8, 15)):
        way = points[ear] - outline[corner]
        aside = torch.stack([-way[1], way[0]]) / way.norm().clamp(min=1e-3) * wide
        ends = [outline[corner] - aside, outline[corner] + aside]
        loops.append(torch.stack([*ends, points[ear] + aside, points[ear] - aside]))
    return loops


def _medical_color(chance: Generator) -> Float[Tensor, "3"]:
    color = torch.tensor(_SURGICAL[int(chance.integers(len(_SURGICAL)))]).float()
    return (color + torch.from_numpy(chance.normal(0, 6, 3)).float()).clamp(20, 245)


def _scarf_color(chance: Generator) -> Float[Tensor, "3"]:
    color = chance.uniform(40, 200) + chance.normal(0, 35, 3)
    return torch.from_numpy(color).float().clamp(15, 235)


def _along(points: Float[Tensor, "68 2"], size: torch.Size) -> Float[Tensor, "2 h w"]:
    """Each pixel in the face's own directions, across and down: 0 at the nose, 1 at the chin."""
    down = points[8] - points[27]
    length = down.norm().clamp(min=1)
    down = (down / length).float()
    rows = torch.arange(size[0])[:, None] - float(points[27, 1])
    columns = torch.arange(size[1]) - float(points[27, 0])
    across = torch.stack([columns * down[1] - rows * down[0], columns * down[0] + rows * down[1]])
    return across / float(length)


def _pleats(
    points: Float[Tensor, "68 2"], size: torch.Size, chance: Generator
) -> Float[Tensor, "h w"]:
    """Folds across the face that bend around it, flat near the mask's edges."""
    x, y = _along(points, size)
    phase = _PLEATS * (y + 0.25 * x**2) + float(chance.uniform())
    depth = chance.uniform(0.05, 0.14) * (1 - (2 * (y - 0.62)) ** 2).clamp(0, 1)
    return 1 + depth * (phase % 1 - 0.5) * 2 - 0.12 * x.abs()


def _scarf_folds(
    points: Float[Tensor, "68 2"], size: torch.Size, chance: Generator
) -> Float[Tensor, "h w"]:
    """Slanting waves of different lengths."""
    x, y = _along(points, size)
    cloth = torch.ones(size)
    for _ in range(4):
        slant, pace = chance.uniform(-0.7, 0.7), chance.uniform(8, 26)
        cloth += 0.07 * torch.sin(pace * (y + slant * x + 0.2 * x**2) + chance.uniform(0, 6.3))
    return cloth


def _filled(outline: Float[Tensor, "k 2"], size: torch.Size) -> Float[Tensor, "h w"]:
    """1 within, 0 outside, and half way on the edge."""
    shape = (2 * size[0], 2 * size[1])
    fine = polygon_mask((2 * outline + 0.5)[None].float(), shape)
    return F.avg_pool2d(F.avg_pool2d(fine, 2), 3, stride=1, padding=1)[0, 0]


def _lit(image: Float[Tensor, "3 h w"], cover: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """How bright the covered skin is, of skin in good light, without what is drawn on it."""
    gray = image.mean(0)
    side = max(round(float(cover.sum()) ** 0.5 / 4), 1)
    window = 2 * side + 1
    around = torch.stack([cover, cover * gray])
    for shape in ((window, 1), (1, window)):
        padding = (shape[0] // 2, shape[1] // 2)
        around = F.avg_pool2d(around, shape, stride=1, padding=padding)
    weight, light = around
    mean = float((cover * gray).sum() / cover.sum().clamp(min=1))
    local = torch.where(weight > 1e-3, light / weight.clamp(min=1e-3), mean)
    return ((0.4 * mean + 0.6 * local) / 150).clamp(0.25, 1.25)
