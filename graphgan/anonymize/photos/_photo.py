"""A photo in memory: frames with their own channels and depth, and how to encode them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Int32, Shaped, UInt, UInt8
from torch import Tensor

_MID_GRAY = 128  # what transparent pixels are shown on, as `graphgan.data.read_image` does
_OF_PAGES = ("TIFF",)  # formats whose frames are pages; all others with frames are animations
_LUMINANCE = (299, 587, 114)  # thousandths of red, green and blue, ITU-R BT.601


@dataclass(frozen=True)
class Frame:
    """A page of a document, a frame of an animation, or a whole photo.

    Args:
        pixels: gray, gray and alpha, RGB, or RGB and alpha; 8 bits, or 16 bits for gray without
            alpha. Colors are not multiplied by alpha.
        duration: of a frame in an animation, in milliseconds.
        icc_profile: of the colors, as in the file.
        resolution: dots per inch across and down.
        max_colors: how many different colors the format allows (GIF: 256); None for any number.
    Raises:
        ValueError: another number of channels, another depth, no pixels.
    """

    pixels: UInt[Tensor, "c h w"]
    duration: float | None = None
    icc_profile: bytes | None = None
    resolution: tuple[int, int] | None = None
    max_colors: int | None = None

    def __post_init__(self) -> None:
        depths = (torch.uint8, torch.uint16) if len(self.pixels) == 1 else (torch.uint8,)
        if self.pixels.ndim != 3 or not 1 <= len(self.pixels) <= 4 or not self.pixels.numel():
            raise ValueError(f"expected pixels 1-4 h w, got {tuple(self.pixels.shape)}")
        if self.pixels.dtype not in depths:
            raise ValueError(f"expected pixels of {depths}, got {self.pixels.dtype}")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[1], self.pixels.shape[2]

    @property
    def alpha(self) -> UInt8[Tensor, "1 h w"] | None:
        """Opacity of the pixels, 255 for opaque; None if the frame has no such channel."""
        return self.pixels[-1:] if len(self.pixels) in (2, 4) else None

    def rgb(self) -> UInt8[Tensor, "3 h w"]:
        """What a viewer shows: gray in all three channels, transparent pixels on mid-gray.

        ``rgb = (color alpha + 128 (255 - alpha)) / 255``; 16 bits are scaled (65535 to 255).
        """
        if self.alpha is None and self.pixels.dtype == torch.uint8:
            return self.pixels.expand(3, -1, -1).clone()
        colors = self._eight_bits()
        if self.alpha is not None:
            alpha = self.alpha.int()
            colors = (colors * alpha + _MID_GRAY * (255 - alpha) + 127) // 255
        return colors.to(torch.uint8).expand(3, -1, -1).contiguous()

    def with_rgb(self, rgb: UInt8[Tensor, "3 h w"], mask: Shaped[Tensor, "1 h w"]) -> "Frame":
        """Change colors where ``mask`` is not 0; all other pixels stay bit by bit.

        Gray frames take the luminance, 16-bit frames the scaled value. Alpha stays, and colors are
        chosen so that `rgb` shows the new ones as far as transparent pixels can. If the number of
        colors is limited, new colors become the nearest of those outside the mask and of as many
        others as fit.

        Raises:
            ValueError: an image or a mask of another size than the frame.
        """
        for name, given in (("rgb", rgb), ("mask", mask)):
            if tuple(given.shape[1:]) != self.size:
                raise ValueError(f"expected {name} of {self.size}, got {tuple(given.shape[1:])}")
        changed = (mask != 0).cpu().numpy()
        rows, columns = np.flatnonzero(changed.any((0, 2))), np.flatnonzero(changed.any((0, 1)))
        if not len(rows):
            return self
        box = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        colors = replace(self, pixels=self.pixels[box])._own_colors(rgb[box].cpu().int())
        pixels = self.pixels.numpy().copy()
        if self.max_colors is not None:
            new = pixels[: len(colors)].copy()
            new[box] = colors
            colors = _limit_colors(new, pixels, changed, self.max_colors)[box]
        part = pixels[: len(colors)][box]
        part[:] = np.where(changed[box], colors, part)
        return replace(self, pixels=torch.from_numpy(pixels))

    def _eight_bits(self) -> Int32[Tensor, "_ h w"]:
        colors = self.pixels[: 3 if len(self.pixels) > 2 else 1].int()
        return (colors + 128) // 257 if self.pixels.dtype == torch.uint16 else colors

    def _own_colors(self, rgb: Int32[Tensor, "3 h w"]) -> np.ndarray:
        if self.alpha is not None:
            alpha = self.alpha.int()
            shown = rgb * 255 - _MID_GRAY * (255 - alpha)
            rgb = torch.where(alpha == 0, 0, (shown + alpha // 2) // alpha.clamp(min=1))
            rgb = rgb.clamp(0, 255)
        if len(self.pixels) < 3:
            rgb = (rgb * torch.tensor(_LUMINANCE).view(3, 1, 1)).sum(0, keepdim=True)
            rgb = (rgb + 500) // 1000
        scale = 257 if self.pixels.dtype == torch.uint16 else 1
        return (rgb * scale).numpy().astype(self.pixels.numpy().dtype)


@dataclass(frozen=True)
class Photo:
    """The frames of an image file, and what is needed to write a file of the same kind.

    Args:
        frames: in order; one for most photos.
        format: to write: "JPEG", "PNG", "WEBP", "GIF", "TIFF" or "BMP".
        loop: how often an animation is shown, 0 for ever, None if the file does not say.
        encoding: options of the encoder, as the source was encoded.
        notes: what was dropped or converted, for a report.
        converted: whether the source has another format.
    """

    frames: tuple[Frame, ...]
    format: str
    loop: int | None = None
    encoding: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    converted: bool = False

    @property
    def is_animation(self) -> bool:
        """Whether the frames are an animation, by the format and whatever their delays are."""
        return len(self.frames) > 1 and self.format not in _OF_PAGES


def _limit_colors(new: np.ndarray, old: np.ndarray, changed: np.ndarray, limit: int) -> np.ndarray:
    """Reduce the new colors to as many as fit beside those of unchanged pixels.

    Args:
        new: 8-bit colors ``3 h w``.
        old: the pixels of the image, ``3-4 h w``.
        changed: which of them change, ``1 h w``.
        limit: number of colors; an alpha channel takes one.
    Returns:
        ``3 h w``; ``new`` itself if the unchanged pixels alone have too many colors.
    """
    changed = changed[0]
    visible = old[3] > 0 if len(old) == 4 else np.ones_like(changed)
    kept = _unique_colors(old[:3, ~changed & visible])
    room = limit - (len(old) == 4) - len(kept)
    moved = new[:, changed & visible]
    if room < 0 or not moved.size or len(_unique_colors(moved)) <= room:
        return new
    result = new.copy()
    result[:, changed & visible] = _nearest(moved, kept, room)
    return result


def _unique_colors(pixels: np.ndarray) -> np.ndarray:
    """The different colors of ``3 n`` pixels, as ``m 3``."""
    codes = np.unique(pixels.astype(np.uint32).T @ np.array([65536, 256, 1], dtype=np.uint32))
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], 1).astype(np.uint8)


def _nearest(pixels: np.ndarray, kept: np.ndarray, room: int) -> np.ndarray:
    """The nearest color to each of ``3 n`` pixels among those kept and ``room`` of their own."""
    from PIL import Image

    strip = Image.fromarray(np.ascontiguousarray(pixels.T[None]))
    if room:
        own = strip.quantize(room, dither=Image.Dither.NONE).getpalette() or []
        kept = np.concatenate([kept, np.array(own[: 3 * room], dtype=np.uint8).reshape(-1, 3)])
    palette = Image.new("P", (1, 1))
    # Pillow fills up a short palette with black, which may not be among the colors.
    full = np.concatenate([kept, np.repeat(kept[:1], 256 - len(kept), 0)])
    palette.putpalette(full.flatten().tolist())
    nearest = strip.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB")
    colors: np.ndarray = np.array(nearest)[0].T
    return colors
