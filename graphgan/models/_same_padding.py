"""TensorFlow's "same" padding, which depends on the image size."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def conv2d_same(x: Float[Tensor, "b i h w"], layer: nn.Conv2d) -> Float[Tensor, "b o h2 w2"]:
    """Apply the layer with zero padding that gives ``ceil(size / stride)`` results per side.

    The odd pixel goes to the right and to the bottom. The kernel is square, and the layer's own
    padding does not count.
    """
    size, stride = layer.kernel_size[0], layer.stride[0]
    high, wide = (_same(length, size, stride) for length in x.shape[2:])
    if high % 2 or wide % 2:
        x = F.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        high = wide = 0
    edges = (high // 2, wide // 2)
    return F.conv2d(x, layer.weight, layer.bias, layer.stride, edges, groups=layer.groups)


def _same(length: int, size: int, stride: int) -> int:
    """Total padding of an axis."""
    return max((-(-length // stride) - 1) * stride + size - length, 0)
