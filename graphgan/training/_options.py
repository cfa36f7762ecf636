"""Options shared by all training commands."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from graphgan.training._devices import Precision


@dataclass(frozen=True)
class OptimizerOptions:
    """Adam and the generator's moving average."""

    lr_g: float = 2e-4
    """Learning rate of the generator."""
    lr_d: float = 2e-4
    """Learning rate of the discriminators."""
    beta1: float = 0.5
    """Adam's first beta."""
    beta2: float = 0.999
    """Adam's second beta."""
    decay: float = 0.0
    """Share of steps at the end over which the learning rates fall linearly to 0 (published code:
    the last 200 of 700 epochs)."""
    ema: float = 0.999
    """Decay of the generator's moving average, which is used for samples and saved weights. It is
    smaller in the first steps."""

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
    """Data, output folder, length and device of a run."""

    preset: str = "smoke"
    """Defaults of all other options."""
    data: Path | None = None
    """Folder written by prepare.py. Without it, people are drawn."""
    out: Path | None = None
    """Run folder, new or empty. Default: a new folder in runs/."""
    resume: Path | None = None
    """Run folder to continue from, with its options."""
    start_from: Path | None = None
    """Initial weights for a new run: another run's folder, a .safetensors file, or the name of
    shipped weights. Networks missing there start untrained. Images may have another size."""
    steps: int = 100_000
    """Total number of steps, including those before resuming."""
    more: int | None = None
    """With --resume: number of steps to add to the run."""
    device: str = "auto"
    """Device: cpu, cuda (or gpu), mps, or auto for the fastest available."""
    devices: int = 1
    """Number of processes or GPUs that share each batch. Under torchrun, all that it started."""
    precision: Precision = "auto"
    """32-true, bf16-mixed or 16-mixed; auto uses bf16 if the hardware supports it."""
    seed: int = 0
    """Random seed for weights, pairs, dropout and drawn people."""
    workers: int = 0
    """Number of processes that read images. 0 loads all images into memory before training."""
    log_every: int = 20
    """Steps between rows of metrics.csv."""
    save_every: int = 500
    """Steps between checkpoints."""
    sheet_every: int = 500
    """Steps between sample sheets."""
    logger: str = "tensorboard"
    """Where to show metrics and sheets besides the run folder: tensorboard, wandb, none, or the
    class of a Lightning Fabric logger, such as lightning.pytorch.loggers.MLFlowLogger."""
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
            raise ValueError(
                "expected either --resume or --out, got both: a resumed run keeps its folder"
            )


def check_not_negative(options: object) -> None:
    """Raise ``ValueError`` if a numeric field is negative or not finite."""
    for name, value in vars(options).items():
        if isinstance(value, (int, float)) and not 0 <= value < math.inf:
            raise ValueError(f"expected {name} of at least 0, got {value}")
