"""Landmark-appearance aggregation: the shape stream gates updates of the appearance stream.

Sources: [A] Dall'Asen et al., ICIAP 2021, section 3; [B] Tang et al., BMVC 2020, section 2.3. The
alternatives to bipartite reasoning are not in the papers.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_choice, check_pair, check_positive
from graphgan.layers._bipartite import BipartiteReasoning, NodeAggregation
from graphgan.layers._cross_attention import CrossAttention
from graphgan.layers._normalization import GROUP_SIZE, Norm, make_norm
from graphgan.layers._pose_attention import PoseAttentionalTransfer

Reasoning = Literal["bipartite", "none", "cross_attention", "pose_attention"]
"""How the two halves of the shape stream exchange information. The last three are for ablations;
their widths are chosen so that the block has about as many parameters:

- ``bipartite``: `BipartiteReasoning`, as published.
- ``none``: no reasoning. Each position of each half is updated independently, with the residual,
  norm and ReLU of the reasoning: ``y_i = x_i + norm(conv_1x1(relu(conv_1x1(x_i))))``.
- ``cross_attention``: `CrossAttention`, every position of one half reads every one of the other.
- ``pose_attention``: nothing in that place, so that the block is `PoseAttentionalTransfer`; the
  shape stream is wider between its convolutions, with "group" norm by whole groups."""


class LandmarkAppearanceAggregation(PoseAttentionalTransfer):
    """Update the appearance where the shape stream, after bipartite reasoning, asks for it.

        a'    = conv_norm(dropout(relu(conv_norm(a))))
        s'    = reason(conv(dropout(relu(conv_norm(s)))))
        a_out = a + a' * sigmoid(s')
        s_out = [s' | a_out]

    All convolutions are 3x3 with reflection padding. The last shape convolution has no norm; it
    outputs the two maps of the reasoning (halves along the channels), whose results are
    concatenated again. Without reasoning, the block is `PoseAttentionalTransfer`.

    Args:
        channels: C, channels of the appearance; must be even.
        shape_channels: channels of the shape: C by default (first block), 2 C in later blocks.
        num_nodes: N, nodes of the reasoning; by default C / 4 (64 as published for C = 256).
            Alternatives to the reasoning have about as many parameters as with N nodes.
        reasoning: "bipartite" as published, or an alternative to compare with, see `Reasoning`.
        dropout: probability, in [0, 1).
        norm: norm of the convolutions; every published variant uses "batch" inside the reasoning,
            see ``reasoning_norm``.
        reasoning_norm: norm inside the reasoning. With "batch" and ``reasoning_aggr="sum"`` (both
            as published), the block's behavior depends on the size of its maps, see
            `BipartiteReasoning`; with "group" or "mean" it does not.
        reasoning_aggr: aggregation of the bipartite reasoning.
        joined: False returns ``s_out = s'``, for the last block, after which the shape is not used.
    Shapes:
        ``appearance: b C h w``, ``shape: b shape_channels h w`` -> ``b C h w``, ``b 2C h w``
        (``b C h w`` where not joined)
    Raises:
        ValueError: odd channels, wrong or mismatched shapes, a dropout outside [0, 1), edge lists
            with a reasoning other than "bipartite".

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
        reasoning: Reasoning = "bipartite",
        dropout: float = 0.5,
        norm: Norm = "batch",
        reasoning_norm: Norm = "batch",
        reasoning_aggr: NodeAggregation = "sum",
        joined: bool = True,
    ) -> None:
        if channels < 2 or channels % 2:
            raise ValueError(f"expected an even number of channels, got {channels}")
        check_choice("reasoning", reasoning, get_args(Reasoning))
        num_nodes = max(1, channels // 4) if num_nodes is None else num_nodes
        bipartite = partial(
            BipartiteReasoning, channels // 2, num_nodes, aggr=reasoning_aggr, norm=reasoning_norm
        )
        hidden = None
        if reasoning == "pose_attention":
            hidden = _wider(channels, shape_channels, norm, count_parameters(bipartite))
        super().__init__(
            channels,
            shape_channels,
            hidden_channels=hidden,
            dropout=dropout,
            norm=norm,
            joined=joined,
        )
        self.reasoning: nn.Module | None = None
        if reasoning == "bipartite":
            self.reasoning = bipartite()
        elif reasoning != "pose_attention":
            kind = CrossAttention if reasoning == "cross_attention" else PositionwiseUpdate
            build = partial(kind, channels // 2, norm=reasoning_norm)
            self.reasoning = build(matched_width(build, count_parameters(bipartite)))

    def forward(
        self,
        appearance: Float[Tensor, "b c h w"],
        shape: Float[Tensor, "b s h w"],
        *,
        edge_index: Tensor | None = None,
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c2 h w"]]:
        self._check(appearance, shape)
        edges = {} if edge_index is None else {"edge_index": edge_index}
        if edges and not isinstance(self.reasoning, BipartiteReasoning):
            raise ValueError('expected no edge_index unless reasoning is "bipartite"')
        steering = self.shape(shape)
        if self.reasoning is not None:
            steering = torch.cat(self.reasoning(*steering.chunk(2, dim=1), **edges), dim=1)
        return self._transfer(appearance, steering)


def _wider(channels: int, shape_channels: int | None, norm: Norm, more: int) -> int:
    """Hidden channels that give `PoseAttentionalTransfer` ``more`` additional parameters."""
    build = partial(PoseAttentionalTransfer, channels, shape_channels, norm=norm)
    whole_groups = norm == "group" and (shape_channels or channels) % GROUP_SIZE == 0
    return matched_width(
        lambda hidden: build(hidden_channels=hidden),
        count_parameters(build) + more,
        step=GROUP_SIZE if whole_groups else 1,
    )


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


def count_parameters(build: Callable[[], nn.Module]) -> int:
    """Count the parameters of the module that ``build`` makes, without allocating memory or drawing
    random numbers."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build().parameters())


def matched_width(build: Callable[[int], nn.Module], parameters: int, *, step: int = 1) -> int:
    """Return the multiple of ``step`` whose parameter count is nearest to ``parameters``.

    Args:
        build: builds the module from a width; its parameter count must be linear in the width.
        parameters: target parameter count.
        step: the width is a multiple of this.
    """
    first, second = (count_parameters(partial(build, n * step)) for n in (1, 2))
    return step * max(1, 1 + round((parameters - first) / (second - first)))
