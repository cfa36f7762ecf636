"""Options of BiGraphGAN's training, and its presets."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from objective import LossOptions
from torch import nn

from graphgan.models import BiGraphGAN, ResNetDiscriminator
from graphgan.models.bigraphgan import NUM_JOINTS
from graphgan.models.efficientnet_lite import EfficientNetLite
from graphgan.models.generator import LandmarkGenerator
from graphgan.models.initialization import init_normal
from graphgan.models.projected_discriminator import ProjectedDiscriminator
from graphgan.training.options import OptimizerOptions, RunOptions

Preset = Literal["smoke", "market", "deepfashion"]


@dataclass(frozen=True)
class ModelOptions:
    """The networks; the defaults are the published ones for Market-1501."""

    width: int = 64
    """Channels after the first convolutions of the generator."""
    blocks: int = 9
    """Landmark-appearance aggregation blocks."""
    discriminator_width: int = 64
    """Channels after the first convolution of the discriminators."""
    projected: bool = False
    """Discriminators look at features of EfficientNet-lite0, which was trained on ImageNet, instead
    of at pixels (not in the paper)."""
    bend: bool = False
    """The given image is bent limb by limb to the wanted joints before the generator and the
    blend see it (not in the paper)."""
    shape_encoding: Literal["separate", "joint"] = "joint"
    """Poses: all maps together (published) or each pose on its own."""
    blend: Literal["two_maps", "none", "attend_base", "attend_intermediate"] = "two_maps"
    """Market-1501's two unbounded maps, none as for DeepFashion, or a bounded map (AnonyGAN)."""
    dropout: float = 0.5
    """In the aggregation blocks."""
    norm: Literal["batch", "instance", "group"] = "batch"
    """Normalization of every network (published for DeepFashion: instance, but in the
    reasoning)."""
    attention_norm: bool = False
    """Normalize inside the attention decoder (not published)."""
    upsampling: Literal["transposed", "resize"] = "transposed"
    """Of the output heads; "resize" leaves no grid of dots."""
    gradient_checkpointing: bool = False
    """Keep less of the generator's forward pass and compute it again: less memory, more time."""
    sigma: float = 6.0
    """Of the Gaussian pose maps, in pixels."""
    init_std: float = 0.02
    """Standard deviation of the first weights."""
    trained_with: str = ""
    """Networks of others whose features the weights of --start-from were trained with, which they
    say themselves, with commas in between: what measures with them does not judge the result."""

    def generator(self, *, trained_with: Sequence[str] = ()) -> BiGraphGAN:
        """With the names of the networks whose features its training sees."""
        generator = LandmarkGenerator(
            3,
            NUM_JOINTS,
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
        """The options of that generator, and of these discriminators."""
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
        """Of appearance and pose."""
        if self.projected:
            *_, last = features = EfficientNetLite("lite0").stage_channels
            width = self.discriminator_width
            return {
                "app": ProjectedDiscriminator(features, width=width, condition_channels=last),
                "pose": ProjectedDiscriminator(features, width=width, num_landmarks=NUM_JOINTS),
            }
        channels = {"app": 6, "pose": 3 + NUM_JOINTS}
        networks: dict[str, nn.Module] = {
            name: ResNetDiscriminator(count, width=self.discriminator_width, norm=self.norm)
            for name, count in channels.items()
        }
        for network in networks.values():
            init_normal(network, std=self.init_std)
        return networks


@dataclass(frozen=True)
class PairOptions:
    """Which images meet: those of the data set's list, or any two of a person."""

    batch_size: int = 32
    """Pairs a step, over all devices together."""
    flip: bool = True
    """Mirror half of the pairs, by chance: images and joints."""


@dataclass(frozen=True)
class TrainOptions(RunOptions):
    """Train BiGraphGAN on a prepared folder, or on drawn persons where none is given."""

    preset: Preset = "smoke"
    """Defaults of all other options: "smoke" (minutes on two cores), "market", "deepfashion"."""
    size: tuple[int, int] = (128, 64)
    """Height and width of drawn persons in pixels; a prepared folder has its own."""
    people: int = 300
    """Drawn people to train on."""
    images_per_person: int = 8
    """Images of each of them."""
    vgg19: Path | None = None
    """Weights of VGG-19 (torchvision's file) for the perceptual loss; those of an installed
    torchvision if not given."""
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
    """The options of a run that starts from these weights, whose generator it keeps."""
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
# Minutes on two cores, beyond the paper. No VGG-19 has to be there.
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
