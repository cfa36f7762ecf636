"""Messages along the edges of a list, by torch-geometric.

A module of its own, which is imported where there are edge lists: torch-geometric takes longer to
import than all else but torch, and complete graphs, which are matrix products, do without it.
"""

from torch import Tensor
from torch_geometric.nn import MessagePassing


class WeightedMessages(MessagePassing):  # type: ignore[misc]  # torch-geometric is untyped
    """``aggr over edges s -> t of e_st x_s``."""

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_weight: Tensor, num_targets: int
    ) -> Tensor:
        size = (x.shape[-2], num_targets)
        out: Tensor = self.propagate(edge_index, x=(x, None), edge_weight=edge_weight, size=size)
        return out

    def message(self, x_j: Tensor, edge_weight: Tensor) -> Tensor:
        return edge_weight[..., None] * x_j


AGGREGATIONS = {aggr: WeightedMessages(aggr) for aggr in ("sum", "add", "mean", "max", "min")}
"""Without weights of their own: one serves all."""
