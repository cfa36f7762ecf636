"""What is left of bipartite reasoning when nobody reads from anybody."""

from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_pair, check_positive
from graphgan.layers.normalization import Norm, make_norm


class PositionwiseUpdate(nn.Module):
    """Two feature maps, each position of each updated by itself.

    ``y_i = x_i + norm_i(extend_i(relu(state_i(x_i))))`` for i = 1, 2, with 1x1 convolutions

    The residual, norm and ReLU of `BipartiteReasoning` without nodes: no position sees another,
    neither map sees the other.

    Args:
        channels: c of each map.
        inner_channels: between the two convolutions.
        norm: "batch" (eps 1e-4), as in `BipartiteReasoning`.
    Shapes:
        ``x_1, x_2: b c h w`` -> two of ``b c h w``
    Raises:
        ValueError: other channels, maps of unlike shape, an empty batch.
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
