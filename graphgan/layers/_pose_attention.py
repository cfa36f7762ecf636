"""Pose-attentional transfer: a mask from the shape code gates updates of the appearance code.

Source: Zhu et al., "Progressive Pose Attention Transfer for Person Image Generation", CVPR 2019,
https://arxiv.org/abs/1904.03349, section 3.1.2, equations (1) to (3). Padding and dropout follow
`LandmarkAppearanceAggregation`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_features, check_positive
from graphgan.layers._convolution import reflect_conv
from graphgan.layers._normalization import Norm, make_norm


class PoseAttentionalTransfer(nn.Module):
    """Update the appearance where the shape stream asks for it, then update the shape stream.

        M     = sigmoid(conv_S(s))       the mask, equation (1)
        a_out = M * conv_P(a) + a        appearance, "image code", equation (2)
        s_out = [conv_S(s) | a_out]      shape, "pose code", equation (3)

    ``conv_P = conv_norm(dropout(relu(conv_norm(a))))``,
    ``conv_S = conv(dropout(relu(conv_norm(s))))``; 3x3 convolutions, reflection padding.

    `LandmarkAppearanceAggregation` adds reasoning between the two halves of ``conv_S(s)``; without
    reasoning it equals this block.

    Args:
        channels: C, channels of the appearance.
        shape_channels: channels of the shape: C by default (first block), 2 C in later blocks.
        hidden_channels: channels between the two convolutions of ``conv_S``; by default
            ``shape_channels``.
        dropout: probability, in [0, 1).
        norm: norm of the convolutions.
        joined: False returns ``s_out = conv_S(s)``, for the last block, after which the shape is
            not used.
    Shapes:
        ``appearance: b C h w``, ``shape: b shape_channels h w`` -> ``b C h w``, ``b 2C h w``
        (``b C h w`` where not joined)
    Raises:
        ValueError: sizes below 1, wrong or mismatched shapes, a dropout outside [0, 1).

    Example:
        >>> block = PoseAttentionalTransfer(64)
        >>> a, s = block(torch.randn(2, 64, 8, 8), torch.randn(2, 64, 8, 8))
        >>> a.shape, s.shape
        (torch.Size([2, 64, 8, 8]), torch.Size([2, 128, 8, 8]))
    """

    def __init__(
        self,
        channels: int,
        shape_channels: int | None = None,
        *,
        hidden_channels: int | None = None,
        dropout: float = 0.5,
        norm: Norm = "batch",
        joined: bool = True,
    ) -> None:
        super().__init__()
        shape_channels = channels if shape_channels is None else shape_channels
        hidden = shape_channels if hidden_channels is None else hidden_channels
        check_positive(channels=channels, shape_channels=shape_channels, hidden_channels=hidden)
        if not 0 <= dropout < 1:
            raise ValueError(f"expected dropout in [0, 1), got {dropout}")
        self.channels = channels
        self.shape_channels = shape_channels
        self.joined = joined
        self.appearance = nn.Sequential(
            reflect_conv(channels, channels, norm=norm),
            make_norm(norm, channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            reflect_conv(channels, channels, norm=norm),
            make_norm(norm, channels),
        )
        self.shape = nn.Sequential(
            reflect_conv(shape_channels, hidden, norm=norm),
            make_norm(norm, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            reflect_conv(hidden, channels, norm=norm),
        )

    def forward(
        self, appearance: Float[Tensor, "b c h w"], shape: Float[Tensor, "b s h w"]
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c2 h w"]]:
        self._check(appearance, shape)
        return self._transfer(appearance, self.shape(shape))

    def _transfer(
        self, appearance: Float[Tensor, "b c h w"], steering: Float[Tensor, "b c h w"]
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c2 h w"]]:
        """Equations (2) and (3), given the logits of the mask."""
        appearance = appearance + self.appearance(appearance) * steering.sigmoid()
        return appearance, torch.cat([steering, appearance], dim=1) if self.joined else steering

    def _check(self, appearance: Tensor, shape: Tensor) -> None:
        check_features(appearance, self.channels, "appearance", smallest=2)
        check_features(shape, self.shape_channels, "shape", smallest=2)
        if (appearance.shape[0], *appearance.shape[2:]) != (shape.shape[0], *shape.shape[2:]):
            raise ValueError(
                f"expected one batch and one size, got {tuple(appearance.shape)} and "
                f"{tuple(shape.shape)}"
            )

    def extra_repr(self) -> str:
        return f"{self.channels}, shape_channels={self.shape_channels}"
