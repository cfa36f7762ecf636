"""Bipartite graph layers: nodes of one set read from nodes of another.

Sources: [B] Tang et al., "Bipartite Graph Reasoning GANs for Person Image Generation", BMVC 2020,
https://arxiv.org/abs/2008.04381; [A] Dall'Asen et al., ICIAP 2021, section 3; the projection to a
few nodes follows [G] Chen et al., "Graph-Based Global Reasoning Networks", CVPR 2019,
https://arxiv.org/abs/1811.12814.
"""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from graphgan._checks import check_choice, check_indices, check_pair, check_positive
from graphgan.layers._normalization import Norm, make_norm

Pair = tuple[Tensor, Tensor]
Aggregation = Literal["sum", "add", "mean", "max", "min"]
"""Aggregation of messages, by torch-geometric's names; "add" is "sum"."""

NodeAggregation = Literal["sum", "mean"]
"""Aggregation of a map's positions at a node, see `BipartiteReasoning`."""


class BipartiteGraphConv(nn.Module):
    """Add to each target node the weighted messages of the source nodes connected to it.

    ``x'_t = own(x_t) + aggr over edges s -> t of e_st (W x_s + b)``

    ``own`` is the identity if ``out_channels`` equals the targets' width, otherwise a linear map
    without bias. The layer is called like one of torch-geometric: ``x`` may be one tensor for a
    single set of nodes, or ``(x_src, None)``, which returns only the aggregated messages.

    Args:
        in_channels: widths ``(c_src, c_dst)`` of the two node sets, or one width for a single set.
        out_channels: o; by default the targets' width.
        aggr: how messages are aggregated at a target: "sum" (or "add"), "mean", "max", "min", or a
            torch-geometric aggregation module that preserves the width.
        linear: False omits ``W`` and ``b``; the widths must then be equal.
        bias: whether to include ``b``.
    Shapes:
        ``x = (b s c_src, b t c_dst)`` (any leading axes, or none), ``edge_index: 2 e`` (row 0 into
        s, row 1 into t), ``edge_weight: e`` or ``b e`` (all 1 by default) -> ``b t o``.
        ``size = (s, t)`` says how many targets there are beside ``(x_src, None)``; by default as
        many as sources.
    Raises:
        ValueError: nodes of wrong widths or of different batches, a single set where two are
            required, an edge list that has a wrong shape, holds no integers or refers to missing
            nodes (sparse matrices are not edge lists), or a wrong number of edge weights.

    Example:
        >>> conv = BipartiteGraphConv((16, 32))
        >>> positions, joints = torch.randn(2, 100, 16), torch.randn(2, 18, 32)
        >>> edge_index = torch.tensor([[0, 5, 99], [0, 17, 17]])
        >>> conv((positions, joints), edge_index).shape
        torch.Size([2, 18, 32])
        >>> conv = BipartiteGraphConv(32, 64, aggr="mean")
        >>> conv(joints, torch.tensor([[0, 5], [17, 4]])).shape
        torch.Size([2, 18, 64])
    """

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int | None = None,
        *,
        aggr: Aggregation | nn.Module = "sum",
        linear: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if not isinstance(aggr, nn.Module):
            check_choice("aggr", aggr, get_args(Aggregation))
        self.in_channels = _widths(in_channels)
        if out_channels is not None and not isinstance(out_channels, int):
            raise ValueError(
                f"expected out_channels as one width, got {out_channels!r}; for two node sets use "
                "BipartiteGraphConv((c_src, c_dst), out_channels)"
            )
        c_src, c_dst = self.in_channels
        self.out_channels = c_dst if out_channels is None else out_channels
        check_positive(source_channels=c_src, target_channels=c_dst, out_channels=self.out_channels)
        if not linear and len({c_src, c_dst, self.out_channels}) > 1:
            widths = self.in_channels if out_channels is None else (*self.in_channels, out_channels)
            raise ValueError(f"expected equal widths without a linear map, got {widths}")
        self.aggr = type(aggr).__name__ if isinstance(aggr, nn.Module) else str(aggr)
        self.lin = nn.Linear(c_src, self.out_channels, bias=bias) if linear else nn.Identity()
        self.own: nn.Module = nn.Identity()
        if self.out_channels != c_dst:
            self.own = nn.Linear(c_dst, self.out_channels, bias=False)
        self.messages: nn.Module | None = None
        if isinstance(aggr, nn.Module):
            from graphgan.layers._message_passing import WeightedMessages

            self.messages = WeightedMessages(aggr)

    def reset_parameters(self) -> None:
        """Reinitialize the linear maps and any learned aggregation."""
        for part in (self.lin, self.own, getattr(self.messages, "aggr_module", None)):
            if (reset := getattr(part, "reset_parameters", None)) is not None:
                reset()

    def forward(
        self,
        x: Float[Tensor, "*b n c"]
        | tuple[Float[Tensor, "*b s c_src"], Float[Tensor, "*b t c_dst"] | None],
        edge_index: Int[Tensor, "2 e"],
        edge_weight: Float[Tensor, "*b_or_1 e"] | None = None,
        size: tuple[int, int] | None = None,
    ) -> Float[Tensor, "*b t o"]:
        x_src, x_dst = self._node_sets(x)
        num_targets = _num_targets(x_src, x_dst, size)
        dense = isinstance(edge_index, Tensor) and edge_index.layout == torch.strided
        if dense and edge_index.is_floating_point():
            raise ValueError(
                f"expected edge_index of int64, got {edge_index.dtype} of shape "
                f"{tuple(edge_index.shape)}; pass two node sets as one pair (x_src, x_dst)"
            )
        _check_edges("edge_index", edge_index, (x_src.shape[-2], num_targets))
        num_edges = edge_index.shape[1]
        if edge_weight is not None and edge_weight.shape[-1:] != (num_edges,):
            raise ValueError(f"expected {num_edges} edge weights, got {tuple(edge_weight.shape)}")
        arriving = self.receive(x_src, num_targets, edge_index, edge_weight)
        if x_dst is None:
            return arriving
        out: Tensor = self.own(x_dst) + arriving
        return out

    def receive(
        self,
        x_src: Float[Tensor, "*b s c_src"],
        num_targets: int,
        edge_index: Int[Tensor, "2 e"],
        edge_weight: Float[Tensor, "*b_or_1 e"] | None = None,
    ) -> Float[Tensor, "*b t o"]:
        """Aggregated messages at each of ``num_targets`` targets, without ``own(x_t)``."""
        from graphgan.layers._message_passing import AGGREGATIONS

        if edge_weight is None:
            edge_weight = x_src.new_ones(edge_index.shape[1])
        messages = AGGREGATIONS[self.aggr] if self.messages is None else self.messages
        out: Tensor = messages(self.lin(x_src), edge_index, edge_weight, num_targets)
        return out

    def receive_dense(
        self, x_src: Float[Tensor, "*b s c_src"], weight: Float[Tensor, "*b_or_1 s t"]
    ) -> Float[Tensor, "*b t o"]:
        """The sum (or mean) over the complete graph, with ``weight[s, t]`` instead of an edge list.

        ``E (X W^T + 1 b^T)`` is ``(E X) W^T + (E 1) b^T``, so ``W`` is applied on the side with
        fewer nodes.

        Raises:
            ValueError: an aggregation that is not a matrix product.
        """
        check_choice("aggr of a complete graph", self.aggr, ("sum", "add", "mean"))
        arriving = weight.transpose(-1, -2)
        num_targets, num_sources = arriving.shape[-2:]
        if num_sources <= num_targets or not isinstance(self.lin, nn.Linear):
            out: Tensor = arriving @ self.lin(x_src)
        else:
            out = F.linear(arriving @ x_src, self.lin.weight)
            if self.lin.bias is not None:
                out = out + arriving.sum(-1, keepdim=True) * self.lin.bias
        return out / num_sources if self.aggr == "mean" else out

    def _node_sets(self, x: Tensor | tuple[Tensor, Tensor | None]) -> tuple[Tensor, Tensor | None]:
        """Sources and targets, checked against the configured widths."""
        c_src, c_dst = self.in_channels
        if isinstance(x, Tensor):
            if c_src != c_dst:
                raise ValueError(
                    f"expected two node sets (x_src, x_dst) of widths {c_src} and {c_dst}, got one "
                    f"tensor of shape {tuple(x.shape)}; for one set use "
                    f"BipartiteGraphConv({x.shape[-1]}, out_channels)"
                )
            x = (x, x)
        if len(x) != 2 or x[0] is None:
            raise ValueError("expected nodes as x, (x_src, x_dst) or (x_src, None)")
        there = [nodes for nodes in x if nodes is not None]
        if (widths := tuple(nodes.shape[-1] for nodes in there)) != self.in_channels[: len(there)]:
            got = widths if len(widths) > 1 else widths[0]
            other = f"; for these use BipartiteGraphConv({got}, out_channels)"
            raise ValueError(f"expected nodes of widths {self.in_channels}, got {got}{other}")
        if len({nodes.shape[:-2] for nodes in there}) > 1:
            shapes = " and ".join(str(tuple(nodes.shape)) for nodes in there)
            raise ValueError(f"expected nodes of one batch, got {shapes}")
        return x[0], x[1]

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, aggr={self.aggr}"


