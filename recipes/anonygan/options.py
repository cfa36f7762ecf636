"""Options of AnonyGAN's training, and its presets."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from objective import LossOptions

from graphgan.models import AnonyGAN, AppearanceDiscriminator, LandmarkDiscriminator
from graphgan.models.generator import LandmarkGenerator
from graphgan.training.devices import Precision

Preset = Literal["smoke", "small", "paper"]


@dataclass(frozen=True)
class ModelOptions:
    """The networks; the defaults are the paper's."""

    width: int = 64
    """Channels after the first convolutions of the generator."""
    blocks: int = 6
    """Landmark-appearance aggregation blocks."""
    discriminator_width: int = 64
    """Channels after the first convolution of the discriminators."""
    shape_encoding: Literal["separate", "joint"] = "separate"
    """Landmarks of condition and source: each encoded (paper) or all together (published code)."""
    landmark_attention: Literal["gap", "position", "embedding", "none"] = "gap"
    """What landmark attention sees: "gap" as published, which cannot learn, or "position"."""
    attention_order: Literal["source_first", "condition_first"] = "source_first"
    """Which landmarks come first in the attention (published code: the condition's)."""
    blend: Literal["attend_base", "attend_intermediate"] = "attend_base"
    """Attention selects the given image (paper) or the generated one (published code)."""
    base: Literal["condition", "context"] = "condition"
    """The given image: the condition (paper) or the source without its face (published code)."""
    context: bool = True
    """The generator sees the source without its face beside the condition."""
    dropout: float = 0.5
    """In the aggregation blocks."""
    norm: Literal["batch", "instance", "group"] = "batch"
    """Normalisation of every network; "batch" as published, the others do not mix samples."""
    attention_norm: bool = False
    """Normalise inside the attention decoder, whose masks saturate otherwise (not in the paper)."""
    upsampling: Literal["transposed", "resize"] = "transposed"
    """Of the output heads; "resize" leaves no grid of dots."""

    def generator(self, num_landmarks: int) -> AnonyGAN:
        generator = LandmarkGenerator(
            6 if self.context else 3,
            num_landmarks,
            width=self.width,
            num_blocks=self.blocks,
            shape_encoding=self.shape_encoding,
            landmark_attention=None
            if self.landmark_attention == "none"
            else self.landmark_attention,
            attention_order=self.attention_order,
            dropout=self.dropout,
            norm=self.norm,
            reasoning_norm=self.norm,
            attention_norm=self.norm if self.attention_norm else None,
            blend=self.blend,
            upsampling=self.upsampling,
        )
        return AnonyGAN(generator, base=self.base)

    def discriminators(
        self, num_landmarks: int
    ) -> dict[str, AppearanceDiscriminator | LandmarkDiscriminator]:
        width, norm = self.discriminator_width, self.norm
        return {
            "app": AppearanceDiscriminator(width=width, norm=norm),
            "lm": LandmarkDiscriminator(num_landmarks, width=width, norm=norm),
        }


@dataclass(frozen=True)
class PairOptions:
    """Which faces meet; the defaults are the paper's."""

    batch_size: int = 32
    """Pairs a step, over all devices together."""
    same_image_share: float = 0.75
    """Share of pairs whose condition is the source itself."""
    same_person_share: float = 0.0
    """Share of pairs of one person in two pictures: pixel supervision across poses."""
    num_pairs: int | None = 24_000
    """Pairs fixed beforehand; None draws afresh at every step (published code)."""


