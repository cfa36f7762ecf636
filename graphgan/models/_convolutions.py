"""Convolutions of third-party networks: TensorFlow's "same" padding, and Inception's layer."""

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


class ConvNormReLU(nn.Module):
    """Convolution without bias, BatchNorm, ReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=False
        )
        self.bn = nn.BatchNorm2d(out_channels, eps=1e-3)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        return F.relu(self.bn(self.conv(x)))
