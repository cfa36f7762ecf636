"""The convolutions that most blocks are built from."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from graphgan.layers._normalization import Norm, bias_before
from graphgan.layers._spectral_norm import SpectralNorm
from graphgan.layers._winograd import is_faster, winograd_conv2d


class ReflectConv2d(nn.Conv2d):
    """``nn.Conv2d`` with reflection padding that preserves the size (odd kernels).

    On CPUs, autocast pads in float32, between two casts of the whole map; here the padding uses the
    convolution's precision. Where it is faster, 3x3 kernels use `winograd_conv2d`.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, bias=bias)
        self.margin = 4 * (kernel_size // 2,)

    def forward(self, input: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o h w"]:
        device = input.device.type
        if torch.is_autocast_enabled(device):
            input = input.to(torch.get_autocast_dtype(device))
        with torch.autocast(device, enabled=False):
            padded = F.pad(input, self.margin, mode="reflect")
        if not is_faster(padded, self.weight):
            return super().forward(padded)
        out = winograd_conv2d(padded, self.weight)
        return out if self.bias is None else out + self.bias[:, None, None]

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, {self.kernel_size[0]}"


def reflect_conv(
    in_channels: int, out_channels: int, kernel_size: int = 3, *, norm: Norm
) -> ReflectConv2d:
    """A reflection-padded convolution, with a bias only if the ``norm`` after it has none."""
    return ReflectConv2d(in_channels, out_channels, kernel_size, bias=bias_before(norm))


def spectral_conv(in_channels: int, out_channels: int, kernel_size: int = 3) -> nn.Module:
    """A convolution with bias and a `SpectralNorm` on its weight."""
    conv = ReflectConv2d(in_channels, out_channels, kernel_size)
    register_parametrization(conv, "weight", SpectralNorm(conv.weight))
    return conv
