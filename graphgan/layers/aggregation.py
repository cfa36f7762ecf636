"""Landmark-appearance aggregation: the shape stream gates and steers the appearance stream.

Sources: [A] Dall'Asen et al., ICIAP 2021, section 3; [B] Tang et al., BMVC 2020, section 2.3.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_features
from graphgan.layers._convolution import reflect_conv
from graphgan.layers.bipartite import BipartiteReasoning
from graphgan.layers.normalisation import Norm, make_norm


class LandmarkAppearanceAggregation(nn.Module):
    """Update appearance where the shape stream, after bipartite reasoning, says so.

        a'    = conv_norm(dropout(relu(conv_norm(a))))
        s'    = reason(conv(dropout(relu(conv_norm(s)))))
        a_out = a + a' * sigmoid(s')
        s_out = [s' | a_out]

    3x3 convolutions, reflection padding; the last shape convolution has no norm and gives the two
    maps (halves along the channels) of the reasoning, whose results are joined again.

    Args:
        channels: C of the appearance; even.
        shape_channels: of the shape, by default C (first block); 2 C in later blocks.
        num_nodes: N of the reasoning, by default C / 4 (64 as published for C = 256).
        dropout: probability, in [0, 1).
        norm: of the convolutions; the norm inside the reasoning is "batch" in every published
            variant, see ``reasoning_norm``.
        reasoning_norm: of the reasoning.
        joined: False leaves ``s_out = s'``, as after the last block nobody looks at it.
    Shapes:
        ``appearance: b C h w``, ``shape: b shape_channels h w`` -> ``b C h w``, ``b 2C h w``
        (``b C h w`` where not joined)
    Raises:
        ValueError: odd channels, other or unlike shapes, a dropout outside [0, 1).

    Example:
        >>> block = LandmarkAppearanceAggregation(64)
        >>> a, s = block(torch.randn(2, 64, 8, 8), torch.randn(2, 64, 8, 8))
        >>> a.shape, s.shape
        (torch.Size([2, 64, 8, 8]), torch.Size([2, 128, 8, 8]))
    """

    def __init__(
        self,
        channels: int,
        shape_channels: int | None = None,
        *,
        num_nodes: int | None = None,
        dropout: float = 0.5,
        norm: Norm = "batch",
        reasoning_norm: Norm = "batch",
        joined: bool = True,
    ) -> None:
        super().__init__()
        if channels < 2 or channels % 2:
            raise ValueError(f"expected an even number of channels, got {channels}")
        if not 0 <= dropout < 1:
            raise ValueError(f"expected dropout in [0, 1), got {dropout}")
        shape_channels = channels if shape_channels is None else shape_channels
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
            reflect_conv(shape_channels, shape_channels, norm=norm),
            make_norm(norm, shape_channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            reflect_conv(shape_channels, channels, norm=norm),
        )
        num_nodes = max(1, channels // 4) if num_nodes is None else num_nodes
        self.reasoning = BipartiteReasoning(channels // 2, num_nodes, norm=reasoning_norm)

    def forward(
        self,
        appearance: Float[Tensor, "b c h w"],
        shape: Float[Tensor, "b s h w"],
        *,
        edge_index: Tensor | None = None,
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c2 h w"]]:
        check_features(appearance, self.channels, "appearance", smallest=2)
        check_features(shape, self.shape_channels, "shape", smallest=2)
        if (appearance.shape[0], *appearance.shape[2:]) != (shape.shape[0], *shape.shape[2:]):
            raise ValueError(
                f"expected one batch and one size, got {tuple(appearance.shape)} and "
                f"{tuple(shape.shape)}"
            )
        x_1, x_2 = self.shape(shape).chunk(2, dim=1)
        steered = torch.cat(self.reasoning(x_1, x_2, edge_index=edge_index), dim=1)
        appearance = appearance + self.appearance(appearance) * steered.sigmoid()
        return appearance, torch.cat([steered, appearance], dim=1) if self.joined else steered

    def extra_repr(self) -> str:
        return f"{self.channels}, shape_channels={self.shape_channels}"
