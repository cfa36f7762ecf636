"""3x3 convolutions with a quarter of the multiplications.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4;
the matrices are those of Toom and Cook, see Barabasz et al., "Error Analysis and Improving the
Accuracy of Winograd Convolution for Deep Neural Networks", TOMS 2020, whose advice the choice of
points follows: 0, +-3/4, +-3/2 lose a digit less than the usual 0, +-1, +-2.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from numpy.polynomial.polynomial import polyfromroots
from torch import Tensor

KERNEL = 3
TILE = 4  # outputs per side of a tile
_PATCH = TILE + KERNEL - 1  # inputs they depend on
_POINTS = np.array([0, 3 / 4, -3 / 4, 3 / 2, -3 / 2])
# Below these sizes, transforms cost more than they save: `python benchmarks/run.py convolution`.
# Transforming the kernel is only worth it for more tiles if there are more channels.
_LEAST_CHANNELS = 128
_LEAST_TILES, _LEAST_TILES_TRANSFORMED = 64, 32


def is_faster(x: Tensor, weight: Tensor, *, transformed: bool = False) -> bool:
    """Whether `winograd_conv2d` is faster than ``conv2d``: on CPUs, in full precision.

    There, matrix products are as fast as convolutions. In half precision and on GPUs, convolutions
    are faster than any transform.

    Args:
        x: padded input, as for `winograd_conv2d`.
        weight: weight of the convolution.
        transformed: whether the transformed kernel is already available.
    """
    if x.device.type != "cpu" or weight.shape[2:] != (KERNEL, KERNEL):
        return False
    if x.dtype not in (torch.float32, torch.float64) or torch.is_autocast_enabled("cpu"):
        return False
    tiles = x.shape[0] * _tiles(x.shape[2] - 2) * _tiles(x.shape[3] - 2)
    channels = weight.shape[:2]
    least = _LEAST_TILES_TRANSFORMED if transformed else max(_LEAST_TILES, max(channels) // 4)
    return min(channels) >= _LEAST_CHANNELS and tiles >= least


def winograd_conv2d(
    x: Float[Tensor, "b c h2 w2"], weight: Float[Tensor, "o c 3 3"]
) -> Float[Tensor, "b o h w"]:
    """``conv2d(x, weight)`` without padding, up to rounding, by tiles of 4x4 outputs.

        out = A^T ((G w G^T) * (B^T x B)) A    per tile, * summed over input channels

    36 products per tile, input and output channel instead of 144, and likewise for the gradients.
    Only ``x`` is saved for the backward pass. The result is in channels-last format.
    """
    out: Tensor = _Winograd.apply(x, weight)  # type: ignore[no-untyped-call]
    return out


def transformed_kernel(weight: Float[Tensor, "o c 3 3"]) -> Float[Tensor, "36 c o"]:
    """``G w G^T``, for `convolve_transformed`."""
    taps = rearrange(weight, "o c m n -> (m n) (c o)")
    transformed = _KERNEL_MATRIX.to(weight) @ taps
    return rearrange(transformed, "t (c o) -> t c o", o=len(weight))


def convolve_transformed(
    x: Float[Tensor, "b c h2 w2"], kernel: Float[Tensor, "36 c o"]
) -> Float[Tensor, "b o h w"]:
    """`winograd_conv2d` with a kernel that is already transformed."""
    height, width = x.shape[2] - 2, x.shape[3] - 2
    products = torch.bmm(_patches(x), kernel)
    tiles = _OUTPUT_MATRIX.to(x) @ rearrange(products, "t n o -> t (n o)")
    rows, columns = _tiles(height), _tiles(width)
    out = rearrange(
        tiles, "(i j) (b p q o) -> b (p i) (q j) o", i=TILE, b=x.shape[0], p=rows, q=columns
    )
    return rearrange(out[:, :height, :width], "b h w o -> b o h w")


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, weight: Tensor) -> Tensor:
        return convolve_transformed(x, transformed_kernel(weight))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        of_x, of_weight = None, None
        if ctx.needs_input_grad[0]:
            turned = weight.flip(2, 3).transpose(0, 1)
            of_x = winograd_conv2d(F.pad(grad, (2, 2, 2, 2)), turned)
        if ctx.needs_input_grad[1]:
            of_weight = _kernel_gradient(x, grad)
        return of_x, of_weight


def _kernel_gradient(
    x: Float[Tensor, "b c h2 w2"], grad: Float[Tensor, "b o h w"]
) -> Float[Tensor, "o c 3 3"]:
    """The transposed transforms, in reverse order."""
    height, width = grad.shape[2:]
    rows, columns = _tiles(height), _tiles(width)
    grad = F.pad(grad, (0, columns * TILE - width, 0, rows * TILE - height))
    tiles = rearrange(grad, "b o (p i) (q j) -> (i j) (b p q o)", i=TILE, j=TILE)
    products = rearrange(_OUTPUT_MATRIX.to(grad).T @ tiles, "t (n o) -> t n o", o=grad.shape[1])
    kernel = torch.bmm(_patches(x).transpose(1, 2), products)
    taps = _KERNEL_MATRIX.to(grad).T @ rearrange(kernel, "t c o -> t (c o)")
    return rearrange(taps, "(m n) (c o) -> o c m n", m=KERNEL, c=x.shape[1])


def _patches(x: Float[Tensor, "b c h2 w2"]) -> Float[Tensor, "36 n c"]:
    """``B^T x B`` of every tile, with zeros beyond the last complete one."""
    height, width = x.shape[2] - 2, x.shape[3] - 2
    missing = (_tiles(width) * TILE - width, _tiles(height) * TILE - height)
    if any(missing):
        x = F.pad(x, (0, missing[0], 0, missing[1]))
    tiles = x.unfold(2, _PATCH, TILE).unfold(3, _PATCH, TILE)
    tiles = rearrange(tiles, "b c p q i j -> (i j) (b p q c)")
    return rearrange(_PATCH_MATRIX.to(x) @ tiles, "t (n c) -> t n c", c=x.shape[1])


def _tiles(length: int) -> int:
    return -(-length // TILE)


def _matrices() -> tuple[Tensor, Tensor, Tensor]:
    """``A^T``, ``G`` and ``B^T``: products of polynomials from their values at points.

    A row a point for what is evaluated, the last one for infinity, where a polynomial is its
    leading coefficient; ``B^T`` holds the coefficients of Lagrange's polynomials.
    """
    powers = np.vander(_POINTS, TILE, increasing=True)
    others = [_POINTS[point != _POINTS] for point in _POINTS]
    scales = [np.prod(point - other) for point, other in zip(_POINTS, others, strict=True)]
    output = np.vstack([powers, np.eye(TILE)[-1]]).T.copy()
    kernel = np.vstack([powers[:, :KERNEL] / np.c_[scales], np.eye(KERNEL)[-1]])
    patch = [*([*polyfromroots(other), 0.0] for other in others), polyfromroots(_POINTS)]
    return torch.tensor(output), torch.tensor(kernel), torch.tensor(np.array(patch))


# For both axes at once: 16 x 36, 36 x 9 and 36 x 36.
_OUTPUT_MATRIX, _KERNEL_MATRIX, _PATCH_MATRIX = (torch.kron(m, m) for m in _matrices())
