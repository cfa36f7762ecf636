"""Draw landmarks, skeletons and masks on 8-bit images, and arrange images in a grid."""

from collections.abc import Sequence

import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor

_GREEN, _RED, _WHITE = (0, 255, 0), (255, 0, 0), (255, 255, 255)
_OPACITY = 0.4  # of masks
_PADDING = 2  # pixels between and around the images of a grid


def draw_landmarks(
    image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "k 2"], *, radius: float = 1.0
) -> UInt8[Tensor, "3 h w"]:
    """A copy of the image with a green disc at each landmark; missing ones are skipped.

    Args:
        radius: a pixel belongs to a disc if its center is at most this far from the landmark.
    """
    height, width = image.shape[-2:]
    x = torch.arange(width, device=image.device)
    y = torch.arange(height, device=image.device)
    points = landmarks[landmarks.isfinite().all(-1)].to(image.device)
    across = (x - points[:, :1]).square()  # k w
    down = (y - points[:, 1:]).square()  # k h
    near = across[:, None, :] + down[:, :, None] <= radius**2
    return torch.where(near.any(0), _as_pixel(_GREEN, image), image)


def draw_skeleton(
    image: UInt8[Tensor, "3 h w"],
    landmarks: Float[Tensor, "k 2"],
    edges: Sequence[tuple[int, int]],
    *,
    radius: float = 1.0,
) -> UInt8[Tensor, "3 h w"]:
    """A copy of the image with green discs at landmarks and lines between them.

    A line is drawn if both of its ends are present.

    Args:
        edges: pairs of landmarks, such as those of a ``LandmarkScheme``.
        radius: radius of the discs; lines are half as wide as discs.
    """
    height, width = image.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([x, y], dim=-1).to(image.device, landmarks.dtype)
    ends = landmarks.to(image.device)[torch.tensor(edges, dtype=torch.long).reshape(-1, 2)]
    start, end = ends[ends.isfinite().all(-1).all(-1)][:, :, None, None].unbind(1)  # e 1 1 2
    along, away = end - start, pixels - start
    squared_length = along.square().sum(-1, keepdim=True).clamp(min=1e-9)
    nearest = ((away * along).sum(-1, keepdim=True) / squared_length).clamp(0, 1)
    near = (away - nearest * along).norm(dim=-1) <= radius / 2
    lined = torch.where(near.any(0), _as_pixel(_GREEN, image), image)
    return draw_landmarks(lined, landmarks, radius=radius)


def draw_mask(
    image: UInt8[Tensor, "3 h w"], mask: Float[Tensor, "1 h w"]
) -> UInt8[Tensor, "3 h w"]:
    """A copy of the image with the mask laid over it in red."""
    weight = mask.to(image.device) * _OPACITY
    return torch.lerp(image.float(), _as_pixel(_RED, image).float(), weight).round().byte()


def image_grid(
    images: UInt8[Tensor, "n 3 h w"] | Sequence[UInt8[Tensor, "3 h w"]], columns: int
) -> UInt8[Tensor, "3 H W"]:
    """Images of one size side by side, row after row, on white; the last row may be short.

    Args:
        columns: number of images per row.
    Raises:
        ValueError: no images, or no columns.
    """
    if not len(images) or columns < 1:
        raise ValueError(
            f"expected at least one image and one column, got {len(images)} and {columns}"
        )
    tiles = torch.stack(list(images))
    background = _as_pixel(_WHITE, tiles)
    missing = -len(tiles) % columns
    tiles = torch.cat([tiles, background.expand(missing, *tiles.shape[1:])])
    # Tiles include their right and bottom borders, the grid its left and top ones.
    height, width = (n + _PADDING for n in tiles.shape[2:])
    framed = background.expand(len(tiles), 3, height, width).clone()
    framed[:, :, : height - _PADDING, : width - _PADDING] = tiles
    sheet = rearrange(framed, "(r c) rgb h w -> rgb (r h) (c w)", c=columns)
    whole = background.expand(3, sheet.shape[1] + _PADDING, sheet.shape[2] + _PADDING).clone()
    whole[:, _PADDING:, _PADDING:] = sheet
    return whole


def _as_pixel(color: tuple[int, int, int], image: Tensor) -> Tensor:
    return torch.tensor(color, dtype=image.dtype, device=image.device).view(3, 1, 1)
