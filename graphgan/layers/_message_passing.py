"""Message passing along edge lists, with torch-geometric.

A separate module, imported only when edge lists are used: torch-geometric takes longer to import
than everything else except torch, and complete graphs are plain matrix products.
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
