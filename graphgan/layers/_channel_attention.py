"""Efficient channel attention: weights each channel by itself and its neighbors.

Source: [E] Wang et al., "ECA-Net: Efficient Channel Attention for Deep Convolutional Neural
Networks", CVPR 2020, https://arxiv.org/abs/1910.03151, eq. (5) to (9) with gamma = 2, b = 1.
"""

import math

from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_features, check_positive


def adaptive_kernel_size(channels: int) -> int:
    """``t = int(|log2(channels) / 2 + 1/2|)``, plus 1 if it is even."""
    size = int(abs(math.log2(channels) / 2 + 0.5))
    return size if size % 2 else size + 1


class ChannelGate(nn.Module):
    """``sigmoid(Conv1d_J(descriptor))``: one bias-free kernel slides over the channel axis.

    Args:
        kernel_size: J, odd; zero padding keeps the number of channels.
    Shapes:
        ``descriptor: b c -> b c``, values in (0, 1), of the weights' dtype
    Raises:
        ValueError: an even or non-positive kernel.
    """

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"expected an odd kernel_size, got {kernel_size}")
        self.conv = nn.Conv1d(1, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, descriptor: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
        logits: Tensor = self.conv(descriptor.to(self.conv.weight.dtype)[:, None])[:, 0]
        return logits.sigmoid()


class EfficientChannelAttention(nn.Module):
    """Scale every channel by a weight computed from its own mean and its neighbors' means.

    ``w = sigmoid(Conv1d_J(GAP(x)))``, ``y = x * w``

    Args:
        channels: channels of ``x``.
        kernel_size: J, odd; by default ``adaptive_kernel_size(channels)`` (128 gives 5).
    Shapes:
        ``x: b c h w -> b c h w``
    Raises:
        ValueError: wrong channels, an empty batch, an even kernel.

    Example:
        >>> attention = EfficientChannelAttention(128)
        >>> attention(torch.randn(2, 128, 8, 8)).shape
        torch.Size([2, 128, 8, 8])
    """

    def __init__(self, channels: int, *, kernel_size: int | None = None) -> None:
        super().__init__()
        check_positive(channels=channels)
        self.channels = channels
        self.gate = ChannelGate(kernel_size or adaptive_kernel_size(channels))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        check_features(x, self.channels)
        weights: Tensor = self.gate(x.mean((2, 3)))
        return x * weights[:, :, None, None]

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel_size={self.gate.conv.kernel_size[0]}"
