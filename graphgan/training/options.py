"""Options that every training command has; a recipe adds those of its own."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from graphgan.training.devices import Precision


@dataclass(frozen=True)
class OptimizerOptions:
    """Adam, and the moving average of the generator."""

    lr_g: float = 2e-4
    """Learning rate of the generator."""
    lr_d: float = 2e-4
    """Learning rate of both discriminators."""
    beta1: float = 0.5
    """First beta of Adam."""
    beta2: float = 0.999
    """Second beta of Adam."""
    decay: float = 0.0
    """Share of all steps, the last ones, over which the learning rates fall linearly to 0
    (published code: the last 200 of 700 epochs)."""
    ema: float = 0.999
    """Decay of the moving average of the generator, which is what is sampled and shipped; less at
    first."""

    def __post_init__(self) -> None:
        for name in ("lr_g", "lr_d"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"expected {name} between 0 and 1, got {getattr(self, name)}")
        for name in ("beta1", "beta2", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"expected {name} from 0 to below 1, got {getattr(self, name)}")
        if not 0 <= self.decay <= 1:
            raise ValueError(f"expected decay from 0 to 1, got {self.decay}")


@dataclass(frozen=True)
class RunOptions:
    """Where a run gets its data from, where it goes, how long and on what it computes."""

    preset: str = "smoke"
    """Defaults of all other options."""
    data: Path | None = None
    """Folder made by prepare.py; drawn people if not given."""
    out: Path | None = None
    """Folder of the run, new or empty; by default a new one below runs/."""
    resume: Path | None = None
    """Folder of a run to go on with; its options are taken over."""
    start_from: Path | None = None
    """Weights that this run starts from, with optimizers and steps of its own: the folder of
    another run, a .safetensors file, or the name of shipped weights. Networks that it lacks begin
    untrained. Images may be of another size."""
    steps: int = 100_000
    """Total number of steps, those of earlier sittings included."""
    more: int | None = None
    """With --resume: this many steps more than the run was meant to take."""
    device: str = "auto"
    """cpu, cuda (or gpu), mps, or auto for the fastest there is."""
    devices: int = 1
    """How many processes or GPUs share each batch; below torchrun as many as it starts."""
    precision: Precision = "auto"
    """32-true, bf16-mixed or 16-mixed; auto is bf16 where the hardware multiplies in it."""
    seed: int = 0
    """Of weights, pairs, dropout and drawn people."""
    workers: int = 0
    """Processes that read images; 0 reads them all into memory before training."""
    log_every: int = 20
    """Steps between rows of metrics.csv."""
    save_every: int = 500
    """Steps between checkpoints."""
    sheet_every: int = 500
    """Steps between sheets of sample images."""
    logger: str = "tensorboard"
    """What shows metrics and sheets, besides the folder of the run: tensorboard, wandb, none, or
    the class of a Lightning Fabric logger, such as lightning.pytorch.loggers.MLFlowLogger."""
    optimizer: OptimizerOptions = field(default_factory=OptimizerOptions)

    def __post_init__(self) -> None:
        if self.devices < 1:
            raise ValueError(f"expected --devices of at least 1, got {self.devices}")
        if self.workers < 0:
            raise ValueError(f"expected --workers of at least 0, got {self.workers}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"expected --seed from 0 to below 2^32, got {self.seed}")
        if self.more is not None and self.resume is None:
            raise ValueError("expected --more together with --resume")
        if self.more is not None and self.more < 1:
            raise ValueError(f"expected --more of at least 1, got {self.more}")
        if self.resume is not None and self.out is not None:
            raise ValueError("expected --resume or --out, got both: a resumed run keeps its folder")


def check_not_negative(options: object) -> None:
    """Raise ``ValueError`` for a number among the fields that is below 0 or not finite."""
    for name, value in vars(options).items():
        if isinstance(value, (int, float)) and not 0 <= value < math.inf:
            raise ValueError(f"expected {name} of at least 0, got {value}")
