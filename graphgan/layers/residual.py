"""The residual block of BiGraphGAN's discriminators and of CIAGAN's generator.

Sources: [B] Tang et al., BMVC 2020; [C] Maximov et al., CVPR 2020; the block is that of Johnson et
al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV 2016.
"""

from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_features, check_positive
from graphgan.layers._convolution import reflect_conv, spectral_conv
from graphgan.layers.normalization import Norm, make_norm


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