def _widths(in_channels: int | tuple[int, int]) -> tuple[int, int]:
    """Widths of sources and targets, which may be one set."""
    if isinstance(in_channels, int):
        return in_channels, in_channels
    if not isinstance(in_channels, tuple | list) or [type(n) for n in in_channels] != [int, int]:
        raise ValueError(
            f"expected in_channels as one width or as a pair (c_src, c_dst), got {in_channels!r}"
        )
    return in_channels[0], in_channels[1]


def _num_targets(x_src: Tensor, x_dst: Tensor | None, size: tuple[int, int] | None) -> int:
    s = x_src.shape[-2]
    t = s if x_dst is None else x_dst.shape[-2]
    if size is None:
        return t
    if len(size) != 2 or size[0] != s or (x_dst is not None and size[1] != t):
        targets = "targets" if x_dst is None else t
        raise ValueError(f"expected a size of ({s}, {targets}), got {tuple(size)}")
    return size[1]


class NodeReasoning(nn.Module):
    """Graph convolution among the nodes of one direction: ``W relu(V + V A + b)``.

    Args:
        num_nodes: N.
        num_states: D, the width of a node.
    Shapes:
        ``nodes: b n d`` (nodes as rows: ``V`` transposed) -> ``b n d``; ``node_edge_index: 2 e``
        keeps only those entries (m, n) of ``A``
    """

    def __init__(self, num_nodes: int, num_states: int) -> None:
        super().__init__()
        check_positive(num_nodes=num_nodes, num_states=num_states)
        self.adjacency = nn.Parameter(torch.empty(num_nodes, num_nodes))
        self.bias = nn.Parameter(torch.empty(num_nodes))
        self.hop = BipartiteGraphConv((num_states, num_states), linear=False)
        self.lin = nn.Linear(num_states, num_states, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reinitialize; adjacency and bias are uniform within ``1 / sqrt(num_nodes)``."""
        bound = self.adjacency.shape[0] ** -0.5
        nn.init.uniform_(self.adjacency, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)
        self.lin.reset_parameters()

    def forward(
        self,
        nodes: Float[Tensor, "b n d"],
        node_edge_index: Int[Tensor, "2 e"] | None = None,
    ) -> Float[Tensor, "b n d"]:
        if node_edge_index is None:
            nodes = nodes + self.hop.receive_dense(nodes, self.adjacency)
        else:
            weight = self.adjacency[node_edge_index[0], node_edge_index[1]]
            nodes = self.hop((nodes, nodes), node_edge_index, weight)
        out: Tensor = self.lin((nodes + self.bias[:, None]).relu())
        return out


class BipartiteReasoning(nn.Module):
    """Let two feature maps exchange information through a few nodes in each direction.

    With j the other map, N nodes and D states, for i = 1, 2:

        S_i = state(x_i)                        D x hw
        P_i = proj(x_j)                         N x hw: the other map decides the assignment
        V_i = S_i P_i^T                         D x N: positions -> nodes
        V_i' = W_i relu(V_i + V_i A_i + b_i)    nodes -> nodes
        y_i = x_i + norm(extend(V_i' P_i))      nodes -> positions

    ``state``, ``proj``, ``extend`` and ``norm`` are shared by both directions; each direction has
    its own ``A, b, W``. Complete graphs (the default) are computed as matrix products. Edge lists
    use message passing and give the same result for the same graph.

    **As published, the layer depends on the image size.** ``V_i`` is a sum over positions, so it
    grows with hw, while a "batch" norm divides by statistics from training: with statistics of 32 x
    32 maps, the update is about ten times as large at 96 x 96. Train at the size you will use, or
    choose ``aggr="mean"``, which averages over positions, or ``norm="group"``, which normalizes by
    the current input.

    Args:
        channels: c, channels of each map.
        num_nodes: N; a pair gives each direction its own number and its own ``proj``.
        num_states: D; by default ``2 N`` (of the first direction) as published.
        aggr: how positions are aggregated at a node: "sum" as published, or "mean", over all
            positions or over those that ``edge_index`` connects to the node.
        norm: "batch" (eps 1e-4), as in every published variant.
    Shapes:
        ``x_1, x_2: b c h w`` -> two of ``b c h w``. ``edge_index: 2 e`` holds (position, node)
        pairs, positions counted row by row; ``node_edge_index: 2 e`` entries (m, n) of ``A``;
        each may be a pair of lists, one for each direction.
    Raises:
        ValueError: wrong channels, maps of different shapes, an empty batch, or edge lists that are
            not ``2 e``, hold no integers or refer to missing nodes or positions.

    Example:
        >>> reasoning = BipartiteReasoning(128, 64)
        >>> y_1, y_2 = reasoning(torch.randn(2, 128, 8, 8), torch.randn(2, 128, 8, 8))
        >>> y_1.shape
        torch.Size([2, 128, 8, 8])
    """

    def __init__(
        self,
        channels: int,
        num_nodes: int | tuple[int, int],
        *,
        num_states: int | None = None,
        aggr: NodeAggregation = "sum",
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        check_choice("aggr", aggr, get_args(NodeAggregation))
        pair = (num_nodes, num_nodes) if isinstance(num_nodes, int) else num_nodes
        check_positive(channels=channels, num_nodes=min(pair))
        num_states = 2 * pair[0] if num_states is None else num_states
        self.channels = channels
        self.num_nodes = pair
        self.num_states = num_states
        shared = isinstance(num_nodes, int)
        self.state = BipartiteGraphConv((channels, num_states), aggr=aggr)
        self.extend = BipartiteGraphConv((num_states, channels), bias=False)
        self.proj = nn.ModuleList(nn.Linear(channels, n) for n in pair[: 1 if shared else 2])
        self.nodes = nn.ModuleList(NodeReasoning(n, num_states) for n in pair)
        self.norm = make_norm(norm, channels, eps=1e-4)

    def forward(
        self,
        x_1: Float[Tensor, "b c h w"],
        x_2: Float[Tensor, "b c h w"],
        *,
        edge_index: Tensor | Pair | None = None,
        node_edge_index: Tensor | Pair | None = None,
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c h w"]]:
        check_pair(x_1, x_2, self.channels)
        positions = x_1.shape[2] * x_1.shape[3]
        edges = _for_each_direction(
            "edge_index", edge_index, [(positions, n) for n in self.num_nodes]
        )
        node_edges = _for_each_direction(
            "node_edge_index", node_edge_index, [(n, n) for n in self.num_nodes]
        )
        y_1 = self._direction(0, x_1, x_2, edges[0], node_edges[0])
        y_2 = self._direction(1, x_2, x_1, edges[1], node_edges[1])
        return y_1, y_2

    def _direction(
        self,
        i: int,
        x: Float[Tensor, "b c h w"],
        other: Float[Tensor, "b c h w"],
        edge_index: Int[Tensor, "2 e"] | None,
        node_edge_index: Int[Tensor, "2 f"] | None,
    ) -> Float[Tensor, "b c h w"]:
        height, width = x.shape[-2:]
        positions = rearrange(x, "b c h w -> b (h w) c")
        assignment = self.proj[i % len(self.proj)](rearrange(other, "b c h w -> b (h w) c"))
        if edge_index is None:
            nodes = self.state.receive_dense(positions, assignment)
            nodes = self.nodes[i](nodes, node_edge_index)
            out = self.extend.receive_dense(nodes, assignment.transpose(1, 2))
        else:
            weight = assignment[:, edge_index[0], edge_index[1]]
            nodes = self.state.receive(positions, self.num_nodes[i], edge_index, weight)
            nodes = self.nodes[i](nodes, node_edge_index)
            out = self.extend.receive(nodes, height * width, edge_index.flip(0), weight)
        update: Tensor = self.norm(rearrange(out, "b (h w) c -> b c h w", h=height, w=width))
        return x + update

    def extra_repr(self) -> str:
        sizes = f"{self.channels}, num_nodes={self.num_nodes}, num_states={self.num_states}"
        return f"{sizes}, aggr={self.state.aggr}"


def _for_each_direction(
    name: str, edges: Tensor | Pair | None, sizes: list[tuple[int, int]]
) -> tuple[Tensor | None, Tensor | None]:
    pair = edges if isinstance(edges, tuple) else (edges, edges)
    for edge_index, size in zip(pair, sizes, strict=True):
        if edge_index is not None:
            _check_edges(name, edge_index, size)
    return pair


def _check_edges(name: str, edge_index: Tensor, size: tuple[int, int]) -> None:
    """Check an edge list; ``size`` is the number of nodes each row can refer to."""
    if not isinstance(edge_index, Tensor) or edge_index.layout != torch.strided:
        kind = getattr(edge_index, "layout", type(edge_index).__name__)
        raise ValueError(f"expected {name} as an edge list, a tensor of shape (2, e), got {kind}")
    if edge_index.ndim != 2 or edge_index.shape[0] != 2:
        raise ValueError(f"expected {name} of shape (2, e), got {tuple(edge_index.shape)}")
    for row, count in zip(edge_index, size, strict=True):
        check_indices(name, row, count)
