"""Cross-attention between two maps: each position of one reads from all positions of the other.

Source: Vaswani et al., "Attention Is All You Need", NeurIPS 2017, https://arxiv.org/abs/1706.03762,
section 3.2.1, equation (1). Differs from the paper: the inputs are two feature maps, there are no
biases, and the norm is that of `BipartiteReasoning`, applied after the last projection and before
the residual sum.
"""

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_pair, check_positive
from graphgan.layers._normalization import Norm, make_norm


class CrossAttention(nn.Module):
    """Let two feature maps attend to each other, every position to every position.

    With j the other map and d inner channels, for i = 1, 2, positions as rows:

        Q_i = query_i(x_i)                          hw x d
        K_i, V_i = key_i(x_j), value_i(x_j)         hw x d
        R_i = softmax(Q_i K_i^T / sqrt(d)) V_i      hw x d: the other map is read
        y_i = x_i + norm_i(extend_i(R_i))

    All projections are bias-free linear maps of single positions, with separate weights for each
    direction (``8 c d`` in total). It is a drop-in replacement for `BipartiteReasoning`. It has no
    second derivative, because the fused kernels of CPUs and GPUs have none.

    Args:
        channels: c, channels of each map.
        inner_channels: d; the default ``5 c / 8`` gives as many parameters as
            ``BipartiteReasoning(c, c // 2)``, about ``5 c^2``.
        num_heads: number of attention heads, each with d / num_heads channels.
        norm: "batch" (eps 1e-4), as in `BipartiteReasoning`.
    Shapes:
        ``x_1, x_2: b c h w`` -> two of ``b c h w``
    Raises:
        ValueError: wrong channels, maps of different shapes, an empty batch, inner channels that
            are not divisible by the number of heads.

    Example:
        >>> attention = CrossAttention(128)
        >>> y_1, y_2 = attention(torch.randn(2, 128, 8, 8), torch.randn(2, 128, 8, 8))
        >>> y_1.shape
        torch.Size([2, 128, 8, 8])
    """

    def __init__(
        self,
        channels: int,
        inner_channels: int | None = None,
        *,
        num_heads: int = 1,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        inner = max(1, round(5 * channels / 8)) if inner_channels is None else inner_channels
        check_positive(channels=channels, inner_channels=inner, num_heads=num_heads)
        if inner % num_heads:
            raise ValueError(f"expected inner_channels divisible by {num_heads} heads, got {inner}")
        self.channels = channels
        self.inner_channels = inner
        self.num_heads = num_heads
        self.query = nn.ModuleList(nn.Linear(channels, inner, bias=False) for _ in range(2))
        self.key = nn.ModuleList(nn.Linear(channels, inner, bias=False) for _ in range(2))
        self.value = nn.ModuleList(nn.Linear(channels, inner, bias=False) for _ in range(2))
        self.extend = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inner, channels, 1, bias=False), make_norm(norm, channels, eps=1e-4)
            )
            for _ in range(2)
        )

    def forward(
        self, x_1: Float[Tensor, "b c h w"], x_2: Float[Tensor, "b c h w"]
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c h w"]]:
        check_pair(x_1, x_2, self.channels)
        return self._direction(0, x_1, x_2), self._direction(1, x_2, x_1)

    def _direction(
        self, i: int, x: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]
    ) -> Float[Tensor, "b c h w"]:
        asking, asked = (rearrange(m, "b c h w -> b (h w) c") for m in (x, other))
        query, key, value = (
            rearrange(rows, "b p (n d) -> b n p d", n=self.num_heads)
            for rows in (self.query[i](asking), self.key[i](asked), self.value[i](asked))
        )
        read = F.scaled_dot_product_attention(query, key, value)
        update: Tensor = self.extend[i](
            rearrange(read, "b n (h w) d -> b (n d) h w", h=x.shape[2], w=x.shape[3])
        )
        return x + update

    def extra_repr(self) -> str:
        return f"{self.channels}, inner_channels={self.inner_channels}, num_heads={self.num_heads}"
