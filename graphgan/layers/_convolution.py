"""The convolutions that most blocks are built from."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from graphgan.layers._normalization import Norm, bias_before
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


_FIRST_ITERATIONS = 15


class SpectralNorm(nn.Module):
    """A parametrization: ``weight / sigma`` with ``sigma = u^T W v``.

    Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018,
    algorithm 1. Keys and numbers are those of `torch.nn.utils.parametrizations.spectral_norm`,
    which runs its first iterations on the meta device as well, where they compute nothing.

    ``W`` is the weight as a matrix with one row per output. ``u`` and ``v`` approximate its first
    singular vectors: in training mode, each access to the weight improves them by one step of power
    iteration. They are constants for the gradient.

    Args:
        weight: initial weight with at least two dimensions, outputs first.
        eps: minimum norm used as a divisor.
    """

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, eps: float = 1e-12) -> None:
        super().__init__()
        self.eps = eps
        matrix = weight.detach().flatten(1)
        u, v = (matrix.new_empty(count).normal_() for count in matrix.shape)
        self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
        self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
        if not weight.is_meta:
            self._approach(matrix, _FIRST_ITERATIONS)

    @torch.no_grad()
    def _approach(self, matrix: Tensor, iterations: int = 1) -> None:
        for _ in range(iterations):
            self._u.copy_(F.normalize(matrix.mv(self._v), dim=0, eps=self.eps))
            self._v.copy_(F.normalize(matrix.T.mv(self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        matrix = weight.flatten(1)
        if self.training:
            self._approach(matrix)
        # Copies, since another access before backward changes the buffers.
        u, v = self._u.clone(), self._v.clone()
        return weight / torch.vdot(u, matrix.mv(v))


def spectral_conv(in_channels: int, out_channels: int, kernel_size: int = 3) -> nn.Module:
    """A convolution with bias and a `SpectralNorm` on its weight."""
    conv = ReflectConv2d(in_channels, out_channels, kernel_size)
    register_parametrization(conv, "weight", SpectralNorm(conv.weight))
    return conv
