"""Bipartite graph layers: the nodes of one set read from the nodes of another.

Sources: [B] Tang et al., "Bipartite Graph Reasoning GANs for Person Image Generation", BMVC 2020,
https://arxiv.org/abs/2008.04381; [A] Dall'Asen et al., ICIAP 2021, section 3;
the projection to a few nodes is that of [G] Chen et al., "Graph-Based Global Reasoning Networks",
CVPR 2019, https://arxiv.org/abs/1811.12814.
"""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from graphgan._checks import check_choice, check_indices, check_pair, check_positive
from graphgan.layers.normalisation import Norm, make_norm

Pair = tuple[Tensor, Tensor]
Aggregation = Literal["sum", "mean", "max"]


class BipartiteGraphConv(nn.Module):
    """Add to each target node what the source nodes joined to it send, each by its edge's weight.

    ``x'_t = x_t + aggr over edges s -> t of e_st (W x_s + b)``

    Args:
        in_channels: widths ``(c_src, c_dst)`` of the two node sets.
        aggr: how messages meet at a target: "sum", "mean" or "max".
        linear: False leaves out ``W`` and ``b``; the widths are then equal.
        bias: whether there is a ``b``.
    Shapes:
        ``x = (b s c_src, b t c_dst)`` (any leading axes, or none), ``edge_index: 2 e`` (row 0 into
        s, row 1 into t), ``edge_weight: e`` or ``b e`` (all 1 by default) -> ``b t c_dst``
    Raises:
        ValueError: nodes of other widths or of two batches, an edge list of another shape, of no
            integers or of nodes that there are not, weights of another number than the edges.

    Example:
        >>> conv = BipartiteGraphConv((16, 32))
        >>> positions, joints = torch.randn(2, 100, 16), torch.randn(2, 18, 32)
        >>> edge_index = torch.tensor([[0, 5, 99], [0, 17, 17]])
        >>> conv((positions, joints), edge_index).shape
        torch.Size([2, 18, 32])
    """

    def __init__(
        self,
        in_channels: tuple[int, int],
        *,
        aggr: Aggregation = "sum",
        linear: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        check_choice("aggr", aggr, get_args(Aggregation))
        check_positive(source_channels=in_channels[0], target_channels=in_channels[1])
        if not linear and in_channels[0] != in_channels[1]:
            raise ValueError(f"expected equal widths without a linear map, got {in_channels}")
        self.in_channels = in_channels
        self.aggr = aggr
        self.lin = nn.Linear(*in_channels, bias=bias) if linear else nn.Identity()

    def forward(
        self,
        x: tuple[Float[Tensor, "*b s c_src"], Float[Tensor, "*b t c_dst"]],
        edge_index: Int[Tensor, "2 e"],
        edge_weight: Float[Tensor, "*b_or_1 e"] | None = None,
    ) -> Float[Tensor, "*b t c_dst"]:
        self._check(x, edge_index, edge_weight)
        x_src, x_dst = x
        return x_dst + self.receive(x_src, x_dst.shape[-2], edge_index, edge_weight)

    def receive(
        self,
        x_src: Float[Tensor, "*b s c_src"],
        num_targets: int,
        edge_index: Int[Tensor, "2 e"],
        edge_weight: Float[Tensor, "*b_or_1 e"] | None = None,
    ) -> Float[Tensor, "*b t c_dst"]:
        """What arrives at each of ``num_targets`` targets, without the ``x_t`` it is added to."""
        from graphgan.layers._message_passing import AGGREGATIONS

        if edge_weight is None:
            edge_weight = x_src.new_ones(edge_index.shape[1])
        out: Tensor = AGGREGATIONS[self.aggr](self.lin(x_src), edge_index, edge_weight, num_targets)
        return out

    def receive_dense(
        self, x_src: Float[Tensor, "*b s c_src"], weight: Float[Tensor, "*b_or_1 s t"]
    ) -> Float[Tensor, "*b t c_dst"]:
        """The sum over the complete graph: ``weight[s, t]`` in place of edge lists.

        ``E (X W^T + 1 b^T)`` is ``(E X) W^T + (E 1) b^T``: ``W`` is applied on the side that has
        fewer nodes.
        """
        arriving = weight.transpose(-1, -2)
        num_targets, num_sources = arriving.shape[-2:]
        if num_sources <= num_targets or not isinstance(self.lin, nn.Linear):
            out: Tensor = arriving @ self.lin(x_src)
            return out
        out = F.linear(arriving @ x_src, self.lin.weight)
        if self.lin.bias is None:
            return out
        return out + arriving.sum(-1, keepdim=True) * self.lin.bias

    def _check(self, x: Pair, edge_index: Tensor, edge_weight: Tensor | None) -> None:
        if (widths := tuple(nodes.shape[-1] for nodes in x)) != self.in_channels:
            raise ValueError(f"expected nodes of widths {self.in_channels}, got {widths}")
        if x[0].shape[:-2] != x[1].shape[:-2]:
            shapes = " and ".join(str(tuple(nodes.shape)) for nodes in x)
            raise ValueError(f"expected nodes of one batch, got {shapes}")
        _check_edges("edge_index", edge_index, (x[0].shape[-2], x[1].shape[-2]))
        num_edges = edge_index.shape[1]
        if edge_weight is not None and edge_weight.shape[-1:] != (num_edges,):
            raise ValueError(f"expected {num_edges} edge weights, got {tuple(edge_weight.shape)}")

    def extra_repr(self) -> str:
        return f"{self.in_channels}, aggr={self.aggr}"


class NodeReasoning(nn.Module):
    """One graph convolution among the nodes of one direction: ``W relu(V + V A + b)``.

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
        """Draw anew: adjacency and bias uniform within ``1 / sqrt(num_nodes)``."""
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
    """Two feature maps reason about each other through a few nodes in each direction.

    With j the other map, N nodes and D states, for i = 1, 2:

        S_i = state(x_i)                        D x hw
        P_i = proj(x_j)                         N x hw: the other map decides the assignment
        V_i = S_i P_i^T                         D x N: positions -> nodes
        V_i' = W_i relu(V_i + V_i A_i + b_i)    nodes -> nodes
        y_i = x_i + norm(extend(V_i' P_i))      nodes -> positions

    ``state``, ``proj``, ``extend`` and ``norm`` serve both directions, ``A, b, W`` are each
    direction's own. Complete graphs are matrix products (the default); edge lists go through
    message passing, and agree on the same graph.

    Args:
        channels: c of each map.
        num_nodes: N; a pair gives the directions different numbers, and each its own ``proj``.
        num_states: D, by default ``2 N`` as published (of the first direction).
        norm: "batch" (eps 1e-4) as published in every variant.
    Shapes:
        ``x_1, x_2: b c h w`` -> two of ``b c h w``. ``edge_index: 2 e`` holds (position, node)
        pairs, positions counted row by row; ``node_edge_index: 2 e`` entries (m, n) of ``A``;
        each may be a pair of lists, one for each direction.
    Raises:
        ValueError: other channels, maps of unlike shape, an empty batch, edge lists that are not
            ``2 e``, hold no integers, or nodes or positions that there are not.

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
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        pair = (num_nodes, num_nodes) if isinstance(num_nodes, int) else num_nodes
        check_positive(channels=channels, num_nodes=min(pair))
        num_states = 2 * pair[0] if num_states is None else num_states
        self.channels = channels
        self.num_nodes = pair
        self.num_states = num_states
        shared = isinstance(num_nodes, int)
        self.state = BipartiteGraphConv((channels, num_states))
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
        return f"{self.channels}, num_nodes={self.num_nodes}, num_states={self.num_states}"


def _for_each_direction(
    name: str, edges: Tensor | Pair | None, sizes: list[tuple[int, int]]
) -> tuple[Tensor | None, Tensor | None]:
    pair = edges if isinstance(edges, tuple) else (edges, edges)
    for edge_index, size in zip(pair, sizes, strict=True):
        if edge_index is not None:
            _check_edges(name, edge_index, size)
    return pair


def _check_edges(name: str, edge_index: Tensor, size: tuple[int, int]) -> None:
    """``size`` is how many nodes there are to choose from in each row."""
    if edge_index.ndim != 2 or edge_index.shape[0] != 2:
        raise ValueError(f"expected {name} of shape (2, e), got {tuple(edge_index.shape)}")
    for row, count in zip(edge_index, size, strict=True):
        check_indices(name, row, count)
