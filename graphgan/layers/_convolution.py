"""The convolution that most blocks are made of."""

from torch import nn

from graphgan.layers.normalisation import Norm, bias_before


def reflect_conv(
    in_channels: int, out_channels: int, kernel_size: int = 3, *, norm: Norm
) -> nn.Conv2d:
    """Reflection padding that keeps the size; a bias only where the ``norm`` after it has none."""
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        padding=kernel_size // 2,
        padding_mode="reflect",
        bias=bias_before(norm),
    )
