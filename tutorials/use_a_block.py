"""Two blocks inside a plain U-Net, and what each gives: python tutorials/use_a_block.py --help

The toy task needs reasoning: what lies on the left says which colours two shapes on the right get.
"""

import argparse
import time
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphgan.layers import BipartiteReasoning, EfficientChannelAttention
from graphgan.training.sheets import write_sheet

# --8<-- [start:task]
HEIGHT, WIDTH = 16, 48
LEFT, RIGHT = (
    14,
    34,
)  # the picture's colours lie left of the one, the plan's shapes right of the other
SQUARE, SHAPE = 5, 7  # pixels a side


def draw_batch(count: int, chance: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A picture, a plan, and the wanted picture.

    On the left of a picture one half is white and the other black; a coloured square lies on each.
    The plan has two shapes on its right: that of channel 0 is to get the colour that lies on
    white, that of channel 1 the colour that lies on black.

    Shapes:
        -> ``picture: b 3 h w``, ``plan: b 2 h w``, ``wanted: b 3 h w``; colours in [0, 1]
    """
    colours = torch.rand(2, count, 3, 1, 1, generator=chance)
    picture = torch.full((count, 3, HEIGHT, WIDTH), 0.5)
    plan = torch.zeros(count, 2, HEIGHT, WIDTH)
    wanted = torch.zeros(count, 3, HEIGHT, WIDTH)
    half, column = any_half(count, chance), any_number(LEFT - SQUARE, count, chance)
    for kind, row in enumerate((half, HEIGHT // 2 - half)):
        ground = box(row, torch.zeros_like(column), HEIGHT // 2, LEFT)
        picture = torch.where(ground, 1.0 - kind, picture)
        row = row + any_number(HEIGHT // 2 - SQUARE, count, chance)
        picture = torch.where(box(row, column, SQUARE, SQUARE), colours[kind], picture)
    half, column = any_half(count, chance), RIGHT + any_number(WIDTH - RIGHT - SHAPE, count, chance)
    for kind, row in enumerate((half, HEIGHT // 2 - half)):
        shape = box(row + any_number(HEIGHT // 2 - SHAPE, count, chance), column, SHAPE, SHAPE)
        plan[:, kind] = shape[:, 0]
        wanted = torch.where(shape, colours[kind], wanted)
    return picture, plan, wanted


def any_number(most: int, count: int, chance: torch.Generator) -> Tensor:
    return torch.randint(0, most + 1, (count, 1), generator=chance)


def any_half(count: int, chance: torch.Generator) -> Tensor:
    """The first row of the upper or of the lower half."""
    return HEIGHT // 2 * any_number(1, count, chance)


def box(row: Tensor, column: Tensor, height: int, width: int) -> Tensor:
    """Where a box is whose first row and column are given: ``b 1 h w``."""
    down, across = torch.arange(HEIGHT) - row, torch.arange(WIDTH) - column
    inside = (down >= 0) & (down < height), (across >= 0) & (across < width)
    return (inside[0][:, :, None] & inside[1][:, None])[:, None]


# --8<-- [end:task]


# --8<-- [start:unet]
def conv(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.BatchNorm2d(out_channels), nn.ReLU()
    )


class Encoder(nn.Module):
    """Maps of full, half and quarter size."""

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        widths = [in_channels, width, 2 * width, 4 * width]
        self.stages = nn.ModuleList(conv(a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = [self.stages[0](x)]
        for stage in self.stages[1:]:
            maps.append(stage(F.max_pool2d(maps[-1], 2)))
        return maps


class UNet(nn.Module):
    """A plain U-Net with two inputs: an encoder for each, one decoder, and skips from both."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.picture_encoder, self.plan_encoder = Encoder(3, width), Encoder(2, width)
        self.bottom = conv(8 * width, 4 * width)
        self.up = nn.ModuleList([conv(8 * width, 2 * width), conv(4 * width, width)])
        self.head = nn.Conv2d(width, 3, 1)

    def forward(self, picture: Tensor, plan: Tensor) -> Tensor:
        pictures, plans = self.picture_encoder(picture), self.plan_encoder(plan)
        deepest = self.between(pictures.pop(), plans.pop())
        x = self.bottom(torch.cat(deepest, dim=1))
        for stage, a, b in zip(self.up, pictures[::-1], plans[::-1], strict=True):
            x = stage(torch.cat([F.interpolate(x, scale_factor=2), a, b], dim=1))
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
    adam = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 4e-3, total_steps=steps)
    for _ in range(steps):
        picture, plan, wanted = draw_batch(16, chance)
        loss = error(network(picture, plan), plan, wanted)
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()


def error(output: Tensor, plan: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of the colours, inside the shapes."""
    inside = plan.sum(1, keepdim=True)
    return ((output - wanted).abs() * inside).sum() / (3 * inside.sum())


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
    parser.add_argument("--steps", type=int, default=600, help="of training, 16 pictures each")
    parser.add_argument("--seeds", type=int, default=3, help="how often each network is trained")
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), help="which ones")
    parser.add_argument("--sheet", type=Path, help="picture of what they make of four samples")
    args = parser.parse_args()
    picture, plan, wanted = draw_batch(256, torch.Generator().manual_seed(10**6))
    grey = float(error(torch.full_like(wanted, 0.5), plan, wanted))
    colours = torch.cat([plan, torch.zeros_like(plan[:, :1])], dim=1)  # red and green shapes
    columns = {"picture": picture, "plan": colours, "wanted": wanted}
    print(f"{'':<28}{'parameters':>12}{'seconds':>10}   error of each seed")
    print(f"{'grey everywhere':<28}{0:>12}{0:>10}   {grey:.3f}")
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
            columns[name] = network(picture[:4], plan[:4]) * plan[:4].sum(1, keepdim=True)
    if args.sheet is not None:
        shown = {name: 2 * images[:4] - 1 for name, images in columns.items()}
        write_sheet(args.sheet, {n: F.interpolate(x, scale_factor=3) for n, x in shown.items()})


if __name__ == "__main__":
    main()
