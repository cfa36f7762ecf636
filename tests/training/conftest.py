"""A GAN of two linear layers, small enough to follow by hand."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from graphgan.training import GANStep, Player, RunFolder
from graphgan.training._devices import launch_fabric


class Output(NamedTuple):
    image: Tensor
    attention: Tensor | None = None


class ToyObjective:
    """The generator wants the critic's value up, the critic wants it down; losses can be spoilt."""

    def __init__(self) -> None:
        self.noise: list[float] = []
        self.spoilt_call: int | None = None

    def generate(self, generator, batch):
        self.noise.append(float(torch.rand(())))
        return Output(generator(batch))

    def generator_losses(self, discriminators, batch, output):
        loss = -discriminators["critic"](output.image).mean()
        if len(self.noise) == self.spoilt_call:
            loss = loss * torch.nan
        return {"g_critic": loss, "g_size": 0.1 * output.image.square().mean()}

    def discriminator_losses(self, name, discriminator, batch, output):
        return {f"d_{name}": discriminator(output.image).mean() - discriminator(batch).mean()}


@pytest.fixture
def make_toy():
    """Makes equal toys, each a `GANStep` that learns by plain gradient descent."""

    def make(
        lr: float = 0.1, width: int = 3, seed: int = 0, ema_decay: float = 0.5, every: int = 1
    ) -> GANStep:
        fabric = launch_fabric("cpu", 1, "32-true")
        torch.manual_seed(7)

        def player(network: nn.Module) -> Player:
            return Player(*fabric.setup(network, torch.optim.SGD(network.parameters(), lr)), lr)

        generator = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width))
        return GANStep(
            fabric,
            player(generator),
            {"critic": player(nn.Linear(width, 1))},
            ToyObjective(),
            seed=seed,
            ema_decay=ema_decay,
            generator_every=every,
        )

    return make


@pytest.fixture
def toy(make_toy) -> GANStep:
    return make_toy()


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", {"steps": 3})


@pytest.fixture
def batches():
    return [torch.randn(4, 3, generator=torch.Generator().manual_seed(i)) for i in range(20)]
