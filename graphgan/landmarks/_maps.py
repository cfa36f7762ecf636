"""Landmark maps: coordinates rendered as one image channel per landmark.

A landmark that is missing (NaN) or outside the image gives an empty map.
"""

from typing import Literal

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

Rendering = Literal["one_hot", "bilinear", "gaussian"]


def check_landmarks(
    landmarks: Tensor, name: str = "landmarks", *, count: int | None = None
) -> None:
    """Raise ``ValueError`` unless ``landmarks`` is a non-empty float ``b k 2``, k = ``count``."""
    if landmarks.ndim != 3 or landmarks.shape[-1] != 2:
        raise ValueError(f"expected {name} of shape (b, k, 2), got {tuple(landmarks.shape)}")
    if not landmarks.is_floating_point():
        raise ValueError(f"expected floating-point {name}, got {landmarks.dtype}")
    if landmarks.shape[0] == 0:
        raise ValueError(f"expected at least one set of {name}, got an empty batch")
    if count is not None and landmarks.shape[1] != count:
        raise ValueError(f"expected {count} {name}, got {landmarks.shape[1]}")


def check_faces(landmarks: Tensor, source: Tensor) -> None:
    """Raise ``ValueError`` unless both are non-empty float ``b 68 2``, of as many faces."""
    check_landmarks(landmarks, count=68)
    if landmarks.shape != source.shape:
        raise ValueError(
            f"expected a source of shape {tuple(landmarks.shape)}, got {tuple(source.shape)}"
        )
    check_landmarks(source, "source")


def one_hot_maps(
    landmarks: Float[Tensor, "b k 2"], size: tuple[int, int]
) -> Float[Tensor, "b k h w"]:
    """1 at the pixel nearest to each landmark, 0 elsewhere (halves round to even).

    Args:
        landmarks: (x, y) in pixels, pixel centers at integers, NaN where missing.
        size: height and width of the maps.
    """
    check_landmarks(landmarks)
    height, width = size
    x, y = landmarks.round().unbind(-1)
    columns = torch.arange(width, device=landmarks.device, dtype=landmarks.dtype)
    rows = torch.arange(height, device=landmarks.device, dtype=landmarks.dtype)
    # NaN equals nothing, so a missing landmark leaves its map empty.
    at_column = (rearrange(x, "b k -> b k 1 1") == columns).to(landmarks.dtype)
    at_row = (rearrange(y, "b k -> b k 1 1") == rearrange(rows, "h -> h 1")).to(landmarks.dtype)
    return at_row * at_column


def bilinear_maps(
    landmarks: Float[Tensor, "b k 2"], size: tuple[int, int]
) -> Float[Tensor, "b k h w"]:
    """Distribute each landmark over its four nearest pixels; differentiable in the coordinates.

    ``map[v, u] = max(0, 1 - |u - x|) * max(0, 1 - |v - y|)``; equal to `one_hot_maps` at
    integer coordinates.

    Args:
        landmarks: (x, y) in pixels, pixel centers at integers, NaN where missing.
        size: height and width of the maps.
    """
    dx, dy = _offsets(landmarks, size)
    return (1 - dy.abs()).clamp(min=0) * (1 - dx.abs()).clamp(min=0)


def gaussian_maps(
    landmarks: Float[Tensor, "b k 2"], size: tuple[int, int], *, sigma: float = 6.0
) -> Float[Tensor, "b k h w"]:
    """``exp(-|p - landmark|^2 / (2 sigma^2))`` at every pixel p: the pose maps of BiGraphGAN.

    Args:
        landmarks: (x, y) in pixels, pixel centers at integers, NaN where missing.
        size: height and width of the maps.
        sigma: standard deviation in pixels, above 0.
    """
    if sigma <= 0:
        raise ValueError(f"expected sigma above 0, got {sigma}")
    dx, dy = _offsets(landmarks, size)
    return torch.exp(-(dx**2) / (2 * sigma**2)) * torch.exp(-(dy**2) / (2 * sigma**2))


def render_maps(
    landmarks: Float[Tensor, "b k 2"],
    size: tuple[int, int],
    *,
    rendering: Rendering = "one_hot",
    sigma: float = 6.0,
) -> Float[Tensor, "b k h w"]:
    """`one_hot_maps`, `bilinear_maps` or `gaussian_maps` by name; ``sigma`` is used by the last.

    Raises:
        ValueError: an unknown name.
    """
    match rendering:
        case "one_hot":
            return one_hot_maps(landmarks, size)
        case "bilinear":
            return bilinear_maps(landmarks, size)
        case "gaussian":
            return gaussian_maps(landmarks, size, sigma=sigma)
    raise ValueError(f"expected rendering one_hot, bilinear or gaussian, got {rendering!r}")


def _offsets(
    landmarks: Float[Tensor, "b k 2"], size: tuple[int, int]
) -> tuple[Float[Tensor, "b k 1 w"], Float[Tensor, "b k h 1"]]:
    """Horizontal and vertical distance of every pixel; a missing landmark is infinitely far.

    Far, not NaN: a NaN that is masked out later would still reach the gradient.
    """
    check_landmarks(landmarks)
    height, width = size
    present = landmarks.isfinite().all(-1, keepdim=True)
    x, y = torch.where(present, landmarks, landmarks.new_tensor(-1e6)).unbind(-1)
    columns = torch.arange(width, device=landmarks.device, dtype=landmarks.dtype)
    rows = torch.arange(height, device=landmarks.device, dtype=landmarks.dtype)
    dx = columns - rearrange(x, "b k -> b k 1 1")
    dy = rearrange(rows, "h -> h 1") - rearrange(y, "b k -> b k 1 1")
    return dx, dy
