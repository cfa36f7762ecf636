"""The plain road: maps are drawn, padded and convolved."""

import torch.nn.functional as F
from torch import Tensor

from graphgan.landmarks import render_maps


def convolve_maps(
    landmarks: Tensor,
    kernel: Tensor,
    size: tuple[int, int],
    *,
    rendering: str,
    sigma: float = 6.0,
    padding: int,
    reflect: bool = False,
    stride: int = 1,
    weights: Tensor | None = None,
) -> Tensor:
    """What `graphgan.layers._landmark_convolution` computes without maps."""
    maps = render_maps(landmarks, size, rendering=rendering, sigma=sigma).to(kernel.dtype)
    if weights is not None:
        maps = maps * weights[:, :, None, None]
    padded = F.pad(maps, 4 * (padding,), mode="reflect" if reflect else "constant")
    return F.conv2d(padded, kernel, stride=stride)
