"""An image at several scales and in four directions, packed onto few canvases.

A network takes about as long for ten small images as for one image that contains them all.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

TILE = 576**2
"""Pixels of the largest canvas: of a larger one a network's values take more than 32 MiB, for which
the system is asked anew each time."""
OVERLAP = 48
"""Pixels that neighboring tiles share. Larger faces are found at the next scale."""
_MULTIPLE = 32  # of the sides of canvases, for networks that halve them five times
_WIDTH = 640  # pixels of the widest canvas of several pieces
_LEAST_TILE = 256  # minimum side of tiles, in pixels
_GAP = 16  # black pixels between two pieces
_LEAST_SIDE = 64  # minimum side of the image at the coarsest scale


class Piece(NamedTuple):
    """A part of the image, shrunk and turned.

    Args:
        pixels: of the part.
        corner: (x, y) of its left upper corner in the shrunk and turned image.
        turn: number of counterclockwise quarter turns.
        size: height and width of the shrunk and turned image.
        scale: its pixels per pixel of the image.
    """

    pixels: UInt8[Tensor, "3 h w"]
    corner: tuple[int, int]
    turn: int
    size: tuple[int, int]
    scale: float

    def to_image(self, places: Float[Tensor, "n k 2"]) -> Float[Tensor, "n k 2"]:
        """From points of the piece to those of the image; edges of pixels are integers."""
        x, y = (places + places.new_tensor(self.corner)).unbind(2)
        height, width = self.size
        for _ in range(self.turn):
            x, y = height - y, x
            height, width = width, height
        return torch.stack([x, y], 2) / self.scale


class Canvas(NamedTuple):
    """Pieces beside each other on black.

    Args:
        pixels: of the canvas.
        pieces: each with the (x, y) of its left upper corner on the canvas.
    """

    pixels: Float[Tensor, "1 3 h w"]
    pieces: list[tuple[Piece, tuple[int, int]]]

    def piece_of(self, places: Float[Tensor, "n 2"]) -> Int64[Tensor, "n"]:
        """The number of the piece in which each point lies, -1 for those between pieces."""
        numbers = places.new_full((len(places),), -1, dtype=torch.int64)
        for number, (piece, corner) in enumerate(self.pieces):
            low = places.new_tensor(corner)
            high = low + places.new_tensor([piece.pixels.shape[2], piece.pixels.shape[1]])
            numbers[((places >= low) & (places < high)).all(1)] = number
        return numbers


def canvases(image: UInt8[Tensor, "3 h w"], *, scale: float, step: float) -> Iterator[Canvas]:
    """Everything to search: upright at the first scale, in all four directions at the others.

    A small image has only the first scale, and is searched there in all directions.

    Args:
        image: on any device; the canvases are on the same.
        scale: the first one.
        step: from one to the next, below 1.
    """
    height, width = image.shape[1:]
    level = _shrunk(image, scale)
    yield from (_canvas([(tile, (0, 0))]) for tile in _tiles(level, 0, scale))
    small: list[Piece] = []
    if max(height, width) * scale * step < _LEAST_SIDE:
        small += [tile for turn in (1, 2, 3) for tile in _tiles(level, turn, scale)]
    while max(height, width) * (scale := scale * step) >= _LEAST_SIDE:
        level = _shrunk(image, scale)
        small += [tile for turn in range(4) for tile in _tiles(level, turn, scale)]
    yield from map(_canvas, _packed(small))


def _shrunk(image: UInt8[Tensor, "3 h w"], scale: float) -> UInt8[Tensor, "3 h2 w2"]:
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[2] * scale), 1))
    if size == tuple(image.shape[1:]):
        return image
    return F.interpolate(image[None], size, mode="bilinear", antialias=True)[0]


def _tiles(level: UInt8[Tensor, "3 h w"], turn: int, scale: float) -> Iterator[Piece]:
    turned = torch.rot90(level, turn, (1, 2))
    height, width = turned.shape[1:]
    rows, columns = _grid(height, width)
    for top, bottom in _spans(height, rows):
        for left, right in _spans(width, columns):
            pixels = turned[:, top:bottom, left:right]
            yield Piece(pixels, (left, top), turn, (height, width), scale)


def _grid(height: int, width: int) -> tuple[int, int]:
    """How many rows and columns of tiles have the fewest pixels together."""

    def pixels(grid: tuple[int, int]) -> int:
        rows, columns = grid
        return _padded(_step(height, rows) + OVERLAP) * _padded(_step(width, columns) + OVERLAP)

    grids = product(range(1, height // _LEAST_TILE + 2), range(1, width // _LEAST_TILE + 2))
    allowed = (grid for grid in grids if pixels(grid) <= TILE)
    return min(allowed, key=lambda grid: grid[0] * grid[1] * pixels(grid))


def _spans(length: int, count: int) -> list[tuple[int, int]]:
    """Parts of an axis, of about one length, each of which shares pixels with the next."""
    step = _step(length, count)
    return [(i * step, min((i + 1) * step + OVERLAP, length)) for i in range(count)]


def _step(length: int, count: int) -> int:
    return math.ceil((length - OVERLAP) / count)


def _padded(length: int) -> int:
    return length + -length % _MULTIPLE


def _packed(pieces: Iterable[Piece]) -> Iterator[list[tuple[Piece, tuple[int, int]]]]:
    """Pieces in rows, the highest first, as many as a canvas holds."""
    placed: list[tuple[Piece, tuple[int, int]]] = []
    left = top = right = below = 0
    for piece in sorted(pieces, key=lambda piece: -piece.pixels.shape[1]):
        height, width = piece.pixels.shape[1:]
        if left + width > _WIDTH:
            left, top = 0, below
        if placed and _padded(max(right, left + width)) * _padded(top + height) > TILE:
            yield placed
            placed, left, top, right, below = [], 0, 0, 0, 0
        placed.append((piece, (left, top)))
        right, below = max(right, left + width), max(below, top + height + _GAP)
        left += width + _GAP
    if placed:
        yield placed


def _canvas(pieces: list[tuple[Piece, tuple[int, int]]]) -> Canvas:
    width = max(x + piece.pixels.shape[2] for piece, (x, _) in pieces)
    height = max(y + piece.pixels.shape[1] for piece, (_, y) in pieces)
    pixels = torch.zeros(1, 3, _padded(height), _padded(width), device=pieces[0][0].pixels.device)
    for piece, (x, y) in pieces:
        h, w = piece.pixels.shape[1:]
        pixels[0, :, y : y + h, x : x + w] = piece.pixels
    return Canvas(pixels, pieces)
