"""Training options of BiGraphGAN and its presets."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from objective import LossOptions
from torch import nn

from graphgan.landmarks import OPENPOSE_18
from graphgan.models import (
    BiGraphGAN,
    EfficientNetLite,
    LandmarkGenerator,
    ProjectedDiscriminator,
    ResNetDiscriminator,
    init_normal,
)
from graphgan.training import OptimizerOptions, RunOptions

Preset = Literal["smoke", "market", "deepfashion"]


@dataclass(frozen=True)
class ModelOptions:
    """The networks. The defaults are those published for Market-1501."""

    width: int = 64
    """Channels after the generator's first convolutions."""
    blocks: int = 9
    """Number of landmark-appearance aggregation blocks."""
    discriminator_width: int = 64
    """Channels after the discriminators' first convolution."""
    projected: bool = False
    """Use projected discriminators, which see features of EfficientNet-lite0 (trained on ImageNet)
    instead of pixels (not in the paper)."""
    bend: bool = False
    """Warp the given image limb by limb to the target joints before the generator and the blend see
    it (not in the paper)."""
    shape_encoding: Literal["separate", "joint"] = "joint"
    """Encode both poses jointly (published) or separately."""
    blend: Literal["two_maps", "none", "attend_base", "attend_intermediate"] = "two_maps"
    """How the output is blended: two unbounded maps as for Market-1501, none as for DeepFashion, or
    one bounded attention map (AnonyGAN)."""
    dropout: float = 0.5
    """Dropout probability in the aggregation blocks."""
    norm: Literal["batch", "instance", "group"] = "batch"
    """Normalization in every network. DeepFashion as published: instance, except in the
    reasoning."""
    attention_norm: bool = False
    """Normalize inside the attention decoder (not published)."""
    upsampling: Literal["transposed", "resize"] = "transposed"
    """Upsampling in the output heads. "resize" avoids checkerboard artifacts."""
    gradient_checkpointing: bool = False
    """Save memory by recomputing parts of the generator in the backward pass. Training is
    slower."""
    sigma: float = 6.0
    """Standard deviation of the Gaussian pose maps in pixels."""
    init_std: float = 0.02
    """Standard deviation of the initial weights."""
    trained_with: str = ""
    """Comma-separated names of other networks whose features the weights of --start-from were
    trained with; read from those weights. Metrics based on these networks are not independent."""

    def generator(self, *, trained_with: Sequence[str] = ()) -> BiGraphGAN:
        """Build the generator, with the names of the networks whose features it is trained with."""
        generator = LandmarkGenerator(
            3,
            OPENPOSE_18.num_landmarks,
            width=self.width,
            num_blocks=self.blocks,
            shape_encoding=self.shape_encoding,
            landmark_attention=None,
            rendering="gaussian",
            sigma=self.sigma,
            dropout=self.dropout,
            norm=self.norm,
            attention_norm=self.norm if self.attention_norm else None,
            blend=self.blend,
            upsampling=self.upsampling,
        )
        generator.gradient_checkpointing = self.gradient_checkpointing
        init_normal(generator, std=self.init_std)
        return BiGraphGAN(generator, bend=self.bend, trained_with=trained_with)

    def like(self, model: BiGraphGAN) -> "ModelOptions":
        """Options that match a generator, with these options' discriminators."""
        config = model.generator.config
        return replace(
            self,
            width=config["width"],
            blocks=config["num_blocks"],
            bend=model.bend,
            shape_encoding=config["shape_encoding"],
            blend=config["blend"],
            dropout=config["dropout"],
            norm=config["norm"],
            attention_norm=config["attention_norm"] is not None,
            upsampling=config["upsampling"],
            sigma=config["sigma"],
            trained_with=",".join(model.trained_with),
        )

    def discriminators(self) -> dict[str, nn.Module]:
        """Build the appearance and pose discriminators."""
        if self.projected:
            *_, last = features = EfficientNetLite("lite0").stage_channels
            width = self.discriminator_width
            return {
                "app": ProjectedDiscriminator(features, width=width, condition_channels=last),
                "pose": ProjectedDiscriminator(
                    features, width=width, num_landmarks=OPENPOSE_18.num_landmarks
                ),
            }
        channels = {"app": 6, "pose": 3 + OPENPOSE_18.num_landmarks}
        networks: dict[str, nn.Module] = {
            name: ResNetDiscriminator(count, width=self.discriminator_width, norm=self.norm)
            for name, count in channels.items()
        }
        for network in networks.values():
            init_normal(network, std=self.init_std)
        return networks


