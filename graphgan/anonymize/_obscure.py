"""Blur or pixelate faces, or cover them with one color. The pose is lost."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_features, check_positive
from graphgan.landmarks import paste

BLUR_KERNEL = 101
MOSAIC_BLOCK = 10


def blur_faces(
    images: Float[Tensor, "b 3 h w"],
    masks: Float[Tensor, "b 1 h w"],
    *,
    kernel_size: int = BLUR_KERNEL,
    sigma: float | None = None,
) -> Float[Tensor, "b 3 h w"]:
    """A Gaussian blur of the image, shown inside the mask.

    The image is reflected at its edges; its last pixels are repeated if it is smaller than half
    the kernel.

    Args:
        images: in any range.
        masks: 1 where the face is.
        kernel_size: of the kernel, odd, in pixels.
        sigma: of the Gaussian, in pixels; by default a quarter of the kernel size, so that the
            kernel ends where the Gaussian is at a seventh of its height.
    Raises:
        ValueError: an even kernel, a sigma that is not positive.
    """
    from kornia.filters import gaussian_blur2d  # longer to import than all else but torch

    check_features(images, 3, "images")
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"expected an odd kernel size, got {kernel_size}")
    sigma = kernel_size / 4 if sigma is None else sigma
    if not sigma > 0:
        raise ValueError(f"expected sigma above 0, got {sigma}")
    border = "reflect" if kernel_size // 2 < min(images.shape[2:]) else "replicate"
    square, sigmas = (kernel_size, kernel_size), (float(sigma), float(sigma))
    return paste(gaussian_blur2d(images, square, sigmas, border_type=border), images, masks)


def pixelate_faces(
    images: Float[Tensor, "b 3 h w"],
    masks: Float[Tensor, "b 1 h w"],
    *,
    block_size: int = MOSAIC_BLOCK,
) -> Float[Tensor, "b 3 h w"]:
    """The mean of each block, shown inside the mask; the last blocks may be smaller.

    Args:
        images: in any range.
        masks: 1 where the face is.
        block_size: pixels a side.
    Raises:
        ValueError: a block below one pixel.
    """
    check_features(images, 3, "images")
    check_positive(block_size=block_size)
    height, width = images.shape[2:]
    means = F.avg_pool2d(images, block_size, ceil_mode=True, count_include_pad=False)
    blocks = means.repeat_interleave(block_size, 2).repeat_interleave(block_size, 3)
    return paste(blocks[..., :height, :width], images, masks)


def cover_faces(
    images: Float[Tensor, "b 3 h w"], masks: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """Black inside the mask; the images are in [-1, 1]."""
    check_features(images, 3, "images")
    return paste(torch.full_like(images, -1), images, masks)
