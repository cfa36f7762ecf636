"""Sheets of sample images: one row per sample, one titled column per stage."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.data import image_grid, to_uint8_image, write_image
from graphgan.extras import needs_extra

SHEET_ROWS = 8
"""Rows of the sheets that commands draw."""


def draw_sheet(columns: Mapping[str, Float[Tensor, "b c h w"]]) -> UInt8[Tensor, "3 H W"]:
    """Combine many images into one.

    Args:
        columns: maps titles to images: 3 channels in [-1, 1], or 1 channel in [0, 1] (a mask).
    Raises:
        ValueError: no columns, or columns of different lengths.
    """
    if len({len(images) for images in columns.values()}) != 1:
        raise ValueError(f"expected columns of one length, got {[*map(len, columns.values())]}")
    stages = [to_uint8_image(_as_rgb(images).cpu()) for images in columns.values()]
    tiles = torch.stack(stages, dim=1).flatten(0, 1)
    sheet = image_grid(tiles, len(columns))
    return torch.cat([_titles(list(columns), tiles.shape[-1] + 2, sheet.shape[-1]), sheet], dim=1)


def write_sheet(
    path: Path, columns: Mapping[str, Float[Tensor, "b c h w"]]
) -> UInt8[Tensor, "3 H W"]:
    """`draw_sheet` into a PNG file, atomically; returns the image."""
    sheet = draw_sheet(columns)
    write_image(path, sheet)
    return sheet


def _as_rgb(images: Tensor) -> Tensor:
    return images.float().expand(-1, 3, -1, -1) * 2 - 1 if images.shape[1] == 1 else images.float()


def _titles(names: list[str], step: int, width: int) -> UInt8[Tensor, "3 h w"]:
    """A strip with each name above its column, on as many lines as the longest one needs."""
    with needs_extra("recipes"):
        from PIL import Image, ImageDraw, ImageFont
    size = 11
    font = ImageFont.load_default(size)
    titles = [_lines(name, lambda text: font.getlength(text) <= step - 2) for name in names]
    height = (size + 2) * max(map(len, titles)) + 4
    strip = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(strip)
    for i, lines in enumerate(titles):
        for j, line in enumerate(lines):
            draw.text((2 + i * step, 2 + j * (size + 2)), line, fill="black", font=font)
    pixels = torch.frombuffer(bytearray(strip.tobytes()), dtype=torch.uint8)
    return pixels.reshape(height, width, 3).permute(2, 0, 1)


def _lines(name: str, fits: Callable[[str], bool]) -> list[str]:
    """Broken where it does not fit: after spaces and hyphens, in words only where it must be."""
    lines = [""]
    for word in re.findall(r"[^ -]*[ -]*", name):
        if lines[-1] and not fits((lines[-1] + word).rstrip()):
            lines.append("")
        for letter in word:
            if lines[-1] and not fits((lines[-1] + letter).rstrip()):
                lines.append("")
            lines[-1] += letter
    return lines