@dataclass(frozen=True)
class OptimizerOptions:
    """Adam; the defaults are the paper's."""

    lr_g: float = 2e-4
    """Learning rate of the generator."""
    lr_d: float = 2e-6
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
class TrainOptions:
    """Train AnonyGAN on a prepared folder, or on synthetic faces where none is given."""

    preset: Preset = "smoke"
    """Defaults of all other options: "smoke" (minutes on two cores), "small", "paper"."""
    data: Path | None = None
    """Folder made by prepare.py; synthetic faces if not given."""
    out: Path | None = None
    """Folder of the run, new or empty; by default a new one below runs/."""
    resume: Path | None = None
    """Folder of a run to go on with; its options are taken over."""
    steps: int = 100_000
    """Total number of steps, those of earlier sittings included."""
    more: int | None = None
    """With --resume: this many steps more than the run was meant to take."""
    device: str = "auto"
    """cpu, cuda (or gpu), mps, or auto for the fastest there is."""
    devices: int = 1
    """How many processes or GPUs share each batch."""
    precision: Precision = "auto"
    """32-true, bf16-mixed or 16-mixed; auto is bf16 where the hardware multiplies in it."""
    seed: int = 0
    """Of weights, pairs, dropout and synthetic faces."""
    workers: int = 0
    """Processes that read pictures; 0 reads them all into memory before training."""
    size: int = 128
    """Side of synthetic faces in pixels; a prepared folder has its own."""
    people: int = 200
    """Synthetic people to train on."""
    faces_per_person: int = 12
    """Pictures of each of them."""
    log_every: int = 20
    """Steps between rows of metrics.csv."""
    save_every: int = 500
    """Steps between checkpoints."""
    sheet_every: int = 500
    """Steps between sheets of sample pictures."""
    model: ModelOptions = field(default_factory=ModelOptions)
    pairs: PairOptions = field(default_factory=PairOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    optimizer: OptimizerOptions = field(default_factory=OptimizerOptions)

    def __post_init__(self) -> None:
        if self.devices < 1:
            raise ValueError(f"expected --devices of at least 1, got {self.devices}")
        if self.workers < 0:
            raise ValueError(f"expected --workers of 0 and more, got {self.workers}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"expected --seed from 0 to below 2^32, got {self.seed}")
        if self.more is not None and self.resume is None:
            raise ValueError("expected --more together with --resume")
        if self.more is not None and self.more < 1:
            raise ValueError(f"expected --more of at least 1, got {self.more}")
        if self.resume is not None and self.out is not None:
            raise ValueError("expected --resume or --out, got both: a resumed run keeps its folder")
        if self.loss.penalises_gradients and self.model.norm == "batch":
            raise ValueError(
                "expected --norm instance or group with gradient penalties: batch statistics mix "
                "the items whose gradients are to be small one by one"
            )


_PAPER = TrainOptions(preset="paper")
# Real faces at a fraction of the cost. Pixels teach nearly everything, inside the mask, over pairs
# of one person in two pictures; with many pairs of a picture with itself the attention would learn
# to copy the condition as it is.
_SMALL = replace(
    _PAPER,
    preset="small",
    steps=2_000,
    size=64,
    model=replace(
        _PAPER.model,
        width=32,
        discriminator_width=32,
        dropout=0.0,
        landmark_attention="position",
        attention_norm=True,
        upsampling="resize",
    ),
    pairs=PairOptions(
        batch_size=16, same_image_share=0.125, same_person_share=0.75, num_pairs=None
    ),
    loss=LossOptions(
        weight_app=0.2,
        weight_lm=0.2,
        weight_wfm=0.1,
        weight_recon=20,
        recon_of="pasted",
        context_jitter=0.2,
    ),
    optimizer=replace(_PAPER.optimizer, lr_g=4e-4, lr_d=5e-5, decay=0.5, ema=0.99),
)
# A few minutes on two cores.
_SMOKE = replace(
    _SMALL,
    preset="smoke",
    steps=700,
    save_every=200,
    sheet_every=200,
    model=replace(_SMALL.model, width=16, blocks=3, discriminator_width=16),
    optimizer=replace(_SMALL.optimizer, lr_g=6e-4, decay=0.0, ema=0.98),
)

PRESETS: dict[Preset, TrainOptions] = {"smoke": _SMOKE, "small": _SMALL, "paper": _PAPER}
