"""New colors for some pixels of a picture that may only have so many different ones."""

import numpy as np


def few_colors(new: np.ndarray, old: np.ndarray, changed: np.ndarray, limit: int) -> np.ndarray:
    """Replace the new colors by few enough others, so that those of unchanged pixels stay.

    Args:
        new: colors ``3 h w`` of 8 bits.
        old: the picture's pixels ``3-4 h w``, of which those that are not ``changed`` stay.
        changed: ``1 h w``.
        limit: of the number of colors; a channel of alpha takes one.
    Returns:
        ``3 h w``; as ``new`` is where the unchanged pixels alone have too many colors.
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
    """The nearest to ``3 n`` pixels among kept colors and ``room`` of the pixels' own."""
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
