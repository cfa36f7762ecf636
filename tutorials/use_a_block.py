"""Two blocks inside a plain U-Net, and what each gives: python tutorials/use_a_block.py --help

The toy task needs reasoning: a shape on the right is to get the color of a square on the left.
"""

import argparse
import time
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphgan.layers import BipartiteReasoning, EfficientChannelAttention
from graphgan.training import write_sheet

# --8<-- [start:task]
HEIGHT, WIDTH, SIDE = 16, 48, 7
LEFT, RIGHT = 14, 34  # squares lie left of the one column, shapes right of the other


def draw_batch(count: int, chance: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A picture, a plan, and the wanted picture.

    Somewhere on the left of a picture lies a square of any color. Somewhere on the right of the
    plan is a shape: it is to get the square's color.

    Shapes:
        -> ``picture: b 3 h w``, ``plan: b 1 h w``, ``wanted: b 3 h w``; colors in [0, 1]
    """
    color = torch.rand(count, 3, 1, 1, generator=chance)
    square = box(0, LEFT - SIDE, count, chance)
    shape = box(RIGHT, WIDTH - SIDE, count, chance)
    return torch.where(square, color, 0.5), shape.float(), torch.where(shape, color, 0.0)


def box(first: int, last: int, count: int, chance: torch.Generator) -> Tensor:
    """Squares that begin in any row, and in any column from ``first`` to ``last``: ``b 1 h w``."""
    row = torch.randint(0, HEIGHT - SIDE + 1, (count, 1, 1, 1), generator=chance)
    column = torch.randint(first, last + 1, (count, 1, 1, 1), generator=chance)
    down = torch.arange(HEIGHT)[:, None] - row
    across = torch.arange(WIDTH) - column
    return (down >= 0) & (down < SIDE) & (across >= 0) & (across < SIDE)


# --8<-- [end:task]


# --8<-- [start:unet]
def conv(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.BatchNorm2d(out_channels)
    )


class Encoder(nn.Module):
    """Maps of full, half and quarter size; the last one is left as the norm gives it."""

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        widths = [in_channels, width, 2 * width, 4 * width]
        self.stages = nn.ModuleList(conv(a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = [self.stages[0](x)]
        for stage in self.stages[1:]:
            maps.append(stage(F.max_pool2d(maps[-1].relu(), 2)))
        return [*(x.relu() for x in maps[:-1]), maps[-1]]


class UNet(nn.Module):
    """A plain U-Net with two inputs: an encoder for each, one decoder, and skips from both."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.picture_encoder, self.plan_encoder = Encoder(3, width), Encoder(1, width)
        self.bottom = conv(8 * width, 4 * width)
        self.up = nn.ModuleList([conv(8 * width, 2 * width), conv(4 * width, width)])
        self.head = nn.Conv2d(width, 3, 1)

    def forward(self, picture: Tensor, plan: Tensor) -> Tensor:
        pictures, plans = self.picture_encoder(picture), self.plan_encoder(plan)
        deepest = self.between(pictures.pop(), plans.pop())
        x = self.bottom(torch.cat(deepest, dim=1).relu()).relu()
        for stage, a, b in zip(self.up, pictures[::-1], plans[::-1], strict=True):
            x = stage(torch.cat([F.interpolate(x, scale_factor=2), a, b], dim=1)).relu()
        return self.head(x).sigmoid()

    def between(self, picture: Tensor, plan: Tensor) -> tuple[Tensor, Tensor]:
        """What happens to the two deepest maps before they are joined: nothing in a plain U-Net."""
        return picture, plan


# --8<-- [end:unet]


# --8<-- [start:blocks]
class UNetWithBlocks(UNet):
    """The same U-Net with one or both blocks between encoders and decoder."""

    def __init__(self, width: int, *, attention: bool = True, reasoning: bool = True) -> None:
        super().__init__(width)
        channels = 4 * width
        self.attention = EfficientChannelAttention(channels) if attention else nn.Identity()
        self.reasoning = BipartiteReasoning(channels, num_nodes=8) if reasoning else None

    def between(self, picture: Tensor, plan: Tensor) -> tuple[Tensor, Tensor]:
        picture = self.attention(picture)
        return (picture, plan) if self.reasoning is None else self.reasoning(picture, plan)


# --8<-- [end:blocks]


# --8<-- [start:train]
def train(network: nn.Module, steps: int, seed: int) -> None:
    chance = torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam(network.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 5e-3, total_steps=steps)
    for _ in range(steps):
        picture, plan, wanted = draw_batch(16, chance)
        loss = error(network(picture, plan), plan, wanted)
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()


def error(output: Tensor, plan: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of the colors, inside the shape."""
    return ((output - wanted).abs() * plan).sum() / (3 * plan.sum())


@torch.no_grad()
def test(network: nn.Module) -> float:
    """The error on 256 pictures that nobody was trained on."""
    picture, plan, wanted = draw_batch(256, torch.Generator().manual_seed(10**6))
    return float(error(network.eval()(picture, plan), plan, wanted))


# --8<-- [end:train]


# --8<-- [start:compare]
NETWORKS = {
    "plain U-Net": lambda: UNet(8),
    "plain U-Net, wider": lambda: UNet(10),
    "with channel attention": lambda: UNetWithBlocks(8, reasoning=False),
    "with bipartite reasoning": lambda: UNetWithBlocks(8, attention=False),
    "with both": lambda: UNetWithBlocks(8),
}
# --8<-- [end:compare]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500, help="of training, 16 pictures each")
    parser.add_argument("--seeds", type=int, default=3, help="how often each network is trained")
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), help="which ones")
    parser.add_argument("--sheet", type=Path, help="picture of what they make of four samples")
    args = parser.parse_args()
    picture, plan, wanted = draw_batch(256, torch.Generator().manual_seed(10**6))
    gray = float(error(torch.full_like(wanted, 0.5), plan, wanted))
    columns = {"picture": picture, "plan": plan.expand(-1, 3, -1, -1), "wanted": wanted}
    print(f"{'':<28}{'parameters':>12}{'seconds':>10}   error of each seed")
    print(f"{'gray everywhere':<28}{0:>12}{0:>10}   {gray:.3f}")
    for name in args.networks:
        errors = []
        began = time.process_time()
        for seed in range(args.seeds):
            torch.manual_seed(seed)
            network = NETWORKS[name]()
            train(network, args.steps, seed)
            errors.append(f"{test(network):.3f}")
        seconds = (time.process_time() - began) / args.seeds
        count = sum(p.numel() for p in network.parameters())
        print(f"{name:<28}{count:>12}{seconds:>10.0f}   {' '.join(errors)}", flush=True)
        with torch.no_grad():
            columns[name] = network(picture[:4], plan[:4]) * plan[:4]
    if args.sheet is not None:
        shown = {name: 2 * images[:4] - 1 for name, images in columns.items()}
        write_sheet(args.sheet, {n: F.interpolate(x, scale_factor=3) for n, x in shown.items()})


if __name__ == "__main__":
    main()
