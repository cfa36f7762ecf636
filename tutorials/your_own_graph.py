"""A graph of your own in the reasoning: python tutorials/your_own_graph.py --help

Key points of drawn hands, some of them hidden, are completed from the others: once over the
complete graph, once over the skeleton of the hand, once over as many edges drawn by chance.
"""

import argparse
import math
import time

import torch
from torch import Tensor, nn

from graphgan.landmarks import LandmarkScheme
from graphgan.layers import BipartiteReasoning

# --8<-- [start:skeleton]
WRIST, FINGERS = 0, [range(first, first + 4) for first in range(1, 21, 4)]
BONES = tuple(
    edge for finger in FINGERS for edge in zip((WRIST, *finger), finger, strict=False)
)  # (0, 1), (1, 2), (2, 3), (3, 4), (0, 5), ...
HAND = LandmarkScheme("hand-21", flip=tuple(range(21)), edges=BONES)
# --8<-- [end:skeleton]


# --8<-- [start:hands]
def draw_hands(count: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """The 21 key points of hands, flat and with fingers bent by chance: two of ``b 21 2``.

    The hand is about one unit long. Both have the same bones; a finger's joints bend alike.
    """
    bones = torch.tensor([0.45, 0.25, 0.17, 0.13]) * (
        1 + 0.3 * torch.rand(count, 5, 4, generator=chance)
    )
    spread = torch.linspace(-0.7, 0.5, 5) + 0.1 * torch.randn(count, 5, generator=chance)
    bend = 1.2 * torch.rand(count, 5, 1, generator=chance) * torch.tensor([0.0, 1.0, 2.0, 3.0])
    turn = math.pi * (torch.rand(count, 1, 1, generator=chance) - 0.5) / 2

    def points(angles: Tensor) -> Tensor:
        steps = bones[..., None] * torch.stack([angles.sin(), angles.cos()], dim=-1)
        return torch.cat([torch.zeros(count, 1, 2), steps.cumsum(2).flatten(1, 2)], dim=1)

    return points(spread[..., None].expand(-1, -1, 4)), points(spread[..., None] + bend + turn)


# --8<-- [end:hands]


# --8<-- [start:graphs]
def graphs() -> dict[str, dict[str, Tensor]]:
    """What `BipartiteReasoning` is given beside its two maps."""
    n = HAND.num_landmarks
    own_node = torch.arange(n).expand(2, n)  # (key point, node): point p belongs to node p
    skeleton = torch.cat([HAND.edge_index(), own_node], dim=1)  # both directions, and itself
    chance = torch.Generator().manual_seed(0)
    shuffled = torch.randperm(n, generator=chance)  # the same tree over other key points
    random = torch.cat([shuffled[HAND.edge_index()], own_node], dim=1)
    return {
        "complete, free nodes": {},
        "complete": {"edge_index": own_node},
        "skeleton": {"edge_index": own_node, "node_edge_index": skeleton},
        "shuffled skeleton": {"edge_index": own_node, "node_edge_index": random},
    }


# --8<-- [end:graphs]


# --8<-- [start:network]
class Completion(nn.Module):
    """Where hidden key points are: a hand that is seen in part, and the same hand flat."""

    def __init__(self, num_layers: int, channels: int = 32, norm: str = "group") -> None:
        super().__init__()
        n = HAND.num_landmarks
        self.seen, self.flat = nn.Linear(3, channels), nn.Linear(2, channels)
        self.which = nn.Parameter(0.1 * torch.randn(channels, 1, n))
        self.layers = nn.ModuleList(
            BipartiteReasoning(channels, n, num_states=channels, norm=norm)
            for _ in range(num_layers)
        )
        self.head = nn.Linear(channels, 2)

    def forward(
        self, flat: Tensor, bent: Tensor, hidden: Tensor, graph: dict[str, Tensor]
    ) -> Tensor:
        seen = torch.cat([bent.masked_fill(hidden, 0), hidden.float()], dim=-1)
        x_1 = as_map(self.seen(seen)) + self.which
        x_2 = as_map(self.flat(flat)) + self.which
        for layer in self.layers:
            x_1, x_2 = layer(x_1, x_2, **graph)
        return self.head(x_1[:, :, 0].transpose(1, 2))


def as_map(points: Tensor) -> Tensor:
    """Key points as a feature map one pixel high: ``b n c -> b c 1 n``."""
    return points.transpose(1, 2)[:, :, None]


# --8<-- [end:network]


# --8<-- [start:train]
def hide(count: int, chance: torch.Generator) -> Tensor:
    """Each key point but the wrist is hidden with a chance of 40 %: ``b 21 1``."""
    hidden = torch.rand(count, HAND.num_landmarks, 1, generator=chance) < 0.4
    hidden[:, WRIST] = False
    return hidden


def error(output: Tensor, bent: Tensor, hidden: Tensor) -> Tensor:
    """Mean distance of hidden key points from the truth; a hand is about 1 long."""
    distance = (output - bent).square().sum(-1).add(1e-8).sqrt()
    return distance[hidden[..., 0]].mean()


def train(graph: dict[str, Tensor], num_layers: int, steps: int, seed: int) -> Completion:
    torch.manual_seed(seed)
    chance = torch.Generator().manual_seed(seed)
    flat, bent = draw_hands(1000, chance)
    network = Completion(num_layers)
    adam = torch.optim.Adam(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        chosen = torch.randint(0, 1000, (64,), generator=chance)
        hidden = hide(64, chance)
        loss = error(network(flat[chosen], bent[chosen], hidden, graph), bent[chosen], hidden)
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def test(network: Completion, graph: dict[str, Tensor]) -> float:
    """The error on a thousand hands that were not trained on."""
    chance = torch.Generator().manual_seed(10**6)
    flat, bent = draw_hands(1000, chance)
    hidden = hide(1000, chance)
    return float(error(network(flat, bent, hidden, graph), bent, hidden))


# --8<-- [end:train]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300, help="of training, 64 hands each")
    parser.add_argument("--seeds", type=int, default=3, help="how often each network is trained")
    parser.add_argument("--layers", type=int, nargs="*", default=[2, 4], help="of reasoning")
    args = parser.parse_args()
    chance = torch.Generator().manual_seed(10**6)
    flat, bent = draw_hands(1000, chance)
    hidden = hide(1000, chance)
    mean = draw_hands(1000, torch.Generator().manual_seed(0))[1].mean(0).expand_as(bent)
    print(f"mean hand {error(mean, bent, hidden):.3f}, flat hand {error(flat, bent, hidden):.3f}")
    print(f"{'layers':>6}  {'graph':<22}{'edges':>6}{'seconds':>9}   error of each seed")
    for layers in args.layers:
        for name, graph in graphs().items():
            edges = graph["node_edge_index"].shape[1] if "node_edge_index" in graph else 21 * 21
            began = time.process_time()
            errors = [test(train(graph, layers, args.steps, s), graph) for s in range(args.seeds)]
            seconds = (time.process_time() - began) / args.seeds
            shown = " ".join(f"{value:.3f}" for value in errors)
            print(f"{layers:>6}  {name:<22}{edges:>6}{seconds:>9.0f}   {shown}", flush=True)


if __name__ == "__main__":
    main()
