"""Residual blocks, which keep, halve or double the size.

Sources: [B] Tang et al., BMVC 2020, discriminators; [C] Maximov et al., "CIAGAN: Conditional
Identity Anonymization Generative Adversarial Networks", CVPR 2020, generator. `ResidualBlock` is
that of Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV
2016.
"""

from functools import partial

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_features, check_positive
from graphgan.layers._convolution import reflect_conv, spectral_conv
from graphgan.layers._normalization import Norm, make_norm


class ResidualBlock(nn.Module):
    """``x + conv_norm(relu(conv_norm(x)))``: 3x3, reflection padding, no ReLU after the sum.

    Args:
        channels: channels of ``x``.
        norm: norm after each convolution.
        spectral: apply spectral normalization to the convolutions, which then have a bias ([C]).
    Shapes:
        ``x: b c h w -> b c h w``
    Raises:
        ValueError: wrong channels, an empty batch, sides of one pixel.

    Example:
        >>> ResidualBlock(16)(torch.randn(2, 16, 8, 8)).shape
        torch.Size([2, 16, 8, 8])
    """

    def __init__(self, channels: int, *, norm: Norm = "batch", spectral: bool = False) -> None:
        super().__init__()
        check_positive(channels=channels)
        self.channels = channels
        conv = spectral_conv if spectral else partial(reflect_conv, norm=norm)
        self.body = nn.Sequential(
            conv(channels, channels),
            make_norm(norm, channels),
            nn.ReLU(),
            conv(channels, channels),
            make_norm(norm, channels),
        )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        check_features(x, self.channels, smallest=2)
        out: Tensor = x + self.body(x)
        return out


class ResidualDown(nn.Module):
    """``pool(conv(relu(conv(relu(x))))) + pool(conv_1x1(x))``, where pool averages 2 x 2 pixels.

    3x3 convolutions with reflection padding; all have spectral normalization and a bias.

    Args:
        in_channels: channels of ``x``.
        out_channels: channels of the result.
    Shapes:
        ``x: b in_channels h w -> b out_channels h/2 w/2`` (rounded down)
    Raises:
        ValueError: wrong channels, an empty batch, sides of one pixel.

    Example:
        >>> ResidualDown(6, 32)(torch.randn(2, 6, 16, 16)).shape
        torch.Size([2, 32, 8, 8])
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        check_positive(in_channels=in_channels, out_channels=out_channels)
        self.in_channels = in_channels
        self.body = nn.Sequential(
            nn.ReLU(),
            spectral_conv(in_channels, out_channels),
            nn.ReLU(),
            spectral_conv(out_channels, out_channels),
        )
        self.shortcut = spectral_conv(in_channels, out_channels, 1)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        check_features(x, self.in_channels, smallest=2)
        return F.avg_pool2d(self.body(x), 2) + F.avg_pool2d(self.shortcut(x), 2)


class ResidualUp(nn.Module):
    """``conv(relu(norm(conv(up(relu(norm(x))))))) + conv_1x1(up(x))``, with up nearest-neighbor.

    3x3 convolutions with reflection padding; all have spectral normalization and a bias.

    Args:
        in_channels: channels of ``x``.
        out_channels: channels of the result.
        norm: norm before each 3x3 convolution.
    Shapes:
        ``x: b in_channels h w -> b out_channels 2h 2w``
    Raises:
        ValueError: wrong channels, an empty batch, sides of one pixel.

    Example:
        >>> ResidualUp(32, 16)(torch.randn(2, 32, 8, 8)).shape
        torch.Size([2, 16, 16, 16])
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, norm: Norm = "affine_instance"
    ) -> None:
        super().__init__()
        check_positive(in_channels=in_channels, out_channels=out_channels)
        self.in_channels = in_channels
        self.body = nn.Sequential(
            make_norm(norm, in_channels),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            spectral_conv(in_channels, out_channels),
            make_norm(norm, out_channels),
            nn.ReLU(),
            spectral_conv(out_channels, out_channels),
        )
        self.shortcut = nn.Sequential(
            nn.Upsample(scale_factor=2), spectral_conv(in_channels, out_channels, 1)
        )

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        check_features(x, self.in_channels, smallest=2)
        out: Tensor = self.body(x) + self.shortcut(x)
        return out