@dataclass(frozen=True)
class PairOptions:
    """Training pairs: those of the data set's list, or any two images of a person."""

    batch_size: int = 32
    """Pairs per step, over all devices."""
    flip: bool = True
    """Randomly mirror half of the pairs, images and joints."""


@dataclass(frozen=True)
class TrainOptions(RunOptions):
    """Train BiGraphGAN on a prepared folder, or on drawn persons if --data is not given."""

    preset: Preset = "smoke"
    """Defaults of all other options: "smoke" (minutes on two cores), "market" or "deepfashion"."""
    size: tuple[int, int] = (128, 64)
    """Height and width of drawn persons in pixels. Prepared folders have their own size."""
    people: int = 300
    """Number of drawn people to train on."""
    images_per_person: int = 8
    """Drawn images per person."""
    vgg19: Path | None = None
    """VGG-19 weights (torchvision's file) for the perceptual loss. Default: those of an installed
    torchvision."""
    model: ModelOptions = field(default_factory=ModelOptions)
    pairs: PairOptions = field(default_factory=PairOptions)
    loss: LossOptions = field(default_factory=LossOptions)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model.projected and self.loss.history:
            raise ValueError(
                "expected --history 0 with --projected, whose discriminators see each image once,"
                f" got {self.loss.history}"
            )

    @property
    def trained_with(self) -> list[str]:
        """Names of the networks whose features the generator learns from."""
        names = {self.loss.perceptual} if self.loss.is_perceptual else set()
        names |= {*self.model.trained_with.split(","), "lite0" if self.model.projected else ""}
        return sorted(names - {""})


def like_weights(options: TrainOptions, source: Path) -> TrainOptions:
    """The options of a run that starts from these weights and keeps their generator."""
    return replace(options, model=options.model.like(BiGraphGAN.from_pretrained(source)))


PER_SITTING = ("vgg19",)
DRAWING_FLAGS = ("--size", "--people", "--images-per-person")

# 700 epochs of 4,000 pairs, the rate falling over the last 200.
_MARKET = TrainOptions(preset="market", steps=87_500, optimizer=OptimizerOptions(decay=2 / 7))
_DEEPFASHION = replace(
    _MARKET,
    preset="deepfashion",
    size=(256, 176),
    model=ModelOptions(blend="none", norm="instance"),
    loss=LossOptions(adversarial="lsgan", history=0),
)
# Minutes on two cores, beyond the paper. VGG-19 is not needed.
_SMOKE = replace(
    _MARKET,
    preset="smoke",
    steps=900,
    save_every=200,
    sheet_every=200,
    model=ModelOptions(
        width=16,
        blocks=3,
        discriminator_width=16,
        projected=True,
        bend=True,
        blend="attend_base",
        dropout=0.0,
        attention_norm=True,
        upsampling="resize",
    ),
    pairs=PairOptions(batch_size=16),
    loss=LossOptions(
        adversarial="hinge",
        weight_gan=0.3,
        weight_l1=15,
        l1_outside=0.1,
        weight_perceptual=3,
        perceptual="lite0",
        history=0,
    ),
    optimizer=OptimizerOptions(lr_g=1e-3, lr_d=4e-4, decay=0.5, ema=0.98),
)

PRESETS: dict[Preset, TrainOptions] = {
    "smoke": _SMOKE,
    "market": _MARKET,
    "deepfashion": _DEEPFASHION,
}
