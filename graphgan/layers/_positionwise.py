"""The ablation of bipartite reasoning in which no position sees another."""

from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_pair, check_positive
from graphgan.layers.normalization import Norm, make_norm


class PositionwiseUpdate(nn.Module):
    """Update each position of two feature maps independently.

    ``y_i = x_i + norm_i(extend_i(relu(state_i(x_i))))`` for i = 1, 2, with 1x1 convolutions

    This keeps the residual, norm and ReLU of `BipartiteReasoning` but has no nodes: no position
    sees another, and neither map sees the other.

    Args:
        channels: c, channels of each map.
        inner_channels: channels between the two convolutions.
        norm: "batch" (eps 1e-4), as in `BipartiteReasoning`.
    Shapes:
        ``x_1, x_2: b c h w`` -> two of ``b c h w``
    Raises:
        ValueError: wrong channels, maps of different shapes, an empty batch.
    """

    def __init__(self, channels: int, inner_channels: int, *, norm: Norm = "batch") -> None:
        super().__init__()
        check_positive(channels=channels, inner_channels=inner_channels)
        self.channels = channels
        self.update = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, inner_channels, 1),
                nn.ReLU(),
                nn.Conv2d(inner_channels, channels, 1, bias=False),
                make_norm(norm, channels, eps=1e-4),
            )
            for _ in range(2)
        )

    def forward(
        self, x_1: Float[Tensor, "b c h w"], x_2: Float[Tensor, "b c h w"]
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c h w"]]:
        check_pair(x_1, x_2, self.channels)
        first, second = self.update
        return x_1 + first(x_1), x_2 + second(x_2)
