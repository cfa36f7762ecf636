"""Landmark-appearance aggregation: the shape stream gates and steers the appearance stream.

Sources: [A] Dall'Asen et al., ICIAP 2021, section 3; [B] Tang et al., BMVC 2020, section 2.3.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.layers.bipartite import BipartiteReasoning
from graphgan.layers.normalisation import Norm
from graphgan.layers.pose_attention import PoseAttentionalTransfer


class LandmarkAppearanceAggregation(PoseAttentionalTransfer):
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
        if channels < 2 or channels % 2:
            raise ValueError(f"expected an even number of channels, got {channels}")
        super().__init__(channels, shape_channels, dropout=dropout, norm=norm, joined=joined)
        num_nodes = max(1, channels // 4) if num_nodes is None else num_nodes
        self.reasoning = BipartiteReasoning(channels // 2, num_nodes, norm=reasoning_norm)

    def forward(
        self,
        appearance: Float[Tensor, "b c h w"],
        shape: Float[Tensor, "b s h w"],
        *,
        edge_index: Tensor | None = None,
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c2 h w"]]:
        self._check(appearance, shape)
        x_1, x_2 = self.shape(shape).chunk(2, dim=1)
        steering = torch.cat(self.reasoning(x_1, x_2, edge_index=edge_index), dim=1)
        return self._transfer(appearance, steering)
