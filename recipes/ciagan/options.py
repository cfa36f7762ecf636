"""Training options of CIAGAN and its presets."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from objective import LossOptions

from graphgan.models import CIAGANGenerator, IdentityNetwork, PatchDiscriminator
from graphgan.training import OptimizerOptions, RunOptions

Preset = Literal["smoke", "small", "paper"]


@dataclass(frozen=True)
class ModelOptions:
    """The networks. The generator's defaults are the paper's."""

    width: int = 32
    """Channels after the generator's first block. Must be even."""
    blocks: int = 4
    """Number of residual blocks in the middle of the generator."""
    critic_width: int = 64
    """Channels after the critic's first convolution."""
    identity_width: int = 64
    """Channels after the identity network's first convolution."""
    embedding: int = 128
    """Size of the identity network's embedding."""
    norm: Literal["batch", "instance", "group"] = "instance"
    """Normalization in the critic."""

    def generator(self, people: Sequence[str], size: int) -> CIAGANGenerator:
        return CIAGANGenerator(
            len(people), width=self.width, num_blocks=self.blocks, size=size, people=people
        )

    def discriminators(self) -> dict[str, PatchDiscriminator | IdentityNetwork]:
        return {
            "critic": PatchDiscriminator(6, width=self.critic_width, norm=self.norm),
            "identity": IdentityNetwork(self.embedding, width=self.identity_width),
        }


@dataclass(frozen=True)
class PairOptions:
    """Training pairs. The defaults are the published code's."""

    batch_size: int = 16
    """Pairs of a source and an image of the requested person per step, over all devices."""
    same_person_share: float = 0.5
    """Share of pairs where the requested person is the source's own, in another image."""


@dataclass(frozen=True)
class TrainOptions(RunOptions):
    """Train CIAGAN on a prepared folder (see recipes/anonygan/prepare.py), or on drawn faces if
    --data is not given. It only learns the identities of the training split, which are the ones
    that faces can be given later. A step trains the critic and the identity network on one batch;
    every --critic-steps-th step also trains the generator."""

    preset: Preset = "smoke"
    """Defaults of all other options: "smoke" (minutes on two cores), "small" or "paper"."""
    size: int = 128
    """Side of drawn faces in pixels, 64 or 128. Prepared folders have their own size."""
    people: int = 200
    """Number of drawn people to train on."""
    faces_per_person: int = 12
    """Drawn images per person."""
    critic_steps: int = 5
    """Critic steps per generator step. --steps and --log-every must be multiples of it."""
    model: ModelOptions = field(default_factory=ModelOptions)
    pairs: PairOptions = field(default_factory=PairOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    optimizer: OptimizerOptions = field(
        default_factory=partial(OptimizerOptions, lr_g=1e-4, lr_d=1e-4)
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.critic_steps < 1:
            raise ValueError(f"expected --critic-steps of at least 1, got {self.critic_steps}")


def like_weights(options: TrainOptions, source: Path) -> TrainOptions:
    """The options of a run that starts from these weights and keeps their generator."""
    config = CIAGANGenerator.from_pretrained(source).config
    model = replace(options.model, width=config["width"], blocks=config["num_blocks"])
    return replace(options, model=model)


DRAWING_FLAGS = ("--size", "--people", "--faces-per-person")

_PAPER = TrainOptions(preset="paper")
# Real faces at a fraction of the cost: the critic and the generator learn in turn, and pixels of
# pairs of one person teach where eyes, nose and mouth are long before a critic does.
_SMALL = replace(
    _PAPER,
    preset="small",
    steps=3_000,
    size=64,
    critic_steps=1,
    model=replace(_PAPER.model, critic_width=32, identity_width=32),
    pairs=PairOptions(batch_size=16, same_person_share=0.75),
    loss=LossOptions(weight_critic=0.2, weight_identity=0.2, weight_recon=20),
    optimizer=replace(_PAPER.optimizer, lr_g=5e-4, lr_d=1e-4, decay=0.5, ema=0.99),
)
# A few minutes on two cores.
_SMOKE = replace(
    _SMALL,
    preset="smoke",
    steps=2_000,
    save_every=400,
    sheet_every=400,
    people=20,
    faces_per_person=60,
    model=replace(_SMALL.model, width=16, critic_width=16, identity_width=16),
    pairs=replace(_SMALL.pairs, batch_size=8),
)

PRESETS: dict[Preset, TrainOptions] = {
    options.preset: options for options in (_SMOKE, _SMALL, _PAPER)
}
